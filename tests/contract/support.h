// What the tests of contractions share: reference values by plain loops in double, and a run in the
// kernel interpreter on every kind of target.
#ifndef TENON_TESTS_CONTRACT_SUPPORT_H_
#define TENON_TESTS_CONTRACT_SUPPORT_H_

#include <cmath>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tenon/ir/builder.h"
#include "tenon/ir/kernel/interpreter.h"
#include "tenon/ir/kernel/text.h"
#include "tenon/passes/compile.h"

namespace tenon::contract {

// Multiples of 1/8 in (-2, 2): sums of a few hundred products are exact in f32, so that results can
// be compared for equality.
inline ir::Literal Numbers(ir::DType dtype, std::vector<int64_t> dims, uint32_t seed) {
  ir::Literal literal(dtype, std::move(dims));
  uint32_t state = seed * 2654435761u + 12345u;
  for (int64_t i = 0; i < literal.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    const int step = static_cast<int>(state >> 27) - 15;
    literal.SetFromDouble(i, ir::IsFloat(dtype) ? step / 8.0 : (step & 7));
  }
  return literal;
}

// The einsum by definition.
inline std::vector<double> EinsumReference(const std::string& spec, const ir::Literal& a,
                                           const ir::Literal& b) {
  const size_t comma = spec.find(','), arrow = spec.find("->");
  const std::string sa = spec.substr(0, comma), sb = spec.substr(comma + 1, arrow - comma - 1);
  const std::string out = spec.substr(arrow + 2);
  std::map<char, int64_t> extent, at;
  for (size_t i = 0; i < sa.size(); ++i) extent[sa[i]] = a.dims()[i];
  for (size_t i = 0; i < sb.size(); ++i) extent[sb[i]] = b.dims()[i];
  std::string letters = out;
  for (char c : sa + sb) {
    if (letters.find(c) == std::string::npos) letters += c;
  }
  const auto offset = [&](const std::string& s) {
    int64_t o = 0;
    for (char c : s) o = o * extent[c] + at[c];
    return o;
  };
  int64_t size = 1;
  for (char c : out) size *= extent[c];
  std::vector<double> result(size);
  std::function<void(size_t)> loop = [&](size_t d) {
    if (d == letters.size()) {
      result[offset(out)] += a.GetAsDouble(offset(sa)) * b.GetAsDouble(offset(sb));
      return;
    }
    for (at[letters[d]] = 0; at[letters[d]] < extent[letters[d]]; ++at[letters[d]]) loop(d + 1);
  };
  loop(0);
  return result;
}

inline ir::Shape ShapeOf(const std::vector<int64_t>& dims) {
  return ir::Shape(dims.begin(), dims.end());
}

// A product of two matrices, as an einsum; `b` is a batch of three.
struct Product {
  std::string spec;
  int64_t m, k, n;

  std::vector<int64_t> DimsOf(const std::string& letters) const {
    const std::map<char, int64_t> extents = {{'m', m}, {'k', k}, {'n', n}, {'b', 3}};
    std::vector<int64_t> dims;
    for (char letter : letters) dims.push_back(extents.at(letter));
    return dims;
  }
  std::vector<int64_t> a() const { return DimsOf(spec.substr(0, spec.find(','))); }
  std::vector<int64_t> b() const {
    return DimsOf(spec.substr(spec.find(',') + 1, spec.find("->") - spec.find(',') - 1));
  }
};

inline std::ostream& operator<<(std::ostream& out, const Product& p) {
  return out << p.spec << " " << p.m << " x " << p.k << " x " << p.n;
}

inline ir::Graph GraphOf(const Product& p, ir::DType dtype, bool wide = false) {
  ir::GraphBuilder g("product");
  ir::Value x = g.Input("x", dtype, ShapeOf(p.a())), y = g.Input("y", dtype, ShapeOf(p.b()));
  absl::StatusOr<ir::Graph> graph = g.Build({{"z", Contract(p.spec, x, y, wide)}});
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

// The first levels of caches, too small for a test's shape: blocks of rows and of k, panels, and
// all that larger shapes take elsewhere.
inline ir::TargetDesc SmallCaches(ir::TargetDesc target, int64_t l2_bytes) {
  target.l1_bytes = 4 << 10;
  target.l2_bytes = l2_bytes;
  return target;
}

struct RunOn {
  ir::TargetDesc target = ir::X86Avx2();
  passes::PipelineOptions options;
  std::vector<int64_t> extents;
};

// Outputs in the kernel interpreter, the same for each number of threads.
inline std::vector<ir::Literal> Interpret(const ir::Graph& graph,
                                          const std::vector<ir::Literal>& inputs,
                                          const RunOn& run) {
  absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(graph, run.target, run.options);
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return {};
  absl::StatusOr<kernel::InterpretResult> result = kernel::Interpret(
      *program, run.extents, inputs, {.threads = 3, .each_chunk_its_own_thread = true});
  EXPECT_TRUE(result.ok()) << result.status() << "\n" << kernel::Print(*program);
  if (!result.ok()) return {};
  return result->outputs;
}

inline void ExpectEqual(const ir::Literal& actual, const std::vector<double>& expected,
                        const std::string& what) {
  ASSERT_EQ(actual.size(), static_cast<int64_t>(expected.size())) << what;
  for (int64_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(actual.GetAsDouble(i), expected[i]) << what << ", element " << i;
  }
}

}  // namespace tenon::contract

#endif  // TENON_TESTS_CONTRACT_SUPPORT_H_
