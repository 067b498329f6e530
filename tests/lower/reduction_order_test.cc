// The bits of a reduction follow from its shape: whatever is fused with it, it gives what it gives
// as a kernel of its own.
#include <functional>

#include "gmock/gmock.h"
#include "tenon/passes/fuse/fuse.h"
#include "tests/lower/support.h"

namespace tenon::lower {
namespace {

using ir::Dim;
using ir::F32;
using ir::Graph;
using ir::GraphBuilder;
using ir::Literal;
using ir::Shape;
using ir::Value;

// Numbers whose sums depend on their order: full mantissas, of both signs and several magnitudes.
Literal Rough(std::vector<int64_t> dims, int seed) {
  Literal literal(ir::DType::kF32, std::move(dims));
  uint32_t state = static_cast<uint32_t>(seed) * 2654435761u + 1;
  for (int64_t i = 0; i < literal.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    const double unit = static_cast<double>(state >> 8) / (1 << 24) - 0.5;
    literal.SetFromDouble(i, unit * (1 + static_cast<double>(state >> 29)));
  }
  return literal;
}

struct Case {
  std::vector<int64_t> dims;
  std::vector<int64_t> axes;
};

// One element, short rows, rows of one set of accumulators and of four with tails, several reduced
// dimensions that do and do not fill whole turns, kept ones in between, columns few and many, and
// all that is cut: rows, within rows, rows of two dimensions, columns.
const Case kCases[] = {
    {{7, 1}, {1}},
    {{40, 3}, {1}},
    {{40, 8}, {1}},
    {{9, 10}, {1}},
    {{5, 37}, {1}},
    {{3, 128}, {1}},
    {{3, 333}, {1}},
    {{64, 10}, {0, 1}},
    {{30, 3}, {0, 1}},
    {{8, 256}, {0, 1}},
    {{6, 5, 7}, {1, 2}},
    {{4, 9, 130}, {1, 2}},
    {{5, 6, 2, 3}, {0, 2, 3}},
    {{6, 5, 33}, {0, 2}},
    {{33, 5}, {0}},
    {{20, 3, 70}, {0, 1}},
    {{40000}, {0}},
    {{2, 33000}, {1}},
    {{3, 20001}, {0, 1}},
    {{300, 130}, {0, 1}},
    {{12, 60, 50}, {1, 2}},
    {{700, 96}, {0}},
    {{66, 1100}, {0}},
    {{40, 20, 90}, {0, 1}},
};

Graph Build(const std::function<Value(GraphBuilder&, const Case&, Value x)>& term, const Case& c,
            bool keep_rows) {
  GraphBuilder b;
  Shape shape(c.dims.begin(), c.dims.end());
  Value t = term(b, c, b.Input("x", F32, shape));
  Value sum = ReduceSum(t, c.axes, true);
  std::vector<std::pair<std::string, Value>> outputs = {{"sum", sum}};
  if (keep_rows) outputs.emplace_back("rest", t - sum);
  return b.Build(outputs).value();
}

std::vector<Literal> Inputs(const Graph& graph) {
  std::vector<Literal> inputs;
  for (const ir::Input& input : graph.inputs()) {
    std::vector<int64_t> dims;
    for (const Dim& d : graph.type(input.value).dims) dims.push_back(d.constant());
    inputs.push_back(Rough(dims, static_cast<int>(inputs.size()) + 1));
  }
  return inputs;
}

void ExpectSameBitsApart(const std::function<Value(GraphBuilder&, const Case&, Value x)>& term) {
  RunOptions apart;
  apart.pipeline.disabled_passes = {"fuse"};
  for (const Case& c : kCases) {
    for (const bool keep_rows : {false, true}) {
      SCOPED_TRACE(testing::Message() << testing::PrintToString(c.dims) << " by "
                                      << testing::PrintToString(c.axes) << " rows " << keep_rows);
      const Graph graph = Build(term, c, keep_rows);
      const std::vector<Literal> inputs = Inputs(graph);
      EXPECT_EQ(RunProgram(graph, inputs), RunProgram(graph, inputs, apart));
    }
  }
}

Value AlongLast(GraphBuilder& b, const Case& c) {
  Shape shape(c.dims.begin(), c.dims.end());
  Value w = b.Input("w", F32, {shape.back()});
  return Broadcast(w, shape, {static_cast<int64_t>(shape.size()) - 1});
}

TEST(ReductionOrder, NothingFused) {
  ExpectSameBitsApart([](GraphBuilder&, const Case&, Value x) { return x; });
}

TEST(ReductionOrder, LittleWork) {
  ExpectSameBitsApart([](GraphBuilder&, const Case&, Value x) { return x * 1.7 + 0.3; });
}

TEST(ReductionOrder, MuchWork) {
  ExpectSameBitsApart([](GraphBuilder&, const Case&, Value x) { return Exp(x * 1.7) - Tanh(x); });
}

TEST(ReductionOrder, ABroadcastKeepsLoopsApart) {
  ExpectSameBitsApart([](GraphBuilder& b, const Case& c, Value x) { return x * AlongLast(b, c); });
}

TEST(ReductionOrder, AnotherOperandLiesTheOtherWayRound) {
  ExpectSameBitsApart([](GraphBuilder& b, const Case& c, Value x) {
    Shape shape(c.dims.rbegin(), c.dims.rend());
    std::vector<int64_t> permutation;
    for (size_t i = shape.size(); i-- > 0;) permutation.push_back(static_cast<int64_t>(i));
    return x * Transpose(b.Input("y", F32, shape), permutation);
  });
}

TEST(ReductionOrder, HostedSumsAreTheSame) {
  RunOptions apart;
  apart.pipeline.disabled_passes = {"fuse"};
  for (const std::vector<int64_t>& dims :
       {std::vector<int64_t>{700, 96}, {200, 7, 60}, {4100, 16}}) {
    GraphBuilder b;
    Shape shape(dims.begin(), dims.end());
    const int64_t last = static_cast<int64_t>(dims.size()) - 1;
    Value x = b.Input("x", F32, shape), dy = b.Input("dy", F32, shape);
    Value product = x * dy, rest = product - ReduceMean(product, {last}, true);
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < last; ++i) rows.push_back(i);
    const Graph graph = b.Build({{"rest", rest}, {"columns", ReduceSum(product, rows)}}).value();
    EXPECT_THAT(fuse::Fuse(graph, ir::X86Avx2(), {}).ToString(graph),
                testing::HasSubstr("adds up 1 columns for others"));
    const std::vector<Literal> inputs = Inputs(graph);
    EXPECT_EQ(RunProgram(graph, inputs), RunProgram(graph, inputs, apart));
  }
}

// Sums of integers in f32 are exact: whatever the order, nothing is left out or taken twice.
TEST(ReductionOrder, EveryElementCountsOnce) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(testing::Message()
                 << testing::PrintToString(c.dims) << " by " << testing::PrintToString(c.axes));
    const auto ones = [](GraphBuilder& b, const Case& of, Value x) {
      return Abs(x) * 0 + AlongLast(b, of) * 0 + 1;
    };
    double count = 1;
    for (int64_t axis : c.axes) count *= static_cast<double>(c.dims[axis]);
    const Graph graph = Build(ones, c, /*keep_rows=*/false);
    const std::vector<Literal> outputs = RunProgram(graph, Inputs(graph));
    for (int64_t i = 0; i < outputs[0].size(); ++i) {
      ASSERT_EQ(outputs[0].GetAsDouble(i), count);
    }
  }
}

}  // namespace
}  // namespace tenon::lower
