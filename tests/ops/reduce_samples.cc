// Samples of reductions, cumulative reductions and windows.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/ops/sample.h"

namespace tenon::tests {
namespace {

using namespace ir;  // NOLINT: the builder's functions read as mathematics

struct ReduceRow {
  Combiner kind;
  Value (*fn)(Operand, std::vector<int64_t>, bool);
};
const ReduceRow kReductions[] = {{Combiner::kSum, ReduceSum},
                                 {Combiner::kProd, ReduceProd},
                                 {Combiner::kMax, ReduceMax},
                                 {Combiner::kMin, ReduceMin}};

void AddReduce(SampleList& list, const ReduceRow& row) {
  const std::string base = absl::StrCat("reduce/", CombinerName(row.kind), "/");
  struct Case {
    Shape shape;
    std::vector<int64_t> axes;
  };
  const Case cases[] = {{{7}, {0}},
                        {{3, 17}, {1}},
                        {{17, 3}, {0}},
                        {{3, 5, 4}, {1}},
                        {{3, 5, 4}, {0, 2}},
                        {{2, 33}, {0, 1}},
                        {{0, 4}, {0}},
                        {{4, 0}, {1}},
                        {{1, 1}, {0}},
                        {{2, 100}, {1}},
                        {{5, 16}, {1}},
                        {{40, 31}, {0}},
                        {{2, 3, 2, 3}, {1, 2}}};
  for (const Case& c : cases) {
    list.Add(absl::StrCat(base, ShapeToString(c.shape), "/", absl::StrJoin(c.axes, "")),
             OpCode::kReduce, [=](SampleBuilder& s) {
               return std::vector<Value>{row.fn(s.In(F32, c.shape), c.axes, false)};
             });
  }
  for (DType t : {F64, BF16, F16, I8, U8, I32, I64}) {
    list.Add(base + Name(t), OpCode::kReduce, [=](SampleBuilder& s) {
      Value x = s.In(t, {3, 37}, Uniform(-3, 3));
      return std::vector<Value>{row.fn(x, {1}, false), row.fn(x, {0}, true)};
    });
  }
  list.Add(base + "specials", OpCode::kReduce, [=](SampleBuilder& s) {
    Value x = s.In(F32, {4, 3}, Values({1, NAN, 2, INFINITY, 5, -INFINITY, -0.0, 0.0, -0.0}));
    return std::vector<Value>{row.fn(x, {1}, false)};
  });
  const std::vector<Extents> sizes = {{{"n", 0}}, {{"n", 1}}, {{"n", 7}}, {{"n", 64}}};
  list.Add(base + "symbolic_reduced", OpCode::kReduce,
           [=](SampleBuilder& s) {
             return std::vector<Value>{row.fn(s.In(F32, {3, Dim("n").AtMost(64)}), {1}, false)};
           })
      .At(sizes);
  list.Add(base + "symbolic_kept", OpCode::kReduce,
           [=](SampleBuilder& s) {
             return std::vector<Value>{row.fn(s.In(F32, {5, Dim("n").AtMost(64)}), {0}, false)};
           })
      .At(sizes);
  list.Add(base + "gradient", OpCode::kReduce,
           [=](SampleBuilder& s) {
             Value x = s.In(F64, {3, 2, 4}, Distinct());
             return std::vector<Value>{row.fn(x, {0, 2}, false), row.fn(x, {1}, true)};
           })
      .Differentiable();
  list.Add(base + "gradient_symbolic", OpCode::kReduce,
           [=](SampleBuilder& s) {
             return std::vector<Value>{
                 row.fn(s.In(F64, {Dim("n").AtMost(9)}, Distinct()), {0}, false)};
           })
      .At({{{"n", 1}}, {{"n", 5}}})
      .Differentiable();
}

void AddOtherReductions(SampleList& list) {
  for (bool any : {false, true}) {
    list.Add(absl::StrCat("reduce/", any ? "or" : "and"), OpCode::kReduce, [=](SampleBuilder& s) {
      Value x = s.In(Bool, {9, 4}, any ? Values({0, 0, 0, 1, 0}) : Values({1, 1, 1, 1, 0, 1, 1}));
      return std::vector<Value>{any ? ReduceAny(x, {1}) : ReduceAll(x, {1}),
                                any ? ReduceAny(x) : ReduceAll(x)};
    });
  }
  list.Add("reduce/prod/zeros", OpCode::kReduce,
           [](SampleBuilder& s) {
             return std::vector<Value>{ReduceProd(
                 s.In(F64, {4, 3}, Values({0, 2, 3, 1.5, 0, 0, 1, 2, 3, -1, 0.5, 2})), {1})};
           })
      .Differentiable();
  list.Add("reduce/mean", OpCode::kReduce,
           [](SampleBuilder& s) {
             Value x = s.In(F64, {Dim("n").AtMost(9), 3});
             return std::vector<Value>{ReduceMean(x, {0}), ReduceMean(x)};
           })
      .At({{{"n", 1}}, {{"n", 4}}})
      .Differentiable();
  list.Add("reduce/argmax", OpCode::kReduce, [](SampleBuilder& s) {
    return std::vector<Value>{ArgMax(s.In(F32, {3, 4}, Values({1, 5, 5, 2, NAN, 7, 0, 9, -1})), 1)};
  });
  list.Add("reduce/no_axes", OpCode::kReduce, [](SampleBuilder& s) {
    return s.builder().Apply(OpCode::kReduce, ReduceAttrs{Combiner::kSum, {}}, {s.In(F32, {5})});
  });
}

void AddCumulative(SampleList& list) {
  for (Combiner kind : {Combiner::kSum, Combiner::kProd, Combiner::kMax, Combiner::kMin}) {
    for (bool exclusive : {false, true}) {
      for (bool reverse : {false, true}) {
        const std::string base =
            absl::StrCat("cumulative/", CombinerName(kind), exclusive ? "/exclusive" : "",
                         reverse ? "/reverse" : "");
        list.Add(base, OpCode::kCumulative, [=](SampleBuilder& s) {
          Value x = s.In(F32, {3, 19, 2});
          return std::vector<Value>{Cumulative(kind, x, 1, exclusive, reverse),
                                    Cumulative(kind, x, 2, exclusive, reverse),
                                    Cumulative(kind, s.In(I32, {5}), 0, exclusive, reverse),
                                    Cumulative(kind, s.In(BF16, {21}), 0, exclusive, reverse)};
        });
        list.Add(base + "/symbolic", OpCode::kCumulative,
                 [=](SampleBuilder& s) {
                   Value x = s.In(F32, {2, Dim("n").AtMost(30)});
                   return std::vector<Value>{Cumulative(kind, x, 1, exclusive, reverse),
                                             Cumulative(kind, x, 0, exclusive, reverse)};
                 })
            .At({{{"n", 0}}, {{"n", 1}}, {{"n", 30}}});
        list.Add(base + "/gradient", OpCode::kCumulative,
                 [=](SampleBuilder& s) {
                   Value y =
                       Cumulative(kind, s.In(F64, {2, 4, 2}, Distinct()), 1, exclusive, reverse);
                   // An exclusive max or min begins with an infinity.
                   if (kind == Combiner::kMax || kind == Combiner::kMin)
                     y = Select(IsFinite(y), y, 0);
                   return std::vector<Value>{y};
                 })
            .Differentiable();
      }
    }
  }
  list.Add("cumulative/prod/zeros", OpCode::kCumulative,
           [](SampleBuilder& s) {
             return std::vector<Value>{
                 Cumulative(Combiner::kProd, s.In(F64, {6}, Values({2, 3, 0, 1.5, 0, 2})), 0)};
           })
      .Differentiable();
}

WindowIndexAttrs Pooling(std::vector<int64_t> window, std::vector<int64_t> stride,
                         std::vector<int64_t> dilation, std::vector<int64_t> low,
                         std::vector<int64_t> high) {
  return {std::move(window), std::move(stride), std::move(dilation),
          std::move(low),    std::move(high),   {}};
}

struct WindowCase {
  std::string name;
  Shape shape;
  WindowIndexAttrs a;
};
std::vector<WindowCase> WindowCases() {
  return {
      {"1d", {9}, Pooling({3}, {1}, {1}, {0}, {0})},
      {"1d_strided", {10}, Pooling({3}, {2}, {1}, {1}, {0})},
      {"2d_pool", {2, 6, 8, 3}, Pooling({1, 2, 2, 1}, {1, 2, 2, 1}, {}, {}, {})},
      {"2d_same", {1, 5, 5, 2}, Pooling({1, 3, 3, 1}, {}, {}, {0, 1, 1, 0}, {0, 1, 1, 0})},
      {"dilated", {2, 11}, Pooling({1, 3}, {1, 2}, {1, 2}, {0, 1}, {0, 2})},
      {"empty", {0, 6}, Pooling({1, 3}, {1, 3}, {}, {}, {})},
      {"whole", {4, 4}, Pooling({4, 4}, {}, {}, {}, {})},
      {"ones", {3, 17}, Pooling({1, 1}, {1, 2}, {}, {}, {})},
  };
}

WindowAttrs Reducing(Combiner kind, const WindowIndexAttrs& a) {
  return {kind, a.window, a.stride, a.dilation, {}, a.pad_low, a.pad_high};
}

void AddWindowReduce(SampleList& list) {
  for (Combiner kind : {Combiner::kSum, Combiner::kMax, Combiner::kMin, Combiner::kProd}) {
    for (const WindowCase& c : WindowCases()) {
      const std::string base = absl::StrCat("window_reduce/", CombinerName(kind), "/", c.name);
      list.Add(base, OpCode::kWindowReduce, [=](SampleBuilder& s) {
        return std::vector<Value>{WindowReduce(s.In(F32, c.shape), Reducing(kind, c.a))};
      });
      list.Add(base + "/gradient", OpCode::kWindowReduce,
               [=](SampleBuilder& s) {
                 return std::vector<Value>{
                     WindowReduce(s.In(F64, c.shape, Distinct()), Reducing(kind, c.a))};
               })
          .Differentiable();
    }
    list.Add(absl::StrCat("window_reduce/", CombinerName(kind), "/base_dilation"),
             OpCode::kWindowReduce,
             [=](SampleBuilder& s) {
               WindowAttrs a{kind, {2, 3}, {1, 2}, {1, 1}, {2, 3}, {1, 2}, {0, 2}};
               Value y = WindowReduce(s.In(F64, {4, 5}, Distinct()), a);
               return std::vector<Value>{Select(IsFinite(y), y, 0)};
             })
        .Differentiable();
    list.Add(absl::StrCat("window_reduce/", CombinerName(kind), "/symbolic"), OpCode::kWindowReduce,
             [=](SampleBuilder& s) {
               return std::vector<Value>{
                   WindowReduce(s.In(F64, {Dim("n").AtMost(6), 5}, Distinct()),
                                Reducing(kind, Pooling({1, 2}, {1, 2}, {}, {}, {})))};
             })
        .At({{{"n", 0}}, {{"n", 1}}, {{"n", 6}}})
        .Differentiable();
  }
  for (Combiner kind : {Combiner::kSum, Combiner::kMax}) {
    for (bool padded : {false, true}) {
      list.Add(absl::StrCat("window_reduce/", CombinerName(kind), "/symbolic_windows/",
                            padded ? "padded" : "plain"),
               OpCode::kWindowReduce,
               [=](SampleBuilder& s) {
                 const WindowIndexAttrs a = padded ? Pooling({3, 1}, {2, 1}, {}, {1, 0}, {1, 0})
                                                   : Pooling({2, 1}, {2, 1}, {}, {}, {});
                 return std::vector<Value>{WindowReduce(
                     s.In(F64, {Dim("n").AtMost(9), 2}, Distinct()), Reducing(kind, a))};
               })
          .At({{{"n", 0}}, {{"n", 1}}, {{"n", 6}}, {{"n", 9}}})
          .Differentiable();
    }
  }
  for (DType t : {BF16, F16, I8, U8, I32, I64}) {
    list.Add("window_reduce/max/" + Name(t), OpCode::kWindowReduce, [=](SampleBuilder& s) {
      Value x = s.In(t, {2, 9}, Uniform(-5, 5));
      const WindowIndexAttrs a = Pooling({1, 3}, {1, 2}, {}, {0, 1}, {0, 1});
      return std::vector<Value>{WindowReduce(x, Reducing(Combiner::kMax, a)),
                                WindowReduce(x, Reducing(Combiner::kSum, a))};
    });
  }
}

void AddWindowIndex(SampleList& list) {
  for (const WindowCase& c : WindowCases()) {
    list.Add("window_argmax/" + c.name, OpCode::kWindowArgmax, [=](SampleBuilder& s) {
      return std::vector<Value>{WindowArgmax(s.In(F32, c.shape), c.a)};
    });
    list.Add("window_argmax/ties/" + c.name, OpCode::kWindowArgmax, [=](SampleBuilder& s) {
      return std::vector<Value>{
          WindowArgmax(s.In(F32, c.shape, Values({1, 1, 2, 2, NAN, 0, 2})), c.a)};
    });
    list.Add("window_select/" + c.name, OpCode::kWindowSelect,
             [=](SampleBuilder& s) {
               Value x = s.In(F64, c.shape, Distinct());
               return std::vector<Value>{WindowSelect(x, WindowArgmax(x, c.a), c.a)};
             })
        .Differentiable();
    list.Add("window_unselect/" + c.name, OpCode::kWindowUnselect,
             [=](SampleBuilder& s) {
               Value x = s.In(F64, c.shape, Distinct());
               Value index = WindowArgmax(StopGradient(x), c.a);
               Value y = s.In(F64, index.shape());
               WindowIndexAttrs a = c.a;
               a.shape = c.shape;
               return std::vector<Value>{WindowUnselect(y, index, a)};
             })
        .Differentiable();
  }
  list.Add("window_argmax/i32", OpCode::kWindowArgmax, [](SampleBuilder& s) {
    return std::vector<Value>{
        WindowArgmax(s.In(I32, {5, 7}), Pooling({2, 2}, {2, 2}, {}, {}, {1, 1}))};
  });
}

}  // namespace

void AddReduceSamples(SampleList& list) {
  for (const ReduceRow& row : kReductions) AddReduce(list, row);
  AddOtherReductions(list);
  AddCumulative(list);
  AddWindowReduce(list);
  AddWindowIndex(list);
}

}  // namespace tenon::tests
