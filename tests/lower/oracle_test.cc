// Every class of op, alone and in small compositions, against the graph interpreter: to the bit at
// `exact`, closely at `standard`.
#include <functional>

#include "tenon/ir/interpreter.h"
#include "tests/lower/support.h"

namespace tenon::lower {
namespace {

using namespace ir;  // NOLINT: graphs read like mathematics

// Builds a graph and runs it on patterns, at each level of numerics, fused and not.
void Check(const std::function<std::vector<Value>(GraphBuilder&)>& build,
           std::vector<int64_t> extents = {}, std::vector<Literal> inputs = {}) {
  GraphBuilder b("test");
  std::vector<std::pair<std::string, Value>> outputs;
  int number = 0;
  for (Value v : build(b)) outputs.emplace_back("out" + std::to_string(number++), v);
  absl::StatusOr<Graph> graph = b.Build(outputs);
  ASSERT_TRUE(graph.ok()) << graph.status();
  Extents by_name;
  const auto symbols = graph->Symbols();
  for (size_t s = 0; s < symbols.size(); ++s) by_name[symbols[s].first] = extents[s];
  for (size_t i = inputs.size(); i < graph->inputs().size(); ++i) {
    const TensorType& type = graph->type(graph->inputs()[i].value);
    std::vector<int64_t> dims;
    for (const Dim& d : type.dims) dims.push_back(*d.Evaluate(by_name));
    inputs.push_back(Pattern(type.dtype, dims, static_cast<int>(i)));
  }
  absl::StatusOr<std::vector<Literal>> expected =
      Interpret(*graph, inputs, {.has_fma = true, .extents = by_name});
  ASSERT_TRUE(expected.ok()) << expected.status();
  for (passes::Numerics numerics : {passes::Numerics::kExact, passes::Numerics::kStandard}) {
    for (bool fuse : {true, false}) {
      RunOptions options{.extents = extents};
      options.pipeline.numerics = numerics;
      if (!fuse) options.pipeline.disabled_passes.insert("fuse");
      const std::vector<Literal> actual = RunProgram(*graph, inputs, options);
      ASSERT_EQ(actual.size(), expected->size());
      for (size_t o = 0; o < actual.size(); ++o) {
        const Literal& want = (*expected)[o];
        ASSERT_EQ(actual[o].size(), want.size());
        for (int64_t i = 0; i < want.size(); ++i) {
          const double a = actual[o].GetAsDouble(i), w = want.GetAsDouble(i);
          if (a != a && w != w) continue;
          // Sums of a few hundred terms in another order: a few units in the last place each.
          const double tolerance =
              numerics == passes::Numerics::kExact || !IsFloat(want.dtype())
                  ? 0
                  : 1e-4 * (1 + std::abs(w)) * (want.dtype() == DType::kBF16 ? 100 : 1);
          ASSERT_NEAR(a, w, tolerance) << "output " << o << " element " << i << " fused " << fuse;
        }
      }
    }
  }
}

TEST(Oracle, Moves) {
  Check([](GraphBuilder& b) -> std::vector<Value> {
    Value x = b.Input("x", F32, {3, 4, 5});
    return {Transpose(x, {2, 0, 1}), Reshape(Transpose(x, {1, 0, 2}), {12, 5}),
            Slice(x, {1, 0, 1}, {3, 4, 5}, {1, 2, 3}), Reverse(x, {0, 2}),
            Pad(x, 7, {1, 0, 2}, {0, -1, 1}, {0, 1, 2})};
  });
  Check([](GraphBuilder& b) -> std::vector<Value> {
    Value x = b.Input("x", F32, {3, 4}), y = b.Input("y", F32, {3, 6});
    return {Concat({x, y, x}, 1) * 2, Exp(Pad(x * 0.25, 1, {1, 1}, {1, 1}))};
  });
  Check([](GraphBuilder& b) -> std::vector<Value> {
    Value x = b.Input("x", F32, {24});
    return {Reshape(Reshape(x, {2, 3, 4}) + 1, {4, 6}), Reshape(Reverse(x, {0}), {8, 3}) * 3};
  });
}

TEST(Oracle, ZeroExtents) {
  Check([](GraphBuilder& b) -> std::vector<Value> {
    Value x = b.Input("x", F32, {0, 4});
    return {x + 1, ReduceSum(x, {0}), ReduceMax(x, {1}), Concat({x, x}, 0), Reshape(x, {4, 0})};
  });
}

TEST(Oracle, Scalars) {
  Check([](GraphBuilder& b) -> std::vector<Value> {
    Value x = b.Input("x", F32, {}), y = b.Input("y", F32, {1, 1});
    return {x * 2, ReduceSum(y), x + Reshape(y, {}), Broadcast(x, {3}, {})};
  });
}

TEST(Oracle, Types) {
  for (DType t : {F32, F64, BF16, F16, I8, U8, I32, I64}) {
    Check([&](GraphBuilder& b) -> std::vector<Value> {
      Value x = b.Input("x", t, {5, 19}), y = b.Input("y", t, {5, 19});
      return {x * y + x,    Max(x, y),    ReduceSum(x, {1}), ReduceMax(x, {0}),
              Cast(x, F32), Cast(x, I32), Lt(x, y),          Select(Lt(x, y), x, y)};
    });
  }
  Check([&](GraphBuilder& b) -> std::vector<Value> {
    Value x = b.Input("x", Bool, {5, 19}), y = b.Input("y", Bool, {5, 19});
    return {And(x, y), Not(x), ReduceAll(x, {1}), ReduceAny(x, {0}), Select(x, y, x)};
  });
}

TEST(Oracle, Reductions) {
  for (int64_t n : {1, 5, 16, 33}) {
    Check([&](GraphBuilder& b) -> std::vector<Value> {
      Value x = b.Input("x", F32, {n, 3, 18});
      return {ReduceSum(x, {2}),    ReduceSum(x, {0}),        ReduceSum(x, {1}),    ReduceSum(x),
              ReduceSum(x, {0, 2}), ReduceMax(x * 2, {0, 1}), ReduceMean(x, {1, 2})};
    });
  }
}

TEST(Oracle, LongReductionsInParts) {
  Check([&](GraphBuilder& b) -> std::vector<Value> {
    Value x = b.Input("x", F32, {900, 40}), y = b.Input("y", F32, {50000});
    return {ReduceSum(x * x, {0}), ReduceSum(y) * 2, ReduceMax(y)};
  });
}

TEST(Oracle, SoftmaxAndLayerNorm) {
  for (int64_t n : {1, 10, 16, 50}) {
    Check([&](GraphBuilder& b) -> std::vector<Value> {
      Value x = b.Input("x", F32, {6, n});
      Value shifted = x - BroadcastTo(ReduceMax(x, {1}, true), {6, n});
      Value e = Exp(shifted);
      Value sum = ReduceSum(e, {1}, true);
      Value log_softmax = shifted - BroadcastTo(Log(sum), {6, n});
      Value mean = ReduceMean(x, {1}, true);
      Value centred = x - BroadcastTo(mean, {6, n});
      Value variance = ReduceMean(centred * centred, {1}, true);
      Value norm = centred * BroadcastTo(Rsqrt(variance + 1e-5), {6, n});
      return {e / BroadcastTo(sum, {6, n}), log_softmax, norm, mean};
    });
  }
}

TEST(Oracle, Contractions) {
  Check([&](GraphBuilder& b) -> std::vector<Value> {
    Value x = b.Input("x", F32, {7, 13}), w = b.Input("w", F32, {13, 18});
    Value bias = b.Input("bias", F32, {18});
    Value z = Contract("mk,kn->mn", x, w) + BroadcastTo(bias, {7, 18});
    return {Max(z, 0), z, Contract("mk,kn->nm", x, w), Contract("mk,mn->kn", x, Max(z, 0))};
  });
  Check([&](GraphBuilder& b) -> std::vector<Value> {
    Value x = b.Input("x", F32, {2, 3, 4, 5}), y = b.Input("y", F32, {2, 3, 6, 5});
    return {Contract("bhmk,bhnk->bhmn", x, y), Contract("bhmk,bhnk->bmhn", x, y)};
  });
}

TEST(Oracle, Convolutions) {
  Check([&](GraphBuilder& b) -> std::vector<Value> {
    Value x = b.Input("x", F32, {2, 7, 6, 3}), w = b.Input("w", F32, {3, 3, 3, 8});
    ConvAttrs attrs{.stride = {2, 1}, .dilation = {1, 2}, .pad_low = {1, 2}, .pad_high = {1, 2}};
    Value y = Conv(x, w, attrs);
    ConvAttrs back = attrs, filter = attrs;
    back.shape = x.shape();
    filter.shape = w.shape();
    return {Max(y, 0), ConvTranspose(y, w, back), ConvFilter(x, y, filter)};
  });
  Check([&](GraphBuilder& b) -> std::vector<Value> {
    Value x = b.Input("x", F32, {2, 5, 5, 6}), w = b.Input("w", F32, {3, 3, 2, 9});
    ConvAttrs attrs{.stride = {1, 1}, .dilation = {1, 1}, .pad_low = {1, 1}, .pad_high = {1, 1}};
    attrs.groups = 3;
    Value y = Conv(x, w, attrs);
    ConvAttrs back = attrs, filter = attrs;
    back.shape = x.shape();
    filter.shape = w.shape();
    return {y * 2, ConvTranspose(y, w, back), ConvFilter(x, y, filter)};
  });
}

TEST(Oracle, Windows) {
  Check([&](GraphBuilder& b) -> std::vector<Value> {
    Value x = b.Input("x", F32, {2, 7, 6, 5});
    WindowIndexAttrs a{.window = {1, 2, 2, 1},
                       .stride = {1, 2, 2, 1},
                       .dilation = {1, 1, 1, 1},
                       .pad_low = {0, 0, 0, 0},
                       .pad_high = {0, 1, 0, 0}};
    WindowAttrs w{.kind = Combiner::kMax,
                  .window = {1, 3, 3, 1},
                  .stride = {1, 2, 1, 1},
                  .dilation = {1, 1, 1, 1},
                  .base_dilation = {1, 1, 1, 1},
                  .pad_low = {0, 1, 1, 0},
                  .pad_high = {0, 1, 1, 0}};
    WindowAttrs s = w;
    s.kind = Combiner::kSum;
    s.base_dilation = {1, 2, 1, 1};
    Value where = WindowArgmax(x, a);
    Value picked = WindowSelect(x, where, a);
    WindowIndexAttrs back = a;
    back.shape = x.shape();
    return {WindowReduce(x, w), WindowReduce(x * 2, s), where, picked,
            WindowUnselect(picked, where, back)};
  });
}

TEST(Oracle, Indexing) {
  const Literal indices = Literal::FromSpan<int64_t>({4}, {2, 0, 2, 4});
  const Literal start = Literal::Scalar<int64_t>(3);
  Check(
      [&](GraphBuilder& b) -> std::vector<Value> {
        Value i = b.Input("i", I64, {4}), s = b.Input("s", I64, {});
        Value x = b.Input("x", F32, {5, 6}), u = b.Input("u", F32, {4, 6});
        Value v = b.Input("v", F32, {5, 4}), w = b.Input("w", F32, {2, 2});
        return {Gather(x, i, 0) * 2,
                Gather(Transpose(x, {1, 0}), i, 1),
                Scatter(ScatterKind::kAdd, x, i, u, 0),
                Scatter(ScatterKind::kSet, x, i, u, 0),
                Scatter(ScatterKind::kMax, x, i, v, 1),
                DynamicSlice(x, {s, s}, {2, 3}),
                DynamicUpdate(x, w, {s, s}) + 1};
      },
      {}, {indices, start});
}

TEST(Oracle, CumulativeAndSort) {
  for (int64_t n : {0, 1, 5, 37}) {
    Check([&](GraphBuilder& b) -> std::vector<Value> {
      Value x = b.Input("x", F32, {3, n, 2});
      std::vector<Value> sorted = Sort({x, b.Iota({I64, {3, n, 2}}, 1)}, 1, true);
      return {Cumulative(Combiner::kSum, x, 1),
              Cumulative(Combiner::kProd, x, 1, true, true),
              Cumulative(Combiner::kMax, x, 0),
              sorted[0],
              sorted[1],
              Sort({x}, 1)[0]};
    });
  }
}

TEST(Oracle, RandomBits) {
  Check([&](GraphBuilder& b) -> std::vector<Value> {
    Value key = b.Input("key", I64, {});
    return {RandomBits(key, {5, 9}, 3), RandomUniform(key, {40})};
  });
}

TEST(Oracle, Control) {
  Check([&](GraphBuilder& b) -> std::vector<Value> {
    Value x = b.Input("x", F32, {5}), p = b.Input("p", Bool, {});
    std::vector<Value> c = Cond(
        p, {x}, [](GraphBuilder&, std::vector<Value> v) { return std::vector<Value>{v[0] * 2}; },
        [](GraphBuilder&, std::vector<Value> v) { return std::vector<Value>{v[0] - 1}; });
    std::vector<Value> n = Cond(
        Not(p), {x}, [](GraphBuilder&, std::vector<Value> v) { return v; },
        [](GraphBuilder&, std::vector<Value> v) { return std::vector<Value>{Exp(v[0])}; });
    return {c[0], n[0] + 1};
  });
  Check([&](GraphBuilder& b) -> std::vector<Value> {
    Value x = b.Input("x", F32, {5}), i = b.Scalar(I64, 0);
    std::vector<Value> w = While(
        {i, x, x * 2},
        [](GraphBuilder&, std::vector<Value> v) { return std::vector<Value>{Lt(v[0], 4)}; },
        [](GraphBuilder&, std::vector<Value> v) {
          return std::vector<Value>{v[0] + 1, v[2], v[1] + v[2]};
        });
    return {w[0], w[1], w[2]};
  });
  for (bool reverse : {false, true}) {
    Check([&](GraphBuilder& b) -> std::vector<Value> {
      Value h = b.Input("h", F32, {4}), xs = b.Input("xs", F32, {6, 4});
      Value w = b.Input("w", F32, {4, 4});
      std::vector<Value> s = Scan(
          {h}, {xs}, 6,
          [&](GraphBuilder&, std::vector<Value> v) {
            Value next = Tanh(Contract("k,kn->n", v[0], w) + v[1]);
            return std::vector<Value>{next, next * 2, v[0]};
          },
          reverse);
      return s;
    });
  }
  Check([&](GraphBuilder& b) -> std::vector<Value> {
    Value x = b.Input("x", F32, {5});
    return Call("twice", {x}, [](GraphBuilder&, std::vector<Value> v) {
      return std::vector<Value>{v[0] * 2, v[0]};
    });
  });
}

TEST(Oracle, NestedScans) {
  Check([&](GraphBuilder& b) -> std::vector<Value> {
    Value xs = b.Input("xs", F32, {3, 4, 2});
    return Scan({}, {xs}, 3, [&](GraphBuilder& outer, std::vector<Value> v) {
      return Scan({outer.Full({F32, {2}}, 0.0)}, {v[0]}, 4,
                  [&](GraphBuilder&, std::vector<Value> w) {
                    return std::vector<Value>{w[0] + w[1], w[0] * w[1]};
                  });
    });
  });
}

TEST(Oracle, Symbolic) {
  for (int64_t n : {0, 1, 7, 33}) {
    Check(
        [&](GraphBuilder& b) -> std::vector<Value> {
          const Dim d = Dim("n").AtMost(33);
          Value x = b.Input("x", F32, {d, 6}), w = b.Input("w", F32, {6, 9});
          Value z = Contract("nk,km->nm", x, w);
          Value e = Exp(z * 0.01 - Broadcast(ReduceMax(z * 0.01, {1}), {d, 9}, {0}));
          return {e / Broadcast(ReduceSum(e, {1}), {d, 9}, {0}),
                  ReduceSum(x, {0}),
                  Contract("nk,nm->km", x, z),
                  Concat({x, x}, 0),
                  Reshape(x, {d * 6}),
                  ReduceSum(x),
                  Transpose(x, {1, 0}),
                  Cumulative(Combiner::kSum, x, 0),
                  Sort({x}, 0)[0]};
        },
        {n});
  }
}

TEST(Oracle, DonatedScatterWritesItsElementsAlone) {
  GraphBuilder b("scatter");
  Value x = b.State("x", F32, {40, 20}), i = b.Input("i", I64, {3}), u = b.Input("u", F32, {3, 20});
  b.Donate("x'", "x");
  absl::StatusOr<Graph> graph = b.Build({{"x'", Scatter(ScatterKind::kAdd, x, i, u, 0)}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(*graph, X86Avx2(), {});
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(program->kernels.size(), 1u);
  EXPECT_EQ(program->arena_bytes, 0);
  const std::vector<Literal> inputs = {
      Pattern(F32, {40, 20}), Literal::FromSpan<int64_t>({3}, {7, 0, 7}), Pattern(F32, {3, 20}, 2)};
  absl::StatusOr<std::vector<Literal>> expected = Interpret(*graph, inputs);
  ASSERT_TRUE(expected.ok());
  EXPECT_EQ(RunProgram(*graph, inputs), *expected);
}

TEST(Oracle, DonatedDynamicUpdateWritesItsWindowAlone) {
  GraphBuilder b("update");
  const Dim n = Dim("n").AtMost(40);
  Value x = b.State("x", F32, {n + 3, 20}), u = b.Input("u", F32, {3, 17});
  Value i = b.Input("i", I64, {}), j = b.Input("j", I64, {});
  b.Donate("x'", "x");
  absl::StatusOr<Graph> graph = b.Build({{"x'", DynamicUpdate(x, u * u - 1, {i, j * 2})}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(*graph, X86Avx2(), {});
  ASSERT_TRUE(program.ok()) << program.status();
  ASSERT_EQ(program->kernels.size(), 1u);
  EXPECT_EQ(program->arena_bytes, 0);
  for (const kernel::Param& p : program->kernels[0].params) EXPECT_NE(p.read, p.written) << p.name;
  for (const auto& [row, column] :
       {std::pair<int64_t, int64_t>{2, 1}, {-5, 0}, {1000, -7}, {36, 9}}) {
    for (int64_t rows : {0, 37}) {
      const std::vector<Literal> inputs = {Pattern(F32, {rows + 3, 20}), Pattern(F32, {3, 17}, 2),
                                           Literal::FromSpan<int64_t>({}, {row}),
                                           Literal::FromSpan<int64_t>({}, {column})};
      absl::StatusOr<std::vector<Literal>> expected = Interpret(*graph, inputs);
      ASSERT_TRUE(expected.ok()) << expected.status();
      EXPECT_EQ(RunProgram(*graph, inputs, {.extents = {rows}}), *expected);
    }
  }
}

// Its update reads what it overwrites, elsewhere: nothing is in place.
TEST(Oracle, AnUpdateOfATensorByItselfReadsItWhole) {
  GraphBuilder b("shift");
  Value x = b.State("x", F32, {8, 4}), i = b.Input("i", I64, {});
  Value zero = b.Scalar(I64, 0);
  b.Donate("x'", "x");
  Value moved = Slice(x, {0, 0}, {7, 4});
  absl::StatusOr<Graph> graph = b.Build({{"x'", DynamicUpdate(x, moved, {i, zero})}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const std::vector<Literal> inputs = {Pattern(F32, {8, 4}), Literal::FromSpan<int64_t>({}, {1})};
  absl::StatusOr<std::vector<Literal>> expected = Interpret(*graph, inputs);
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_EQ(RunProgram(*graph, inputs), *expected);
}

TEST(Oracle, DonationThatCannotBeInPlace) {
  GraphBuilder b("swap");
  Value x = b.State("x", F32, {4, 4}), y = b.State("y", F32, {4, 4}), z = b.State("z", F32, {4, 4});
  b.Donate("x'", "x");
  b.Donate("y'", "y");
  b.Donate("z'", "z");
  absl::StatusOr<Graph> graph =
      b.Build({{"x'", y}, {"y'", x}, {"z'", Transpose(z, {1, 0}) + x}, {"sum", z + x}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  std::vector<Literal> inputs;
  for (int i = 0; i < 3; ++i) inputs.push_back(Pattern(F32, {4, 4}, i));
  absl::StatusOr<std::vector<Literal>> expected = Interpret(*graph, inputs);
  ASSERT_TRUE(expected.ok());
  EXPECT_EQ(RunProgram(*graph, inputs), *expected);
}

}  // namespace
}  // namespace tenon::lower
