// Data sets in memory: examples as rows of a tensor, and a target for each.
#ifndef TENON_FRONTEND_DATA_DATASET_H_
#define TENON_FRONTEND_DATA_DATASET_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tenon/frontend/random.h"
#include "tenon/frontend/tensor.h"

namespace tenon::data {

// Row i of `x` goes with row i of `y`. Any row shapes and element types.
struct Dataset {
  Tensor x, y;

  int64_t size() const { return x.rows(); }
};

// Non-owning rows of a data set.
struct DatasetView {
  TensorView x, y;

  DatasetView() = default;
  DatasetView(TensorView x_rows, TensorView y_rows) : x(std::move(x_rows)), y(std::move(y_rows)) {}
  DatasetView(const Dataset& d) : x(d.x), y(d.y) {}  // NOLINT: a view is how data sets are passed

  int64_t size() const { return x.dims.empty() ? 1 : x.dims[0]; }
  DatasetView Rows(int64_t begin, int64_t end) const {
    return {x.Rows(begin, end), y.Rows(begin, end)};
  }
};

// An error unless x and y have equally many rows, at least one.
absl::Status Validate(const DatasetView& data);

// An error that names the first label that is no integer from 0 to classes - 1, if there is one.
absl::Status ValidateLabels(const TensorView& labels, int64_t classes);

// The rows `indices` of `rows`, in that order, written to `out`, which has room for them.
void GatherRows(const TensorView& rows, absl::Span<const int64_t> indices, void* out);
Dataset Select(const DatasetView& data, absl::Span<const int64_t> indices);

// A data set with its rows in an order that follows from the seed.
Dataset Shuffled(const DatasetView& data, uint64_t seed);

// Copies of a part and of the rest. `fraction` of the rows, rounded down, go into the second.
struct Split {
  Dataset first, second;
};
struct SplitOptions {
  double fraction = 0.2;  // of the second part, strictly between 0 and 1
  bool shuffle = true;    // rows are drawn by `seed`; else the second part are the last rows
  uint64_t seed = 0;
};
absl::StatusOr<Split> SplitInTwo(const DatasetView& data, const SplitOptions& options = {});

// The last `fraction` of the rows as validation data, without copying and before any shuffling, as
// Keras' validation_split takes them: training keeps floor(size * (1 - fraction)) rows.
struct ViewSplit {
  DatasetView training, validation;
};
absl::StatusOr<ViewSplit> SplitValidation(const DatasetView& data, double fraction);

// The order in which an epoch visits `size` rows, in batches: all of them once, shuffled anew for
// each epoch (by seed and epoch number) or in their own order. The last batch may be smaller.
class Batches {
 public:
  struct Range {
    int64_t begin, end;  // positions in the order
    int64_t size() const { return end - begin; }
  };

  Batches(int64_t size, int64_t batch_size, bool shuffle, uint64_t seed);

  // Draws the order of an epoch. Allocates nothing.
  void StartEpoch(int64_t epoch);
  int64_t count() const { return (size_ + batch_size_ - 1) / batch_size_; }
  Range range(int64_t batch) const {
    return {batch * batch_size_, std::min(size_, (batch + 1) * batch_size_)};
  }
  absl::Span<const int64_t> rows(Range range) const {
    return absl::MakeConstSpan(order_).subspan(range.begin, range.size());
  }
  bool shuffled() const { return shuffle_; }

 private:
  int64_t size_, batch_size_;
  bool shuffle_;
  uint64_t seed_;
  std::vector<int64_t> order_;  // empty unless shuffled
};

}  // namespace tenon::data

#endif  // TENON_FRONTEND_DATA_DATASET_H_
