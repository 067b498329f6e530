#include "tests/ops/sample.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/check.h"
#include "tenon/ir/extents.h"

namespace tenon::tests {

using ir::DType;
using ir::Extents;
using ir::Literal;

ir::Value SampleBuilder::In(DType dtype, ir::Shape shape, Fill fill) {
  ir::Value v = builder_.Input(absl::StrCat("x", fills_.size()), dtype, std::move(shape));
  fills_.push_back(std::move(fill));
  return v;
}

absl::StatusOr<BuiltSample> BuildSample(const Sample& sample) {
  SampleBuilder builder;
  const std::vector<ir::Value> values = sample.build(builder);
  std::vector<std::pair<std::string, ir::Value>> outputs;
  for (size_t i = 0; i < values.size(); ++i) {
    outputs.emplace_back(absl::StrCat("y", i), values[i]);
  }
  TENON_ASSIGN_OR_RETURN(ir::Graph graph, builder.builder().Build(std::move(outputs)));
  return BuiltSample{std::move(graph), builder.fills()};
}

namespace {

absl::Status FillLiteral(const Fill& fill, const Extents& extents, std::mt19937_64& random,
                         Literal& out) {
  const int64_t n = out.size();
  std::vector<double> values(n);
  auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  switch (fill.kind) {
    case Fill::Kind::kUniform:
      for (double& v : values) v = fill.low + (fill.high - fill.low) * uniform();
      break;
    case Fill::Kind::kDistinct:
      for (int64_t i = 0; i < n; ++i) {
        values[i] = fill.low + (fill.high - fill.low) * (static_cast<double>(i) + 0.5) /
                                   static_cast<double>(n);
      }
      for (int64_t i = n - 1; i > 0; --i) std::swap(values[i], values[random() % (i + 1)]);
      break;
    case Fill::Kind::kValues:
      for (int64_t i = 0; i < n; ++i) values[i] = fill.values[i % fill.values.size()];
      break;
    case Fill::Kind::kIndex: {
      TENON_ASSIGN_OR_RETURN(const int64_t extent, fill.extent.Evaluate(extents));
      if (extent == 0 && n > 0) return absl::InvalidArgumentError("indices into nothing");
      for (double& v : values) v = static_cast<double>(random() % extent);
      break;
    }
  }
  for (int64_t i = 0; i < n; ++i) {
    double v = values[i];
    if (out.dtype() == DType::kBool) v = v > 0;
    if (out.dtype() == DType::kU8) v = std::abs(v);
    if (ir::IsInteger(out.dtype()) && std::isfinite(v)) v = std::floor(v);
    out.SetFromDouble(i, v);
  }
  return absl::OkStatus();
}

std::string Describe(const Literal& a, const Literal& b, int64_t i) {
  return absl::StrCat("element ", i, " of ", a.type().ToString(), ": ", a.GetAsDouble(i),
                      " against ", b.GetAsDouble(i));
}

std::string TypeDifference(const Literal& a, const Literal& b) {
  if (a.type() == b.type()) return "";
  return absl::StrCat("type ", a.type().ToString(), " against ", b.type().ToString());
}

}  // namespace

absl::StatusOr<std::vector<Literal>> MakeInputs(const ir::Graph& graph,
                                                const std::vector<Fill>& fills,
                                                const Extents& extents, const std::string& seed) {
  // Not std::hash, which may differ between libraries.
  uint64_t state = 0xcbf29ce484222325;
  for (char c : seed) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  std::mt19937_64 random(state);
  std::vector<Literal> inputs;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const ir::TensorType& type = graph.type(graph.inputs()[i].value);
    TENON_ASSIGN_OR_RETURN(std::vector<int64_t> dims, ir::EvaluateShape(type.dims, extents));
    Literal value(type.dtype, std::move(dims));
    TENON_RETURN_IF_ERROR(
        FillLiteral(i < fills.size() ? fills[i] : Fill{}, extents, random, value));
    inputs.push_back(std::move(value));
  }
  return inputs;
}

std::string Difference(const Literal& a, const Literal& b) {
  if (std::string types = TypeDifference(a, b); !types.empty()) return types;
  const int64_t size = ir::ByteSize(a.dtype());
  for (int64_t i = 0; i < a.size(); ++i) {
    if (std::memcmp(a.bytes() + i * size, b.bytes() + i * size, size) == 0) continue;
    if (std::isnan(a.GetAsDouble(i)) && std::isnan(b.GetAsDouble(i))) continue;
    return Describe(a, b, i);
  }
  return "";
}

std::string Difference(const Literal& a, const Literal& b, double tolerance) {
  if (std::string types = TypeDifference(a, b); !types.empty()) return types;
  double scale = 1;
  for (int64_t i = 0; i < a.size(); ++i) {
    const double v = std::abs(a.GetAsDouble(i));
    if (std::isfinite(v)) scale = std::max(scale, v);
  }
  for (int64_t i = 0; i < a.size(); ++i) {
    const double x = a.GetAsDouble(i), y = b.GetAsDouble(i);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    if (!(std::abs(x - y) <= tolerance * scale)) return Describe(a, b, i);
  }
  return "";
}

std::string ExtentsToString(const Extents& extents) {
  return absl::StrJoin(extents, " ", [](std::string* out, const auto& e) {
    absl::StrAppend(out, e.first, "=", e.second);
  });
}

}  // namespace tenon::tests
