#include "tenon/frontend/data/synthetic.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/frontend/random.h"
#include "tenon/ir/check.h"

namespace tenon::data {

namespace {

absl::Status Check(const ClassificationOptions& o) {
  if (o.samples < 1 || o.features < 1 || o.informative < 1 || o.redundant < 0 || o.classes < 1 ||
      o.clusters_per_class < 1) {
    return absl::InvalidArgumentError("MakeClassification: counts must be positive");
  }
  if (o.informative > o.features || o.redundant > o.features - o.informative) {
    return absl::InvalidArgumentError(
        absl::StrCat("MakeClassification: ", o.informative, " informative and ", o.redundant,
                     " redundant features are more than ", o.features));
  }
  const double corners = std::exp2(static_cast<double>(std::min<int64_t>(o.informative, 62)));
  if (static_cast<double>(o.classes) * static_cast<double>(o.clusters_per_class) > corners) {
    return absl::InvalidArgumentError(absl::StrCat(
        "MakeClassification: ", o.classes, " classes of ", o.clusters_per_class,
        " clusters need more corners than a cube in ", o.informative, " dimensions has"));
  }
  if (!(o.label_noise >= 0 && o.label_noise <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("MakeClassification: label noise of ", o.label_noise, " is no fraction"));
  }
  return CountElements({o.samples, o.features}, ir::DType::kF32).status();
}

// `count` distinct corners of the cube, as bits by dimension (those beyond 62 stay 0).
std::vector<uint64_t> DrawCorners(int64_t count, int64_t dimensions, Random& random) {
  const uint64_t corners = uint64_t{1} << std::min<int64_t>(dimensions, 62);
  std::vector<uint64_t> drawn;
  // A random start and an odd step visit every corner once before any comes again.
  uint64_t corner = random.Below(corners);
  const uint64_t step = random.Below(corners) | 1;
  for (int64_t i = 0; i < count; ++i, corner = (corner + step) % corners) drawn.push_back(corner);
  return drawn;
}

std::vector<double> RandomMatrix(int64_t rows, int64_t columns, Random& random) {
  std::vector<double> m(static_cast<size_t>(rows * columns));
  for (double& v : m) v = 2 * random.Uniform() - 1;
  return m;
}

// out[j] = sum over i of in[i] * matrix[i, j].
void Multiply(const double* in, const std::vector<double>& matrix, int64_t rows, int64_t columns,
              double* out) {
  for (int64_t j = 0; j < columns; ++j) {
    out[j] = 0;
    for (int64_t i = 0; i < rows; ++i) out[j] += in[i] * matrix[i * columns + j];
  }
}

}  // namespace

absl::StatusOr<Dataset> MakeClassification(const ClassificationOptions& options) {
  TENON_RETURN_IF_ERROR(Check(options));
  const ClassificationOptions& o = options;
  Random random(o.seed);
  const int64_t clusters = o.classes * o.clusters_per_class;
  const std::vector<uint64_t> corners = DrawCorners(clusters, o.informative, random);
  std::vector<std::vector<double>> shears;
  for (int64_t c = 0; c < clusters; ++c) {
    shears.push_back(RandomMatrix(o.informative, o.informative, random));
  }
  const std::vector<double> mix = RandomMatrix(o.informative, o.redundant, random);
  std::vector<int64_t> rows(o.samples), columns(o.features);
  for (int64_t i = 0; i < o.samples; ++i) rows[i] = i;
  for (int64_t i = 0; i < o.features; ++i) columns[i] = i;
  if (o.shuffle) {
    Permute(rows, random);
    Permute(columns, random);
  }
  Dataset data{Tensor(ir::DType::kF32, {o.samples, o.features}),
               Tensor(ir::DType::kF32, {o.samples, 1})};
  const absl::Span<float> x = data.x.mutable_data<float>();
  const absl::Span<float> y = data.y.mutable_data<float>();
  std::vector<double> point(o.features), normal(o.informative);
  for (int64_t s = 0; s < o.samples; ++s) {
    const int64_t cluster = s % clusters;
    for (double& v : normal) v = random.Normal();
    Multiply(normal.data(), shears[cluster], o.informative, o.informative, point.data());
    for (int64_t i = 0; i < o.informative; ++i) {
      const bool high = i < 62 && (corners[cluster] >> i & 1) != 0;
      point[i] += high ? o.separation : -o.separation;
    }
    Multiply(point.data(), mix, o.informative, o.redundant, point.data() + o.informative);
    for (int64_t i = o.informative + o.redundant; i < o.features; ++i) point[i] = random.Normal();
    int64_t label = cluster % o.classes;
    if (random.Uniform() < o.label_noise) {
      label = static_cast<int64_t>(random.Below(static_cast<uint64_t>(o.classes)));
    }
    for (int64_t i = 0; i < o.features; ++i) {
      x[rows[s] * o.features + columns[i]] = static_cast<float>(point[i]);
    }
    y[rows[s]] = static_cast<float>(label);
  }
  return data;
}

}  // namespace tenon::data
