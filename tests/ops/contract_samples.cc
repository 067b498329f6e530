// Samples of contractions and convolutions.
#include "absl/strings/str_cat.h"
#include "tests/ops/sample.h"

namespace tenon::tests {
namespace {

using namespace ir;  // NOLINT: the builder's functions read as mathematics

struct ContractCase {
  std::string spec;
  Shape a, b;
};

void AddContract(SampleList& list) {
  const ContractCase cases[] = {{"mk,kn->mn", {3, 5}, {5, 4}},
                                {"mk,kn->mn", {1, 1}, {1, 1}},
                                {"mk,kn->mn", {17, 33}, {33, 19}},
                                {"mk,kn->mn", {64, 64}, {64, 64}},
                                {"mk,kn->mn", {9, 130}, {130, 49}},
                                {"km,kn->mn", {12, 7}, {12, 16}},
                                {"mk,nk->mn", {7, 12}, {16, 12}},
                                {"mk,kn->nm", {8, 6}, {6, 48}},
                                {"bmk,bkn->bmn", {3, 4, 5}, {3, 5, 6}},
                                {"bhqd,bhkd->bhqk", {2, 2, 5, 8}, {2, 2, 7, 8}},
                                {"i,i->", {37}, {37}},
                                {"i,j->ij", {5}, {18}},
                                {"ij,j->i", {9, 21}, {21}},
                                {"i,ij->j", {9}, {9, 21}},
                                {"ab,cd->ac", {3, 4}, {5, 6}},
                                {"abc,bd->dac", {2, 3, 4}, {3, 5}},
                                {",ab->ba", {}, {4, 3}},
                                {"mk,kn->mn", {0, 4}, {4, 3}},
                                {"mk,kn->mn", {3, 0}, {0, 4}},
                                {"abcd,cdef->abef", {2, 3, 2, 3}, {2, 3, 3, 2}},
                                {"i,i->i", {21}, {21}},
                                {"mk,kn->mn", {1, 257}, {257, 1}},
                                {"mk,kn->mn", {128, 40}, {40, 96}}};
  for (const ContractCase& c : cases) {
    const std::string base =
        absl::StrCat("contract/", c.spec, "/", ShapeToString(c.a), ShapeToString(c.b));
    list.Add(base, OpCode::kContract, [=](SampleBuilder& s) {
      return std::vector<Value>{Contract(c.spec, s.In(F32, c.a), s.In(F32, c.b))};
    });
    const Dim size = Product(c.a) * Product(c.b);
    if (size.constant() > 2000) continue;
    list.Add(base + "/gradient", OpCode::kContract,
             [=](SampleBuilder& s) {
               return std::vector<Value>{Contract(c.spec, s.In(F64, c.a), s.In(F64, c.b))};
             })
        .Differentiable();
  }
  for (DType t : {F64, BF16, F16, I8, U8, I32, I64}) {
    list.Add("contract/" + Name(t), OpCode::kContract, [=](SampleBuilder& s) {
      return std::vector<Value>{Contract("mk,kn->mn", s.In(t, {5, 19}, Uniform(-3, 3)),
                                         s.In(t, {19, 18}, Uniform(-3, 3)))};
    });
  }
  for (DType t : {BF16, F16, F32}) {
    list.Add("contract/wide/" + Name(t), OpCode::kContract, [=](SampleBuilder& s) {
      const Value a = s.In(t, {5, 19}, Uniform(-3, 3)), b = s.In(t, {19, 18}, Uniform(-3, 3));
      return std::vector<Value>{Contract("mk,kn->mn", a, b, /*wide=*/true),
                                Contract("mk,kn->mnk", a, b, /*wide=*/true),
                                Contract("mk,ml->m", a, a, /*wide=*/true)};
    });
  }
  list.Add("contract/specials", OpCode::kContract, [](SampleBuilder& s) {
    return std::vector<Value>{Contract("mk,kn->mn",
                                       s.In(F32, {3, 4}, Values({1, NAN, 2, 0, INFINITY, 5, -1})),
                                       s.In(F32, {4, 2}, Values({1, 0, -2})))};
  });
}

void AddSymbolicContract(SampleList& list) {
  const std::vector<Extents> sizes = {{{"n", 0}}, {{"n", 1}}, {{"n", 7}}, {{"n", 64}}};
  const Dim n = Dim("n").AtMost(64);
  struct SymbolicCase {
    std::string name, spec;
    Shape a, b;
  };
  const SymbolicCase symbolic[] = {{"rows", "mk,kn->mn", {n, 12}, {12, 20}},
                                   {"columns", "mk,kn->mn", {5, 12}, {12, n}},
                                   {"contracted", "mk,kn->mn", {5, n}, {n, 20}},
                                   {"batch", "bmk,bkn->bmn", {n, 3, 4}, {n, 4, 5}},
                                   {"square", "mk,nk->mn", {n, 8}, {n, 8}}};
  for (const SymbolicCase& c : symbolic) {
    list.Add("contract/symbolic/" + c.name, OpCode::kContract,
             [=](SampleBuilder& s) {
               return std::vector<Value>{Contract(c.spec, s.In(F32, c.a), s.In(F32, c.b))};
             })
        .At(sizes);
    list.Add("contract/symbolic/gradient/" + c.name, OpCode::kContract,
             [=](SampleBuilder& s) {
               return std::vector<Value>{Contract(c.spec, s.In(F64, c.a), s.In(F64, c.b))};
             })
        .At({{{"n", 1}}, {{"n", 3}}})
        .Differentiable();
  }
  list.Add("contract/matmul", OpCode::kContract, [](SampleBuilder& s) {
    Value a = s.In(F32, {2, 3, 4});
    return std::vector<Value>{MatMul(a, s.In(F32, {4, 5})), MatMul(a, s.In(F32, {2, 4, 3}))};
  });
}

struct ConvCase {
  std::string name;
  Shape x, f;
  ConvAttrs a;
};

std::vector<ConvCase> ConvCases() {
  return {
      {"1d", {2, 9, 3}, {3, 3, 4}, {}},
      {"1x1", {1, 4, 5, 8}, {1, 1, 8, 16}, {}},
      {"same", {2, 6, 7, 3}, {3, 3, 3, 5}, {{}, {}, {1, 1}, {1, 1}, 1, {}}},
      {"strided", {1, 9, 8, 2}, {3, 2, 2, 4}, {{2, 3}, {}, {1, 0}, {0, 1}, 1, {}}},
      {"dilated", {1, 9, 9, 2}, {2, 3, 2, 3}, {{}, {3, 2}, {}, {}, 1, {}}},
      {"grouped", {2, 5, 5, 6}, {3, 3, 3, 4}, {{}, {}, {1, 1}, {1, 1}, 2, {}}},
      {"depthwise", {1, 6, 6, 5}, {3, 3, 1, 5}, {{2, 2}, {}, {1, 1}, {1, 1}, 5, {}}},
      {"multiplier", {1, 4, 4, 3}, {2, 2, 1, 6}, {{}, {}, {}, {}, 3, {}}},
      {"3d", {1, 4, 3, 5, 2}, {2, 2, 3, 2, 3}, {{1, 1, 2}, {}, {0, 1, 1}, {0, 0, 1}, 1, {}}},
      {"skipping", {1, 7, 2}, {1, 2, 3}, {{3}, {}, {}, {}, 1, {}}},
      {"empty_batch", {0, 5, 5, 2}, {3, 3, 2, 3}, {}},
      {"wide", {1, 6, 6, 17}, {3, 3, 17, 33}, {{}, {}, {1, 1}, {1, 1}, 1, {}}},
      {"all", {2, 8, 7, 4}, {3, 2, 2, 6}, {{2, 1}, {1, 2}, {2, 1}, {1, 0}, 2, {}}},
  };
}

// One of the three convolutions of a case, whose third tensor's shape follows from the others.
Value Apply(OpCode op, SampleBuilder& s, const ConvCase& c, DType t) {
  GraphBuilder shapes;
  const Shape y = Conv(shapes.Input("x", t, c.x), shapes.Input("f", t, c.f), c.a).shape();
  ConvAttrs a = c.a;
  if (op == OpCode::kConv) return Conv(s.In(t, c.x), s.In(t, c.f), a);
  if (op == OpCode::kConvTranspose) {
    a.shape = c.x;
    return ConvTranspose(s.In(t, y), s.In(t, c.f), a);
  }
  a.shape = c.f;
  return ConvFilter(s.In(t, c.x), s.In(t, y), a);
}

void AddConv(SampleList& list) {
  for (OpCode op : {OpCode::kConv, OpCode::kConvTranspose, OpCode::kConvFilter}) {
    for (const ConvCase& c : ConvCases()) {
      const std::string base = absl::StrCat(OpName(op), "/", c.name);
      list.Add(base, op,
               [=](SampleBuilder& s) { return std::vector<Value>{Apply(op, s, c, F32)}; });
      if ((Product(c.x) * Product(c.f)).constant() > 30000) continue;
      list.Add(base + "/gradient", op,
               [=](SampleBuilder& s) { return std::vector<Value>{Apply(op, s, c, F64)}; })
          .Differentiable();
    }
    for (DType t : {BF16, F16, F64, I32}) {
      list.Add(absl::StrCat(OpName(op), "/", Name(t)), op, [=](SampleBuilder& s) {
        return std::vector<Value>{Apply(op, s, ConvCases()[2], t)};
      });
    }
    list.Add(absl::StrCat(OpName(op), "/f32_result"), op, [=](SampleBuilder& s) {
      ConvCase c = ConvCases()[2];
      c.a.wide = true;
      return std::vector<Value>{Apply(op, s, c, BF16)};
    });
    const Dim n = Dim("n").AtMost(5);
    list.Add(absl::StrCat(OpName(op), "/symbolic_batch"), op,
             [=](SampleBuilder& s) {
               const ConvCase c = {
                   "", {n, 6, 6, 3}, {3, 3, 3, 4}, {{2, 2}, {}, {1, 1}, {1, 1}, 1, {}}};
               GraphBuilder shapes;
               return std::vector<Value>{Apply(op, s, c, F64)};
             })
        .At({{{"n", 0}}, {{"n", 1}}, {{"n", 3}}, {{"n", 5}}})
        .Differentiable();
    list.Add(absl::StrCat(OpName(op), "/symbolic_length"), op,
             [=](SampleBuilder& s) {
               const Dim t = Dim("t").AtMost(20);
               const ConvCase c = {"", {2, t, 3}, {3, 3, 4}, {{1}, {}, {1}, {1}, 1, {}}};
               return std::vector<Value>{Apply(op, s, c, F32)};
             })
        .At({{{"t", 0}}, {{"t", 1}}, {{"t", 13}}, {{"t", 20}}});
  }
}

}  // namespace

void AddContractSamples(SampleList& list) {
  AddContract(list);
  AddSymbolicContract(list);
  AddConv(list);
}

}  // namespace tenon::tests
