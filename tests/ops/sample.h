// Samples: small graphs around one op each, over which every check of the op suite runs. An op of
// ops.def without samples fails the suite.
//
// A sample builds its graph, says with what its inputs are to be filled, and names the extents at
// which its symbols are tried. Inputs are a function of the sample's name alone.
#ifndef TENON_TESTS_OPS_SAMPLE_H_
#define TENON_TESTS_OPS_SAMPLE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tenon/ir/builder.h"
#include "tenon/ir/literal.h"

namespace tenon::tests {

// With what an input is filled.
struct Fill {
  enum class Kind : uint8_t {
    kUniform,   // low to high; whole numbers for integers
    kDistinct,  // evenly spaced from low to high, shuffled: no ties, no kinks
    kValues,    // `values`, again and again
    kIndex,     // whole numbers from 0 to `extent` - 1
  };
  Kind kind = Kind::kUniform;
  double low = -2, high = 2;
  std::vector<double> values;
  ir::Dim extent = 1;
};
inline Fill Uniform(double low, double high) { return {Fill::Kind::kUniform, low, high, {}, 1}; }
inline Fill Distinct(double low = -2, double high = 2) {
  return {Fill::Kind::kDistinct, low, high, {}, 1};
}
inline Fill Values(std::vector<double> values) {
  return {Fill::Kind::kValues, 0, 0, std::move(values), 1};
}
inline Fill IndexInto(ir::Dim extent) { return {Fill::Kind::kIndex, 0, 0, {}, std::move(extent)}; }

// What a sample builds with: a GraphBuilder that takes note of fills.
class SampleBuilder {
 public:
  SampleBuilder() : builder_("sample") {}
  ir::Value In(ir::DType dtype, ir::Shape shape, Fill fill = {});
  ir::GraphBuilder& builder() { return builder_; }
  const std::vector<Fill>& fills() const { return fills_; }

 private:
  ir::GraphBuilder builder_;
  std::vector<Fill> fills_;
};

struct Sample {
  std::string name;  // "add/f32/3x5"
  ir::OpCode op;
  std::function<std::vector<ir::Value>(SampleBuilder&)> build;
  // At which extents of its symbols it runs; {} alone for a graph without symbols.
  std::vector<ir::Extents> extents = {{}};
  // Whether its float outputs are differentiated and compared with central differences (f64 only,
  // away from kinks).
  bool gradient = false;

  Sample& At(std::vector<ir::Extents> e) {
    extents = std::move(e);
    return *this;
  }
  Sample& Differentiable() {
    gradient = true;
    return *this;
  }
};

class SampleList {
 public:
  Sample& Add(std::string name, ir::OpCode op,
              std::function<std::vector<ir::Value>(SampleBuilder&)> build) {
    samples_.push_back({std::move(name), op, std::move(build)});
    return samples_.back();
  }
  std::vector<Sample> Take() { return std::move(samples_); }

 private:
  std::vector<Sample> samples_;
};

// Every sample; made once.
const std::vector<Sample>& AllSamples();

// The files that samples stand in.
void AddElementwiseSamples(SampleList& list);
void AddReduceSamples(SampleList& list);
void AddContractSamples(SampleList& list);
void AddMoveSamples(SampleList& list);
void AddIndexSamples(SampleList& list);
void AddControlSamples(SampleList& list);

struct BuiltSample {
  ir::Graph graph;
  std::vector<Fill> fills;  // one an input
};
absl::StatusOr<BuiltSample> BuildSample(const Sample& sample);

// The inputs of a graph, filled.
absl::StatusOr<std::vector<ir::Literal>> MakeInputs(const ir::Graph& graph,
                                                    const std::vector<Fill>& fills,
                                                    const ir::Extents& extents,
                                                    const std::string& seed);

// Whether two tensors are equal to the bit, NaNs counted as equal whatever their payload; else a
// description of the first difference.
std::string Difference(const ir::Literal& a, const ir::Literal& b);
// The same for differences of up to `tolerance` times the larger of 1 and the largest finite
// element.
std::string Difference(const ir::Literal& a, const ir::Literal& b, double tolerance);

// "n=7 m=0".
std::string ExtentsToString(const ir::Extents& extents);

// "f32" and the like, for names of samples.
inline std::string Name(ir::DType dtype) { return std::string(ir::DTypeName(dtype)); }

}  // namespace tenon::tests

#endif  // TENON_TESTS_OPS_SAMPLE_H_
