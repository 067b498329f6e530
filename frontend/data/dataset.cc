#include "tenon/frontend/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"

namespace tenon::data {

absl::Status Validate(const DatasetView& data) {
  if (data.x.rank() == 0 || data.y.rank() == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a data set needs rows: x is ", data.x.TypeString(), ", y is ", data.y.TypeString()));
  }
  if (data.x.dims[0] != data.y.dims[0]) {
    return absl::InvalidArgumentError(absl::StrCat("x has ", data.x.dims[0], " rows and y has ",
                                                   data.y.dims[0], ": ", data.x.TypeString(),
                                                   " and ", data.y.TypeString()));
  }
  if (data.x.dims[0] == 0) {
    return absl::InvalidArgumentError("the data set is empty: it has no rows");
  }
  return absl::OkStatus();
}

absl::Status ValidateLabels(const TensorView& labels, int64_t classes) {
  const int64_t n = labels.num_elements();
  for (int64_t i = 0; i < n; ++i) {
    const double label = labels.GetAsDouble(i);
    if (!(label >= 0 && label < static_cast<double>(classes)) || label != std::floor(label)) {
      return absl::OutOfRangeError(absl::StrCat("label ", label, " in row ", i,
                                                " is no class: they are 0 to ", classes - 1));
    }
  }
  return absl::OkStatus();
}

void GatherRows(const TensorView& rows, absl::Span<const int64_t> indices, void* out) {
  const int64_t bytes = rows.dims[0] == 0 ? 0 : rows.byte_size() / rows.dims[0];
  if (bytes == 0) return;
  const auto* source = static_cast<const std::byte*>(rows.data);
  auto* target = static_cast<std::byte*>(out);
  // Labels are mostly one number: a copy of a size that the compiler knows is one move.
  const auto gather = [&](size_t size) {
    for (int64_t row : indices) {
      std::memcpy(target, source + row * static_cast<int64_t>(size), size);
      target += size;
    }
  };
  switch (bytes) {
    case 4:
      return gather(4);
    case 8:
      return gather(8);
    default:
      return gather(static_cast<size_t>(bytes));
  }
}

namespace {

Tensor SelectRows(const TensorView& rows, absl::Span<const int64_t> indices) {
  Dims dims = rows.dims;
  dims[0] = static_cast<int64_t>(indices.size());
  Tensor result(rows.dtype, dims);
  GatherRows(rows, indices, result.mutable_bytes());
  return result;
}

absl::Status CheckFraction(double fraction) {
  if (fraction > 0 && fraction < 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the fraction of a split must be above 0 and below 1, not ", fraction));
}

}  // namespace

Dataset Select(const DatasetView& data, absl::Span<const int64_t> indices) {
  return {SelectRows(data.x, indices), SelectRows(data.y, indices)};
}

Dataset Shuffled(const DatasetView& data, uint64_t seed) {
  Random random(seed);
  return Select(data, Permutation(data.size(), random));
}

absl::StatusOr<Split> SplitInTwo(const DatasetView& data, const SplitOptions& options) {
  TENON_RETURN_IF_ERROR(Validate(data));
  TENON_RETURN_IF_ERROR(CheckFraction(options.fraction));
  const int64_t n = data.size();
  const auto second = static_cast<int64_t>(std::floor(static_cast<double>(n) * options.fraction));
  if (second == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a fraction of ", options.fraction, " of ", n, " rows leaves a part empty"));
  }
  std::vector<int64_t> order(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) order[i] = i;
  if (options.shuffle) {
    Random random(options.seed);
    Permute(order, random);
  }
  const absl::Span<const int64_t> all(order);
  return Split{Select(data, all.first(n - second)), Select(data, all.last(second))};
}

absl::StatusOr<ViewSplit> SplitValidation(const DatasetView& data, double fraction) {
  TENON_RETURN_IF_ERROR(Validate(data));
  TENON_RETURN_IF_ERROR(CheckFraction(fraction));
  const int64_t n = data.size();
  const auto kept = static_cast<int64_t>(std::floor(static_cast<double>(n) * (1 - fraction)));
  if (kept == 0 || kept == n) {
    return absl::InvalidArgumentError(
        absl::StrCat("a validation split of ", fraction, " of ", n, " rows leaves a part empty"));
  }
  return ViewSplit{data.Rows(0, kept), data.Rows(kept, n)};
}

Batches::Batches(int64_t size, int64_t batch_size, bool shuffle, uint64_t seed)
    : size_(size), batch_size_(batch_size), shuffle_(shuffle), seed_(seed) {
  TENON_CHECK(size >= 0 && batch_size > 0);
  if (shuffle) order_.resize(static_cast<size_t>(size));
}

void Batches::StartEpoch(int64_t epoch) {
  if (!shuffle_) return;
  Random random(seed_, static_cast<uint64_t>(epoch));
  Permute(order_, random);
}

}  // namespace tenon::data
