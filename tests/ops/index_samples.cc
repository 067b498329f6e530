// Samples of gather, scatter, dynamic slices, sorting.
#include "absl/strings/str_cat.h"
#include "tests/ops/sample.h"

namespace tenon::tests {
namespace {

using namespace ir;  // NOLINT: the builder's functions read as mathematics

struct GatherCase {
  std::string name;
  Shape x, indices, updates;
  int64_t axis, batch;
};

std::vector<GatherCase> GatherCases() {
  return {{"rows", {7, 3}, {5}, {5, 3}, 0, 0},
          {"columns", {3, 7}, {2, 4}, {3, 2, 4}, 1, 0},
          {"one", {6}, {}, {}, 0, 0},
          {"batched", {3, 5, 2}, {3, 4}, {3, 4, 2}, 1, 1},
          {"elements", {4, 6}, {4, 6}, {4, 6}, 1, 1},
          {"middle", {2, 3, 5, 2}, {2, 4}, {2, 3, 4, 2}, 2, 1},
          {"none", {4, 3}, {0}, {0, 3}, 0, 0},
          {"wide", {9, 33}, {21}, {21, 33}, 0, 0}};
}

void AddGather(SampleList& list) {
  for (const GatherCase& c : GatherCases()) {
    for (DType index : {I64, I32}) {
      list.Add(
          absl::StrCat("gather/", c.name, "/", Name(index)), OpCode::kGather,
          [=](SampleBuilder& s) {
            return std::vector<Value>{Gather(
                s.In(F32, c.x), s.In(index, c.indices, IndexInto(c.x[c.axis])), c.axis, c.batch)};
          });
    }
    list.Add("gather/gradient/" + c.name, OpCode::kGather,
             [=](SampleBuilder& s) {
               return std::vector<Value>{Gather(
                   s.In(F64, c.x), s.In(I64, c.indices, IndexInto(c.x[c.axis])), c.axis, c.batch)};
             })
        .Differentiable();
  }
  list.Add("gather/symbolic", OpCode::kGather,
           [](SampleBuilder& s) {
             const Dim n = Dim("n").AtMost(20), k = Dim("k").AtMost(30);
             return std::vector<Value>{Gather(s.In(F32, {n, 3}), s.In(I64, {k}, IndexInto(n)), 0)};
           })
      .At({{{"n", 1}, {"k", 5}},
           {{"n", 20}, {"k", 0}},
           {{"n", 7}, {"k", 30}},
           {{"n", 0}, {"k", 0}}});
}

void AddScatter(SampleList& list) {
  for (ScatterKind kind :
       {ScatterKind::kSet, ScatterKind::kAdd, ScatterKind::kMax, ScatterKind::kMin}) {
    const std::string base = absl::StrCat("scatter/", static_cast<int>(kind), "/");
    for (const GatherCase& c : GatherCases()) {
      list.Add(base + c.name, OpCode::kScatter, [=](SampleBuilder& s) {
        return std::vector<Value>{Scatter(kind, s.In(F32, c.x),
                                          s.In(I32, c.indices, IndexInto(c.x[c.axis])),
                                          s.In(F32, c.updates), c.axis, c.batch)};
      });
      list.Add(base + c.name + "/gradient", OpCode::kScatter,
               [=](SampleBuilder& s) {
                 return std::vector<Value>{Scatter(kind, s.In(F64, c.x, Distinct(-2, 2)),
                                                   s.In(I64, c.indices, IndexInto(c.x[c.axis])),
                                                   s.In(F64, c.updates, Distinct(-2.003, 2.1)),
                                                   c.axis, c.batch)};
               })
          .Differentiable();
    }
    for (DType t : {BF16, I8, I64}) {
      list.Add(base + Name(t), OpCode::kScatter, [=](SampleBuilder& s) {
        return std::vector<Value>{
            Scatter(kind, s.In(t, {5, 2}), s.In(I64, {9}, IndexInto(5)), s.In(t, {9, 2}), 0)};
      });
    }
    list.Add(base + "symbolic", OpCode::kScatter,
             [=](SampleBuilder& s) {
               const Dim n = Dim("n").AtMost(20), k = Dim("k").AtMost(30);
               return std::vector<Value>{Scatter(
                   kind, s.In(F32, {n, 3}), s.In(I64, {k}, IndexInto(n)), s.In(F32, {k, 3}), 0)};
             })
        .At({{{"n", 1}, {"k", 5}}, {{"n", 20}, {"k", 0}}, {{"n", 7}, {"k", 30}}});
  }
}

void AddDynamic(SampleList& list) {
  // Starts inside, below and above what fits.
  const double starts[] = {0, 2, -5, 100};
  for (double at : starts) {
    list.Add(absl::StrCat("dynamic_slice/", at), OpCode::kDynamicSlice,
             [=](SampleBuilder& s) {
               Value x = s.In(F64, {6, 5});
               Value i = s.In(I64, {}, Values({at})), j = s.In(I64, {}, Values({1}));
               return std::vector<Value>{DynamicSlice(x, {i, j}, {3, 2}),
                                         DynamicSlice(x, {i, j}, {6, 5})};
             })
        .Differentiable();
    list.Add(absl::StrCat("dynamic_update/", at), OpCode::kDynamicUpdate,
             [=](SampleBuilder& s) {
               Value x = s.In(F64, {6, 5}), u = s.In(F64, {2, 3});
               Value i = s.In(I64, {}, Values({1})), j = s.In(I64, {}, Values({at}));
               return std::vector<Value>{DynamicUpdate(x, u, {i, j})};
             })
        .Differentiable();
  }
  list.Add("dynamic_slice/scalar", OpCode::kDynamicSlice, [](SampleBuilder& s) {
    return std::vector<Value>{DynamicSlice(s.In(F32, {}), {}, {})};
  });
  list.Add("dynamic_update/i8", OpCode::kDynamicUpdate, [](SampleBuilder& s) {
    return std::vector<Value>{DynamicUpdate(s.In(I8, {37}, Uniform(-99, 99)), s.In(I8, {20}),
                                            {s.In(I64, {}, Values({7}))})};
  });
  const std::vector<Extents> sizes = {{{"n", 0}}, {{"n", 1}}, {{"n", 9}}};
  list.Add("dynamic_slice/symbolic", OpCode::kDynamicSlice,
           [](SampleBuilder& s) {
             const Dim n = Dim("n").AtMost(9);
             return std::vector<Value>{DynamicSlice(
                 s.In(F32, {n + Dim(4), 3}),
                 {s.In(I64, {}, Values({2})), s.In(I64, {}, Values({0}))}, {n + Dim(1), 3})};
           })
      .At(sizes);
  list.Add("dynamic_update/symbolic", OpCode::kDynamicUpdate,
           [](SampleBuilder& s) {
             const Dim n = Dim("n").AtMost(9);
             return std::vector<Value>{
                 DynamicUpdate(s.In(F32, {n + Dim(1), 3}), s.In(F32, {1, 3}),
                               {s.In(I64, {}, Values({5})), s.In(I64, {}, Values({0}))})};
           })
      .At(sizes);
}

void AddSort(SampleList& list) {
  for (bool descending : {false, true}) {
    const std::string base = descending ? "sort/descending/" : "sort/ascending/";
    for (DType t : {F32, F64, BF16, F16, I8, U8, I32, I64}) {
      list.Add(base + Name(t), OpCode::kSort, [=](SampleBuilder& s) {
        Value x = s.In(t, {3, 37}, Uniform(-20, 20));
        return Sort({x, s.builder().Iota({I64, x.shape()}, 1)}, 1, descending);
      });
    }
    list.Add(base + "specials", OpCode::kSort, [=](SampleBuilder& s) {
      Value x = s.In(F32, {2, 9}, Values({1, NAN, -0.0, 0.0, INFINITY, -INFINITY, NAN, -3}));
      return Sort({x, s.builder().Iota({I32, x.shape()}, 1)}, 1, descending);
    });
    list.Add(base + "axis0", OpCode::kSort, [=](SampleBuilder& s) {
      return Sort({s.In(F32, {19, 3}), s.In(Bool, {19, 3})}, 0, descending);
    });
    list.Add(base + "empty", OpCode::kSort, [=](SampleBuilder& s) {
      return Sort({s.In(F32, {2, 0})}, 1, descending);
    });
    list.Add(base + "gradient", OpCode::kSort,
             [=](SampleBuilder& s) {
               return Sort({s.In(F64, {3, 4, 2}, Distinct()), s.In(F64, {3, 4, 2})}, 1, descending);
             })
        .Differentiable();
    list.Add(base + "symbolic", OpCode::kSort,
             [=](SampleBuilder& s) {
               return Sort({s.In(F32, {2, Dim("n").AtMost(40)})}, 1, descending);
             })
        .At({{{"n", 0}}, {{"n", 1}}, {{"n", 33}}});
  }
  list.Add("sort/top_k", OpCode::kSort, [](SampleBuilder& s) {
    const auto [values, indices] = TopK(s.In(F32, {4, 11}), 3);
    return std::vector<Value>{values, indices};
  });
}

}  // namespace

void AddIndexSamples(SampleList& list) {
  AddGather(list);
  AddScatter(list);
  AddDynamic(list);
  AddSort(list);
}

}  // namespace tenon::tests
