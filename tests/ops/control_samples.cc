// Samples of control flow.
#include "absl/strings/str_cat.h"
#include "tests/ops/sample.h"

namespace tenon::tests {
namespace {

using namespace ir;  // NOLINT: the builder's functions read as mathematics
using Values_ = std::vector<Value>;

void AddCond(SampleList& list) {
  for (double p : {0.0, 1.0}) {
    list.Add(absl::StrCat("cond/", p), OpCode::kCond,
             [=](SampleBuilder& s) {
               Value x = s.In(F64, {3, 5}), k = s.In(F64, {5}), m = s.In(F64, {3, 5});
               return Cond(
                   s.In(Bool, {}, Values({p})), {x},
                   [&](GraphBuilder&, Values_ v) -> Values_ {
                     return {v[0] * k, Exp(v[0])};
                   },
                   [&](GraphBuilder&, Values_ v) -> Values_ {
                     return {Sin(v[0]) + m, m * m * k};
                   });
             })
        .Differentiable();
    list.Add(absl::StrCat("cond/nested/", p), OpCode::kCond,
             [=](SampleBuilder& s) {
               Value x = s.In(F64, {4}), q = s.In(Bool, {}, Values({1}));
               return Cond(
                   s.In(Bool, {}, Values({p})), {x},
                   [&](GraphBuilder&, Values_ v) -> Values_ {
                     return Cond(
                         q, {v[0]}, [&](GraphBuilder&, Values_ w) -> Values_ { return {w[0] * x}; },
                         [&](GraphBuilder&, Values_ w) -> Values_ { return {w[0]}; });
                   },
                   [&](GraphBuilder&, Values_ v) -> Values_ { return {v[0]}; });
             })
        .Differentiable();
    list.Add(absl::StrCat("cond/symbolic/", p), OpCode::kCond,
             [=](SampleBuilder& s) {
               Value x = s.In(F32, {Dim("n").AtMost(40), 2});
               return Cond(
                   s.In(Bool, {}, Values({p})), {x},
                   [&](GraphBuilder&, Values_ v) -> Values_ { return {v[0] * 2}; },
                   [&](GraphBuilder&, Values_ v) -> Values_ { return {-v[0]}; });
             })
        .At({{{"n", 0}}, {{"n", 1}}, {{"n", 40}}});
  }
}

void AddWhile(SampleList& list) {
  list.Add("while/counted", OpCode::kWhile,
           [](SampleBuilder& s) {
             Value x = s.In(F64, {4}), w = s.In(F64, {4}, Uniform(0.5, 1.5));
             Value i = s.builder().Scalar(I64, 0);
             return While(
                 {i, x}, [](GraphBuilder&, Values_ v) -> Values_ { return {Lt(v[0], 3)}; },
                 [&](GraphBuilder&, Values_ v) -> Values_ {
                   return {v[0] + 1, Sin(v[1]) * w};
                 },
                 3);
           })
      .Differentiable();
  list.Add("while/data", OpCode::kWhile, [](SampleBuilder& s) {
    Value x = s.In(F32, {5}, Uniform(0.1, 1)), limit = s.In(F32, {}, Values({50}));
    return While(
        {x}, [&](GraphBuilder&, Values_ v) -> Values_ { return {Lt(ReduceSum(v[0]), limit)}; },
        [](GraphBuilder&, Values_ v) -> Values_ { return {v[0] * 1.5}; });
  });
  list.Add("while/never", OpCode::kWhile, [](SampleBuilder& s) {
    return While(
        {s.In(F32, {3})},
        [](GraphBuilder& b, Values_) -> Values_ {
          return {b.Constant(Literal::Filled(DType::kBool, {}, 0))};
        },
        [](GraphBuilder&, Values_ v) -> Values_ { return {v[0] + 1}; });
  });
}

void AddScan(SampleList& list) {
  for (bool reverse : {false, true}) {
    const std::string base = reverse ? "scan/reverse/" : "scan/forward/";
    list.Add(base + "rnn", OpCode::kScan,
             [=](SampleBuilder& s) {
               Value h = s.In(F64, {2, 3}), x = s.In(F64, {4, 2, 3}), w = s.In(F64, {3, 3});
               return Scan(
                   {h}, {x}, 4,
                   [&](GraphBuilder&, Values_ v) -> Values_ {
                     Value next = Tanh(MatMul(v[0], w) + v[1]);
                     return {next, next * 2};
                   },
                   reverse);
             })
        .Differentiable();
    list.Add(base + "symbolic", OpCode::kScan,
             [=](SampleBuilder& s) {
               const Dim t = Dim("t").AtMost(9);
               Value h = s.In(F64, {3}), x = s.In(F64, {t, 3});
               return Scan(
                   {h}, {x}, t,
                   [&](GraphBuilder&, Values_ v) -> Values_ {
                     Value next = Sin(v[0] * v[1]) + v[1];
                     return {next, next};
                   },
                   reverse);
             })
        .At({{{"t", 0}}, {{"t", 1}}, {{"t", 9}}})
        .Differentiable();
  }
  list.Add("scan/no_slices", OpCode::kScan, [](SampleBuilder& s) {
    Value x = s.In(I32, {3});
    return Scan({x, s.builder().Scalar(I64, 0)}, {}, 5, [&](GraphBuilder&, Values_ v) -> Values_ {
      return {v[0] * 3 + x, v[1] + 1, v[1], v[0]};
    });
  });
}

}  // namespace

void AddControlSamples(SampleList& list) {
  AddCond(list);
  AddWhile(list);
  AddScan(list);
  list.Add("call/composite", OpCode::kCall,
           [](SampleBuilder& s) {
             Value scale = s.In(F64, {});
             return Call("softplus", {s.In(F64, {3, 4})}, [&](GraphBuilder&, Values_ v) -> Values_ {
               return {Log1p(Exp(v[0] * scale)) / scale, v[0]};
             });
           })
      .Differentiable();
  list.Add("call/symbolic", OpCode::kCall,
           [](SampleBuilder& s) {
             return Call(
                 "scaled", {s.In(F32, {Dim("n").AtMost(30)})},
                 [](GraphBuilder&, Values_ v) -> Values_ { return {v[0] * ReduceSum(v[0])}; });
           })
      .At({{{"n", 0}}, {{"n", 1}}, {{"n", 30}}});
}

}  // namespace tenon::tests
