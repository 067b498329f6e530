// What tests of passes share: random inputs with awkward values among them, and comparison of
// results.
#ifndef TENON_TESTS_PASSES_SUPPORT_H_
#define TENON_TESTS_PASSES_SUPPORT_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/literal.h"

namespace tenon::passes {

// How random inputs are chosen.
struct RandomInputs {
  uint64_t seed = 1;
  // NaN, infinities, zeros of both signs and subnormals among floats.
  bool special = false;
  ir::Extents extents;  // the symbols' values
};

inline ir::Literal RandomLiteral(const ir::TensorType& type, const RandomInputs& options,
                                 std::mt19937_64& rng) {
  std::vector<int64_t> dims;
  for (const ir::Dim& d : type.dims) dims.push_back(d.Evaluate(options.extents).value());
  ir::Literal literal(type.dtype, dims);
  std::normal_distribution<double> normal(0, 1.5);
  const double special[] = {0.0,
                            -0.0,
                            1.0,
                            -1.0,
                            std::numeric_limits<double>::infinity(),
                            -std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::quiet_NaN(),
                            1e-40,
                            3.5e37};
  for (int64_t i = 0; i < literal.size(); ++i) {
    if (type.dtype == ir::DType::kBool) {
      literal.SetFromDouble(i, static_cast<double>(rng() & 1));
    } else if (!ir::IsFloat(type.dtype)) {
      literal.SetFromDouble(i, static_cast<double>(rng() % 5));
    } else if (options.special && rng() % 4 == 0) {
      literal.SetFromDouble(i, special[rng() % std::size(special)]);
    } else {
      literal.SetFromDouble(i, normal(rng));
    }
  }
  return literal;
}

inline std::vector<ir::Literal> RandomLiterals(const ir::Graph& graph,
                                               const RandomInputs& options) {
  std::mt19937_64 rng(options.seed);
  std::vector<ir::Literal> literals;
  for (const ir::Input& input : graph.inputs()) {
    literals.push_back(RandomLiteral(graph.type(input.value), options, rng));
  }
  return literals;
}

// Empty where `a` and `b` agree: the same types, and elements equal to the bit (tolerance 0; any
// NaN equals any other) or within tolerance * max(1, |a|), zeros of both signs being equal.
inline std::string Difference(const ir::Literal& a, const ir::Literal& b, double tolerance) {
  if (!(a.type() == b.type())) {
    return absl::StrCat(a.type().ToString(), " and ", b.type().ToString());
  }
  for (int64_t i = 0; i < a.size(); ++i) {
    const size_t bytes = static_cast<size_t>(ir::ByteSize(a.dtype()));
    const size_t at = static_cast<size_t>(i) * bytes;
    if (std::memcmp(a.bytes() + at, b.bytes() + at, bytes) == 0) continue;
    const double x = a.GetAsDouble(i);
    const double y = b.GetAsDouble(i);
    if (ir::IsFloat(a.dtype())) {
      if (std::isnan(x) && std::isnan(y)) continue;
      if (tolerance > 0 && std::abs(x - y) <= tolerance * std::max(1.0, std::abs(x))) continue;
    }
    return absl::StrCat("element ", i, ": ", x, " and ", y);
  }
  return "";
}

}  // namespace tenon::passes

#endif  // TENON_TESTS_PASSES_SUPPORT_H_
