#include "tests/ir/graphs.h"

#include <limits>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "tenon/ir/attributes_util.h"
#include "tenon/ir/builder.h"

namespace tenon::ir::test {
namespace {

Graph Finish(GraphBuilder& b, std::vector<std::pair<std::string, Value>> outputs) {
  absl::StatusOr<Graph> graph = b.Build(std::move(outputs));
  EXPECT_TRUE(graph.ok()) << graph.status();
  return graph.ok() ? *std::move(graph) : Graph("broken");
}

// Parameters, state, donation, symbols, element-wise ops and contractions.
Graph Mlp() {
  GraphBuilder b("mlp");
  Value x = b.Input("x", F32, {Dim("n").AtMost(64), 784});
  Value w = b.Parameter("dense/w", F32, {784, 10}, init::GlorotUniform());
  Value bias = b.Parameter("dense/b", F32, {10}, init::Constant(0.1));
  Value step = b.State("step", I64, {});
  Value y = Tanh(Contract("nk,km->nm", x, w) + bias);
  Value loss = ReduceMean(y * y);
  b.Donate("dense/b", "dense/b");
  b.Donate("step", "step");
  return Finish(b, {{"loss", loss}, {"y", y}, {"dense/b", bias * 0.5}, {"step", step + 1}});
}

// Windows, convolutions and movement, with their lists of numbers and shapes.
Graph Images() {
  GraphBuilder b("images");
  Dim n = Dim("n").AtMost(16);
  Value x = b.Input("x", F32, {n, 8, 8, 3});
  Value f = b.Parameter("f", F32, {3, 3, 3, 4}, init::HeNormal());
  Value y =
      Conv(x, f, {.stride = {1, 2}, .dilation = {1, 1}, .pad_low = {1, 0}, .pad_high = {1, 1}});
  Value pooled = WindowReduce(y, {.kind = Combiner::kMax,
                                  .window = {1, 2, 2, 1},
                                  .stride = {1, 2, 2, 1},
                                  .dilation = {1, 1, 1, 1},
                                  .base_dilation = {1, 1, 1, 1},
                                  .pad_low = {0, 0, 0, 0},
                                  .pad_high = {0, 0, 0, 0}});
  Value moved = Transpose(pooled, {0, 3, 1, 2});
  Value flat = Reshape(moved, {n, 32});
  Value padded = Pad(flat, b.Scalar(F32, -1.5), {0, -1}, {0, 3}, {0, 1});
  Value cut = Slice(flat, {0, 2}, {n, 30}, {1, 3});
  Value both = Concat({cut, Reverse(cut, {1})}, 1);
  return Finish(b, {{"padded", padded}, {"both", both}});
}

// Indexing, sorting, random bits, casts and comparisons.
Graph Indices() {
  GraphBuilder b("indices");
  Value x = b.Input("x", F32, {10, 4});
  Value i = b.Input("i", I64, {Dim("m").AtMost(7)});
  Value key = b.Input("key", I64, {});
  Value rows = Gather(x, i, 0);
  Value back = Scatter(ScatterKind::kAdd, x, i, rows, 0);
  Value order = Sort({x}, 1, /*descending=*/true)[0];
  Value uniform = RandomUniform(key, {10, 4}, 3);
  Value mask = Lt(uniform, 0.25);
  Value picked = Select(mask, back, order);
  Value part = DynamicSlice(picked, {key, key}, {3, 2});
  Value running = Cumulative(Combiner::kSum, Cast(part, BF16), 0, /*exclusive=*/true);
  Value iota = b.Iota({I32, {5, 2}}, 1);
  return Finish(b, {{"part", part}, {"running", running}, {"iota", iota}});
}

// Literals of odd values, in several types.
Graph Constants() {
  GraphBuilder b("constants");
  const float odd[] = {-0.0f, std::numeric_limits<float>::quiet_NaN(),
                       std::numeric_limits<float>::infinity(),
                       std::numeric_limits<float>::denorm_min(), 0.1f};
  Value c = b.Constant(Literal::FromSpan<float>({5}, odd));
  Value zeros = b.Constant(Literal(F64, {4, 4}));
  Value empty = b.Constant(Literal(I8, {0, 3}));
  Value flags = b.Constant(Literal::FromSpan<bool>({3}, {true, false, true}));
  return Finish(b, {{"c", c}, {"zeros", zeros}, {"empty", empty}, {"flags", flags}});
}

// Regions, nested: a scan within a cond, a while with a known count, and a call.
Graph Control() {
  GraphBuilder b("control");
  Dim t = Dim("t").AtMost(12);
  Value x = b.Input("x", F32, {t, 4});
  Value h = b.Input("h", F32, {4});
  Value p = b.Input("p", Bool, {});
  const auto scan = [&](GraphBuilder&, std::vector<Value> v) {
    return Scan({v[0]}, {v[1]}, t, [](GraphBuilder&, std::vector<Value> a) {
      Value next = Tanh(a[0] + a[1]);
      return std::vector<Value>{next, next * 2.0};
    });
  };
  const auto same = [&](GraphBuilder&, std::vector<Value> v) {
    return std::vector<Value>{v[0], v[1]};
  };
  std::vector<Value> r = Cond(p, {h, x}, scan, same);
  std::vector<Value> w = While(
      {r[0], b.Scalar(I64, 0)},
      [](GraphBuilder&, std::vector<Value> v) { return std::vector<Value>{Lt(v[1], 3)}; },
      [](GraphBuilder&, std::vector<Value> v) {
        return std::vector<Value>{Sin(v[0]), v[1] + 1};
      },
      3);
  std::vector<Value> c = Call("softplus \"1\"", {w[0]}, [](GraphBuilder&, std::vector<Value> v) {
    return std::vector<Value>{Log1p(Exp(v[0]))};
  });
  return Finish(b, {{"y", c[0]}, {"ys", r[1]}});
}

bool NodesEqual(const Graph& a, const Node& x, const Graph& b, const Node& y) {
  if (x.op != y.op || !AttributesEqual(x.attributes, y.attributes)) return false;
  if (x.operands != y.operands || x.results != y.results) return false;
  if (x.location.ToString() != y.location.ToString()) return false;
  for (size_t i = 0; i < x.results.size(); ++i) {
    if (!(a.type(x.results[i]) == b.type(y.results[i]))) return false;
  }
  if (x.regions.size() != y.regions.size()) return false;
  for (size_t i = 0; i < x.regions.size(); ++i) {
    if (!GraphsEqual(x.regions[i], y.regions[i])) return false;
  }
  return true;
}

}  // namespace

std::vector<Graph> SampleGraphs() {
  std::vector<Graph> graphs;
  graphs.push_back(Mlp());
  graphs.push_back(Images());
  graphs.push_back(Indices());
  graphs.push_back(Constants());
  graphs.push_back(Control());
  graphs.push_back(Graph("empty"));
  return graphs;
}

bool GraphsEqual(const Graph& a, const Graph& b) {
  if (a.name() != b.name() || a.inputs().size() != b.inputs().size() ||
      a.nodes().size() != b.nodes().size() || a.outputs().size() != b.outputs().size()) {
    return false;
  }
  for (size_t i = 0; i < a.inputs().size(); ++i) {
    const Input &x = a.inputs()[i], &y = b.inputs()[i];
    if (x.name != y.name || x.kind != y.kind || !(x.init == y.init) ||
        x.location.ToString() != y.location.ToString() || !(a.type(x.value) == b.type(y.value))) {
      return false;
    }
  }
  for (size_t i = 0; i < a.nodes().size(); ++i) {
    if (!NodesEqual(a, a.nodes()[i], b, b.nodes()[i])) return false;
  }
  for (size_t i = 0; i < a.outputs().size(); ++i) {
    const Output &x = a.outputs()[i], &y = b.outputs()[i];
    if (x.name != y.name || x.value != y.value || x.donated_input != y.donated_input) return false;
  }
  return true;
}

}  // namespace tenon::ir::test
