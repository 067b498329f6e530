// Samples of leaves, of element-wise ops, comparison, choice and conversion.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/ops/sample.h"

namespace tenon::tests {
namespace {

using namespace ir;  // NOLINT: the builder's functions read as mathematics

constexpr DType kFloats[] = {F32, F64, BF16, F16};
constexpr DType kIntegers[] = {I8, U8, I32, I64};

const std::vector<double>& Specials() {
  static const std::vector<double>& values = *new std::vector<double>{
      0.0,    -0.0,     1.0,     -1.0,  0.5,       -2.5,   3.5,      1e-40, -1e-40,
      1e-300, 65504.0,  70000.0, -1e30, 88.5,      -104.0, 2.5,      1e38,  -0.3,
      1e300,  INFINITY, NAN,     1e-8,  -INFINITY, 710.0,  0.9999999};
  return values;
}

// Shapes that tell vectors from tails, and nothing from something.
const std::vector<Shape>& Shapes() {
  static const std::vector<Shape>& shapes =
      *new std::vector<Shape>{{}, {0}, {1}, {7}, {16}, {3, 5}, {2, 0, 3}, {17, 33}, {1, 1, 1, 5}};
  return shapes;
}

const std::vector<Extents> kSizes = {{{"n", 0}}, {{"n", 1}}, {{"n", 7}}, {{"n", 64}}};

using UnaryFn = Value (*)(Operand);
struct UnaryRow {
  OpCode op;
  UnaryFn fn;
  double low, high;  // where it is smooth
};
const UnaryRow kUnary[] = {
    {OpCode::kExp, Exp, -3, 3},
    {OpCode::kExpm1, Expm1, -2, 2},
    {OpCode::kLog, Log, 0.2, 5},
    {OpCode::kLog1p, Log1p, -0.7, 4},
    {OpCode::kSqrt, Sqrt, 0.3, 5},
    {OpCode::kRsqrt, Rsqrt, 0.3, 5},
    {OpCode::kSin, Sin, -4, 4},
    {OpCode::kCos, Cos, -4, 4},
    {OpCode::kTanh, Tanh, -2, 2},
    {OpCode::kSigmoid, Sigmoid, -4, 4},
    {OpCode::kErf, Erf, -2, 2},
    {OpCode::kNeg, [](Operand x) { return -x; }, -2, 2},
    {OpCode::kAbs, Abs, 0.5, 2},
    {OpCode::kSign, Sign, 0.5, 2},
    {OpCode::kFloor, Floor, 0.1, 0.9},
    {OpCode::kCeil, Ceil, 0.1, 0.9},
    {OpCode::kRound, Round, 0.1, 0.4},
    {OpCode::kTrunc, Trunc, 0.1, 0.9},
    {OpCode::kStopGradient, StopGradient, -1, 1},
};

void AddUnary(SampleList& list, const UnaryRow& row) {
  const std::string op(OpName(row.op));
  for (DType t : kFloats) {
    list.Add(absl::StrCat(op, "/", Name(t), "/specials"), row.op, [=](SampleBuilder& s) {
      return std::vector<Value>{row.fn(s.In(t, {50}, Values(Specials())))};
    });
  }
  for (const Shape& shape : Shapes()) {
    list.Add(absl::StrCat(op, "/f32/", ShapeToString(shape)), row.op, [=](SampleBuilder& s) {
      return std::vector<Value>{row.fn(s.In(F32, shape, Uniform(row.low, row.high)))};
    });
  }
  list.Add(op + "/f32/symbolic", row.op,
           [=](SampleBuilder& s) {
             return std::vector<Value>{
                 row.fn(s.In(F32, {Dim("n").AtMost(64), 3}, Uniform(row.low, row.high)))};
           })
      .At(kSizes);
  if (row.op == OpCode::kStopGradient) return;  // differences do not see it: gradient_test
  list.Add(op + "/f64/gradient", row.op,
           [=](SampleBuilder& s) {
             return std::vector<Value>{row.fn(s.In(F64, {5}, Uniform(row.low, row.high)))};
           })
      .Differentiable();
}

using BinaryFn = Value (*)(Operand, Operand);
struct BinaryRow {
  OpCode op;
  BinaryFn fn;
  double low_a, high_a, low_b, high_b;  // where it is smooth
};
const BinaryRow kBinary[] = {
    {OpCode::kAdd, [](Operand a, Operand b) { return a + b; }, -2, 2, -2, 2},
    {OpCode::kSub, [](Operand a, Operand b) { return a - b; }, -2, 2, -2, 2},
    {OpCode::kMul, [](Operand a, Operand b) { return a * b; }, -2, 2, -2, 2},
    {OpCode::kDiv, [](Operand a, Operand b) { return a / b; }, -2, 2, 0.5, 3},
    {OpCode::kRem, Rem, 5.1, 5.9, 2.1, 2.4},
    {OpCode::kPow, Pow, 0.3, 3, -2, 2},
    {OpCode::kMax, Max, -2, 0, 0.5, 2},
    {OpCode::kMin, Min, -2, 0, 0.5, 2},
};

void AddBinary(SampleList& list, const BinaryRow& row) {
  const std::string op(OpName(row.op));
  for (DType t : kFloats) {
    list.Add(absl::StrCat(op, "/", Name(t), "/specials"), row.op, [=](SampleBuilder& s) {
      // 25 against 24 values: every pair meets.
      std::vector<double> b = Specials();
      b.pop_back();
      return std::vector<Value>{
          row.fn(s.In(t, {601}, Values(Specials())), s.In(t, {601}, Values(b)))};
    });
  }
  for (DType t : kIntegers) {
    if (row.op == OpCode::kPow) continue;
    list.Add(absl::StrCat(op, "/", Name(t)), row.op, [=](SampleBuilder& s) {
      const std::vector<double> a = {0, 1, 2, 3, 5, 100, 127, -128, -1, -7, 64};
      const std::vector<double> b = {0, 1, -1, 2, -3, 7, 127, -128, 50, 13};
      return std::vector<Value>{row.fn(s.In(t, {110}, Values(a)), s.In(t, {110}, Values(b)))};
    });
  }
  for (const Shape& shape : Shapes()) {
    list.Add(absl::StrCat(op, "/f32/", ShapeToString(shape)), row.op, [=](SampleBuilder& s) {
      return std::vector<Value>{row.fn(s.In(F32, shape, Uniform(row.low_a, row.high_a)),
                                       s.In(F32, shape, Uniform(row.low_b, row.high_b)))};
    });
  }
  list.Add(op + "/f32/broadcast", row.op, [=](SampleBuilder& s) {
    return std::vector<Value>{row.fn(s.In(F32, {4, 1, 5}, Uniform(row.low_a, row.high_a)),
                                     s.In(F32, {3, 1}, Uniform(row.low_b, row.high_b)))};
  });
  list.Add(op + "/f32/symbolic", row.op,
           [=](SampleBuilder& s) {
             const Dim n = Dim("n").AtMost(64);
             return std::vector<Value>{row.fn(s.In(F32, {3, n}, Uniform(row.low_a, row.high_a)),
                                              s.In(F32, {n}, Uniform(row.low_b, row.high_b)))};
           })
      .At(kSizes);
  list.Add(op + "/f64/gradient", row.op,
           [=](SampleBuilder& s) {
             return std::vector<Value>{row.fn(s.In(F64, {2, 3}, Uniform(row.low_a, row.high_a)),
                                              s.In(F64, {3}, Uniform(row.low_b, row.high_b)))};
           })
      .Differentiable();
}

void AddBits(SampleList& list) {
  const BinaryRow rows[] = {{OpCode::kAnd, And, 0, 0, 0, 0},
                            {OpCode::kOr, Or, 0, 0, 0, 0},
                            {OpCode::kXor, Xor, 0, 0, 0, 0},
                            {OpCode::kShl, Shl, 0, 0, 0, 0},
                            {OpCode::kShrLogical, ShrLogical, 0, 0, 0, 0},
                            {OpCode::kShrArithmetic, ShrArithmetic, 0, 0, 0, 0}};
  for (const BinaryRow& row : rows) {
    const bool shift = row.op != OpCode::kAnd && row.op != OpCode::kOr && row.op != OpCode::kXor;
    for (DType t : {I8, U8, I32, I64, Bool}) {
      if (shift && t == Bool) continue;
      list.Add(absl::StrCat(OpName(row.op), "/", Name(t)), row.op, [=](SampleBuilder& s) {
        const Fill a = t == Bool ? Values({0, 1, 1}) : Uniform(-128, 127);
        const Fill b = t == Bool ? Values({0, 1}) : shift ? Uniform(0, 40) : Uniform(-128, 127);
        return std::vector<Value>{row.fn(s.In(t, {37}, a), s.In(t, {37}, b))};
      });
    }
  }
  for (DType t : {I8, U8, I32, I64, Bool}) {
    list.Add(absl::StrCat("not/", Name(t)), OpCode::kNot, [=](SampleBuilder& s) {
      return std::vector<Value>{Not(s.In(t, {19}, Uniform(-100, 100)))};
    });
  }
  for (DType t : kFloats) {
    list.Add(absl::StrCat("is_finite/", Name(t)), OpCode::kIsFinite, [=](SampleBuilder& s) {
      return std::vector<Value>{IsFinite(s.In(t, {50}, Values(Specials())))};
    });
  }
}

void AddCompareAndSelect(SampleList& list) {
  const BinaryRow rows[] = {{OpCode::kCompare, Eq, 0, 0, 0, 0}, {OpCode::kCompare, Ne, 0, 0, 0, 0},
                            {OpCode::kCompare, Lt, 0, 0, 0, 0}, {OpCode::kCompare, Le, 0, 0, 0, 0},
                            {OpCode::kCompare, Gt, 0, 0, 0, 0}, {OpCode::kCompare, Ge, 0, 0, 0, 0}};
  int kind = 0;
  for (const BinaryRow& row : rows) {
    for (DType t : {F32, F64, BF16, F16, I8, U8, I32, I64, Bool}) {
      list.Add(absl::StrCat("compare/", kind, "/", Name(t)), row.op, [=](SampleBuilder& s) {
        std::vector<double> b = Specials();
        b.pop_back();
        return std::vector<Value>{
            row.fn(s.In(t, {601}, Values(Specials())), s.In(t, {601}, Values(b)))};
      });
    }
    ++kind;
  }
  for (DType t : {F32, F64, BF16, F16, I8, U8, I32, I64, Bool}) {
    list.Add(absl::StrCat("select/", Name(t)), OpCode::kSelect, [=](SampleBuilder& s) {
      return std::vector<Value>{Select(s.In(Bool, {33}), s.In(t, {33}, Values(Specials())),
                                       s.In(t, {33}, Uniform(-9, 9)))};
    });
  }
  list.Add("select/symbolic", OpCode::kSelect,
           [](SampleBuilder& s) {
             const Dim n = Dim("n").AtMost(64);
             return std::vector<Value>{Select(s.In(Bool, {n, 1}), s.In(F32, {n, 5}), 0)};
           })
      .At(kSizes);
  list.Add("select/gradient", OpCode::kSelect,
           [](SampleBuilder& s) {
             return std::vector<Value>{Select(s.In(Bool, {6}), s.In(F64, {6}), s.In(F64, {6}))};
           })
      .Differentiable();
}

void AddConversions(SampleList& list) {
  const DType all[] = {F32, F64, BF16, F16, I8, U8, I32, I64, Bool};
  for (DType from : all) {
    for (DType to : all) {
      if (from == to) continue;
      list.Add(
          absl::StrCat("cast/", Name(from), "/", Name(to)), OpCode::kCast, [=](SampleBuilder& s) {
            std::vector<double> values = Specials();
            values.insert(values.end(), {127.5, 128, -129, 255.9, 256, 2147483647.0, -2147483648.0,
                                         4294967296.0, 9.3e18, -9.3e18, 1.00390625, 2049});
            return std::vector<Value>{Cast(s.In(from, {41}, Values(values)), to)};
          });
    }
  }
  list.Add("cast/gradient", OpCode::kCast, [](SampleBuilder& s) {
    return std::vector<Value>{Cast(Cast(s.In(F64, {5}), F32), F64)};
  });
  const std::pair<DType, DType> pairs[] = {{F32, I32},  {I32, F32}, {F64, I64}, {I64, F64},
                                           {BF16, F16}, {I8, U8},   {U8, I8},   {Bool, U8}};
  for (const auto& [from, to] : pairs) {
    list.Add(absl::StrCat("bitcast/", Name(from), "/", Name(to)), OpCode::kBitcast,
             [from = from, to = to](SampleBuilder& s) {
               return std::vector<Value>{Bitcast(s.In(from, {33}, Uniform(-100, 100)), to)};
             });
  }
}

void AddLeaves(SampleList& list) {
  list.Add("constant/f32", OpCode::kConstant, [](SampleBuilder& s) {
    const std::vector<float> values = {1, 2.5, -0.0f, NAN, INFINITY, 1e-40f};
    return std::vector<Value>{s.builder().Constant(Literal::FromSpan<float>({2, 3}, values)) +
                              s.In(F32, {3})};
  });
  for (DType t : {F32, F64, BF16, F16, I8, U8, I32, I64, Bool}) {
    list.Add(absl::StrCat("constant/output/", Name(t)), OpCode::kConstant, [=](SampleBuilder& s) {
      return std::vector<Value>{s.builder().Constant(Literal::Filled(t, {3, 2}, 1)),
                                s.builder().Scalar(t, 1)};
    });
    if (t == Bool) continue;
    list.Add(absl::StrCat("iota/", Name(t)), OpCode::kIota, [=](SampleBuilder& s) {
      return std::vector<Value>{s.builder().Iota({t, {3, 21}}, 1),
                                s.builder().Iota({t, {5, 2}}, 0)};
    });
  }
  list.Add("iota/symbolic", OpCode::kIota,
           [](SampleBuilder& s) {
             Value x = s.In(F32, {Dim("n").AtMost(64), 4});
             return std::vector<Value>{s.builder().Iota(x.type(), 0) + x,
                                       s.builder().Extent(Dim("n") * Dim(3), I64)};
           })
      .At(kSizes);
  for (const Shape& shape : Shapes()) {
    list.Add(absl::StrCat("random_bits/", ShapeToString(shape)), OpCode::kRandomBits,
             [=](SampleBuilder& s) {
               Value key = s.In(I64, {}, Values({123456789012345.0}));
               return std::vector<Value>{RandomBits(key, shape), RandomUniform(key, shape, 3)};
             });
  }
  list.Add("random_bits/symbolic", OpCode::kRandomBits,
           [](SampleBuilder& s) {
             Value x = s.In(F32, {2, Dim("n").AtMost(64), 3});
             Value key = s.In(I64, {}, Values({-5}));
             return std::vector<Value>{RandomBits(key, x.shape(), 1),
                                       x * RandomUniform(key, x.shape())};
           })
      .At(kSizes);
}

}  // namespace

void AddElementwiseSamples(SampleList& list) {
  for (const UnaryRow& row : kUnary) AddUnary(list, row);
  for (OpCode op : {OpCode::kNeg, OpCode::kAbs, OpCode::kSign}) {
    for (DType t : kIntegers) {
      list.Add(absl::StrCat(OpName(op), "/", Name(t)), op, [=](SampleBuilder& s) {
        Value x = s.In(t, {19}, Values({0, 1, -1, 5, -128, 127, -7}));
        return s.builder().Apply(op, NoAttrs{}, {x});
      });
    }
  }
  for (const BinaryRow& row : kBinary) AddBinary(list, row);
  AddBits(list);
  AddCompareAndSelect(list);
  AddConversions(list);
  AddLeaves(list);
}

}  // namespace tenon::tests
