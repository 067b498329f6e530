// Convolutions and their two transposes against plain loops: padding, strides, dilation, groups,
// one to three dimensions, symbolic batches.
#include "tests/contract/support.h"

namespace tenon::contract {
namespace {

using ir::Dim;
using ir::Graph;
using ir::GraphBuilder;
using ir::Literal;
using ir::Value;

struct ConvCase {
  std::vector<int64_t> size, window;  // spatial
  int64_t batch = 2, in = 3, out = 4, groups = 1;
  std::vector<int64_t> stride, dilation, low, high;
};

ConvCase Fill(ConvCase c) {
  c.stride.resize(c.size.size(), 1);
  c.dilation.resize(c.size.size(), 1);
  c.low.resize(c.size.size(), 0);
  c.high.resize(c.size.size(), 0);
  return c;
}

struct Shapes {
  std::vector<int64_t> x, f, y;
};
Shapes ShapesOf(const ConvCase& c) {
  Shapes s;
  s.x = s.y = {c.batch};
  for (size_t d = 0; d < c.size.size(); ++d) {
    const int64_t reach = (c.window[d] - 1) * c.dilation[d] + 1;
    s.x.push_back(c.size[d]);
    s.f.push_back(c.window[d]);
    s.y.push_back((c.low[d] + c.size[d] + c.high[d] - reach) / c.stride[d] + 1);
  }
  s.x.push_back(c.in);
  s.f.insert(s.f.end(), {c.in / c.groups, c.out});
  s.y.push_back(c.out);
  return s;
}

// Calls visit(offset in x, in f, in y) for every product of the convolution.
void ForEachProduct(const ConvCase& c, const Shapes& s,
                    const std::function<void(int64_t, int64_t, int64_t)>& visit) {
  const size_t rank = c.size.size();
  std::vector<int64_t> o(rank), k(rank);
  std::function<void(size_t, int64_t)> spatial = [&](size_t d, int64_t b) {
    if (d < rank) {
      for (o[d] = 0; o[d] < s.y[d + 1]; ++o[d]) {
        for (k[d] = 0; k[d] < c.window[d]; ++k[d]) {
          const int64_t i = o[d] * c.stride[d] + k[d] * c.dilation[d] - c.low[d];
          if (i >= 0 && i < c.size[d]) spatial(d + 1, b);
        }
      }
      return;
    }
    int64_t x = b, f = 0, y = b;
    for (size_t e = 0; e < rank; ++e) {
      x = x * c.size[e] + o[e] * c.stride[e] + k[e] * c.dilation[e] - c.low[e];
      f = f * c.window[e] + k[e];
      y = y * s.y[e + 1] + o[e];
    }
    const int64_t in = c.in / c.groups, out = c.out / c.groups;
    for (int64_t oc = 0; oc < c.out; ++oc) {
      for (int64_t ic = 0; ic < in; ++ic) {
        visit(x * c.in + oc / out * in + ic, (f * in + ic) * c.out + oc, y * c.out + oc);
      }
    }
  };
  for (int64_t b = 0; b < c.batch; ++b) spatial(0, b);
}

ir::ConvAttrs AttrsOf(const ConvCase& c, const ir::Shape& shape = {}) {
  ir::ConvAttrs a;
  a.stride = c.stride;
  a.dilation = c.dilation;
  a.pad_low = c.low;
  a.pad_high = c.high;
  a.groups = c.groups;
  a.shape = shape;
  return a;
}

// All three forms; `batch` may be symbolic.
void Check(ConvCase c, const Dim& batch, const RunOn& run) {
  c = Fill(c);
  const Shapes s = ShapesOf(c);
  const auto shape = [&](const std::vector<int64_t>& dims, bool has_batch) {
    ir::Shape result(dims.begin(), dims.end());
    if (has_batch) result[0] = batch;
    return result;
  };
  GraphBuilder g("conv");
  Value x = g.Input("x", ir::F32, shape(s.x, true));
  Value f = g.Input("f", ir::F32, shape(s.f, false));
  Value y = g.Input("y", ir::F32, shape(s.y, true));
  absl::StatusOr<Graph> graph = g.Build({{"c", Conv(x, f, AttrsOf(c))},
                                         {"t", ConvTranspose(y, f, AttrsOf(c, shape(s.x, true)))},
                                         {"w", ConvFilter(x, y, AttrsOf(c, shape(s.f, false)))}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const Literal lx = Numbers(ir::F32, s.x, 1), lf = Numbers(ir::F32, s.f, 2),
                ly = Numbers(ir::F32, s.y, 3);
  std::vector<double> forward(ly.size()), input(lx.size()), filter(lf.size());
  ForEachProduct(c, s, [&](int64_t ix, int64_t jf, int64_t iy) {
    forward[iy] += lx.GetAsDouble(ix) * lf.GetAsDouble(jf);
    input[ix] += ly.GetAsDouble(iy) * lf.GetAsDouble(jf);
    filter[jf] += lx.GetAsDouble(ix) * ly.GetAsDouble(iy);
  });
  const std::vector<Literal> out = Interpret(*graph, {lx, lf, ly}, run);
  ASSERT_EQ(out.size(), 3u);
  ExpectEqual(out[0], forward, "conv");
  ExpectEqual(out[1], input, "conv_transpose");
  ExpectEqual(out[2], filter, "conv_filter");
}

TEST(ConvTest, AllForms) {
  const std::vector<ConvCase> cases = {
      {.size = {7, 9}, .window = {3, 3}, .low = {1, 1}, .high = {1, 1}},
      {.size = {7, 9}, .window = {3, 3}},
      {.size = {6, 5}, .window = {1, 1}},
      {.size = {9, 8}, .window = {3, 2}, .stride = {2, 2}, .low = {1, 0}, .high = {1, 1}},
      {.size = {9, 8}, .window = {3, 3}, .stride = {3, 2}},
      {.size = {9, 8}, .window = {2, 3}, .dilation = {3, 2}, .low = {2, 1}, .high = {0, 3}},
      {.size = {8, 8}, .window = {1, 1}, .stride = {2, 2}},
      {.size = {11}, .window = {4}, .out = 18, .stride = {2}, .low = {2}, .high = {1}},
      {.size = {4, 5, 3},
       .window = {2, 3, 2},
       .stride = {1, 2, 1},
       .low = {1, 1, 0},
       .high = {0, 1, 1}},
      {.size = {6, 6},
       .window = {3, 3},
       .in = 4,
       .out = 6,
       .groups = 2,
       .low = {1, 1},
       .high = {1, 1}},
      {.size = {6, 6},
       .window = {3, 3},
       .in = 4,
       .out = 4,
       .groups = 4,
       .stride = {2, 1},
       .low = {1, 1},
       .high = {1, 1}},
      {.size = {8, 8}, .window = {3, 3}, .in = 1, .out = 32, .low = {1, 1}, .high = {1, 1}},
      {.size = {5, 14}, .window = {3, 3}, .in = 32, .out = 17, .low = {1, 1}, .high = {1, 1}},
      {.size = {3, 3}, .window = {3, 3}, .low = {4, 4}, .high = {4, 4}},  // windows all outside
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    for (const ir::TargetDesc& target : {ir::X86Sse2(), ir::X86Avx512()}) {
      SCOPED_TRACE(testing::Message() << "case " << i << " " << target.cpu);
      Check(cases[i], Dim(cases[i].batch), {.target = target});
    }
  }
}

TEST(ConvTest, BlocksOfKInASmallCache) {
  ir::TargetDesc small = ir::X86Avx2();
  small.l2_bytes = 4096;
  Check({.size = {6, 8},
         .window = {3, 3},
         .batch = 6,
         .in = 8,
         .out = 16,
         .low = {1, 1},
         .high = {1, 1}},
        Dim(6), {.target = small});
}

TEST(ConvTest, SymbolicBatch) {
  for (int64_t n : {0, 1, 3, 6}) {
    ConvCase c{.size = {6, 7}, .window = {3, 3}, .batch = n, .low = {1, 1}, .high = {1, 1}};
    Check(c, Dim("n").AtMost(6), {.extents = {n}});
    c.stride = {2, 2};
    Check(c, Dim("n").AtMost(6), {.extents = {n}});
  }
}

// A filter's gradient over many pixels is summed in pieces.
TEST(ConvTest, FilterGradientOverManyPixels) {
  Check({.size = {16, 16},
         .window = {3, 3},
         .batch = 20,
         .in = 1,
         .out = 8,
         .low = {1, 1},
         .high = {1, 1}},
        Dim(20), {});
}

}  // namespace
}  // namespace tenon::contract
