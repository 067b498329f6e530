// Loader: has the rows of the next batches brought together while a step runs.
//
// A thread of the loader's own shuffles, gathers and augments into a ring of blocks, each of some
// batches one behind the other; the caller takes batches from there in order. What comes out
// follows from data, options and seed alone: neither the thread, nor how many batches are taken at
// a time, nor the size of blocks can be told from it. Rows that are wanted as they lie in the data
// set are handed out in place.
#ifndef TENON_FRONTEND_DATA_LOADER_H_
#define TENON_FRONTEND_DATA_LOADER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tenon/frontend/data/dataset.h"
#include "tenon/frontend/random.h"
#include "tenon/frontend/tensor.h"
#include "tenon/runtime/team.h"

namespace tenon::data {

// The rows of a batch while they are prepared: copies, to be changed in place.
struct BatchRows {
  MutableTensorView x, y;
};

// Changes a batch before it is trained on: augmentation. `random` follows from seed, epoch and
// batch alone. Called on the loader's thread, for one batch after the other. An error ends training
// and is reported with epoch and batch.
using Augment = std::function<absl::Status(const BatchRows& rows, Random& random)>;

struct LoaderOptions {
  int64_t batch_size = 32;
  bool shuffle = true;
  uint64_t seed = 0;
  int64_t first_epoch = 0;  // each has an order of its own
  int64_t epochs = 1;
  Augment augment = {};
  bool ahead = true;  // on a thread of its own, or else when batches are asked for
  // Borrowed: gathers rows together with the caller where `ahead` is not set.
  runtime::Team* team = nullptr;
  int64_t block_bytes = 256 << 10;  // of the rows of a block; at least one batch goes into it
};

// Batches of equally many rows, one behind the other.
struct BatchGroup {
  DatasetView first;
  int64_t batches = 0;
  int64_t x_stride = 0, y_stride = 0;  // bytes from a batch to the next
};

class Loader {
 public:
  // `data` is borrowed and valid (see Validate).
  Loader(const DatasetView& data, const LoaderOptions& options);
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  // What has been prepared and not been taken is dropped.
  ~Loader();

  // Batches of an epoch.
  int64_t count() const { return batches_.count(); }

  // The next batches, at least one and at most `most`, all of one epoch; not after the last one.
  // They stay where they are until the next call. After an error there is nothing but that error.
  // Allocates nothing.
  absl::StatusOr<BatchGroup> Next(int64_t most);

 private:
  // Batches [begin, end) of an epoch, counted from the loader's first one.
  struct Span {
    int64_t epoch = 0, begin = 0, end = 0;
  };
  struct Block {
    Tensor x, y;
    absl::Status status;
  };

  bool in_place() const { return !options_.shuffle && !options_.augment; }
  // The batches of the block behind that of `span`.
  Span After(const Span& span) const;
  Block& BlockOf(uint32_t number) { return blocks_[number % blocks_.size()]; }
  void TakeBlock();
  void Fill(const Span& span, Block& block);
  absl::Status FillBatch(const Span& span, int64_t batch, Block& block);
  void Gather(absl::Span<const int64_t> rows, std::byte* x, std::byte* y);
  void Work();

  const DatasetView data_;
  const LoaderOptions options_;
  const int64_t x_bytes_, y_bytes_;  // of a batch
  Batches batches_;                  // its order is that of the epoch that is being filled
  int64_t ordered_epoch_ = -1;
  int64_t block_batches_ = 1;
  std::vector<Block> blocks_;

  // Of the caller: the block that batches are taken from, and the next of its batches.
  Span taking_;
  int64_t next_ = 0;
  uint32_t taken_ = 0;  // blocks that the caller is done with, or in
  absl::Status failed_;

  // Blocks that have been filled, and that have been given back, since the start; modulo 2^32.
  // Atomic, as is who waits for them to move (runtime/wait.h).
  alignas(64) uint32_t filled_ = 0;
  uint32_t filled_parked_ = 0;
  alignas(64) uint32_t given_back_ = 0;
  uint32_t given_back_parked_ = 0;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace tenon::data

#endif  // TENON_FRONTEND_DATA_LOADER_H_
