#include "tenon/frontend/data/loader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/runtime/wait.h"

namespace tenon::data {

namespace {

constexpr int64_t kMostBatches = 64;               // in a block: the first one should not take long
constexpr int64_t kSmallBlock = 1 << 20;           // bytes; of smaller ones there are more
constexpr uint64_t kAugmentStream = ~uint64_t{1};  // epochs count up from 0

int64_t RowBytes(const TensorView& rows) {
  return rows.byte_size() / std::max<int64_t>(rows.dims[0], 1);
}

Tensor RowsLike(const TensorView& rows, int64_t count) {
  Dims dims = rows.dims;
  dims[0] = count;
  return Tensor(rows.dtype, dims);
}

// From here on a batch is worth calling the team for.
constexpr int64_t kTeamBytes = 32 << 10;

// What the threads of a team gather together; an entry finds it in its frame's arena.
struct GatherJob {
  const DatasetView* data;
  absl::Span<const int64_t> rows;
  std::byte* x;
  std::byte* y;
  int64_t x_row_bytes, y_row_bytes;
};

int32_t GatherPart(tenon_frame* frame, int32_t thread, int32_t threads) {
  const auto* job = reinterpret_cast<const GatherJob*>(frame->arena);
  const auto size = static_cast<int64_t>(job->rows.size());
  const int64_t begin = size * thread / threads, end = size * (thread + 1) / threads;
  const absl::Span<const int64_t> rows = job->rows.subspan(begin, end - begin);
  GatherRows(job->data->x, rows, job->x + begin * job->x_row_bytes);
  GatherRows(job->data->y, rows, job->y + begin * job->y_row_bytes);
  return TENON_OK;
}

MutableTensorView RowsAt(const TensorView& like, int64_t count, void* data) {
  MutableTensorView view{like.dtype, like.dims, data};
  view.dims[0] = count;
  return view;
}

}  // namespace

Loader::Loader(const DatasetView& data, const LoaderOptions& options)
    : data_(data),
      options_(options),
      x_bytes_(RowBytes(data.x) * options.batch_size),
      y_bytes_(RowBytes(data.y) * options.batch_size),
      batches_(data.size(), options.batch_size, options.shuffle, options.seed) {
  block_batches_ = batches_.count();
  if (!in_place()) {
    const int64_t fitting = options.block_bytes / std::max<int64_t>(x_bytes_ + y_bytes_, 1);
    block_batches_ = std::min({block_batches_, kMostBatches, std::max<int64_t>(fitting, 1)});
    const int64_t blocks =
        (batches_.count() + block_batches_ - 1) / block_batches_ * options.epochs;
    const bool ahead = options.ahead && blocks > 1;
    const bool small = block_batches_ * (x_bytes_ + y_bytes_) <= kSmallBlock;
    blocks_.resize(ahead ? (small ? 4 : 2) : 1);
    for (Block& block : blocks_) {
      block.x = RowsLike(data.x, block_batches_ * options.batch_size);
      block.y = RowsLike(data.y, block_batches_ * options.batch_size);
    }
    if (ahead) thread_ = std::thread([this] { Work(); });
  }
  // Behind the last block of an epoch before the first one.
  taking_ = {-1, batches_.count(), batches_.count()};
  next_ = taking_.end;
}

Loader::~Loader() {
  if (!thread_.joinable()) return;
  ending_ = true;
  const std::atomic_ref given_back(given_back_);
  given_back.fetch_add(1, std::memory_order_seq_cst);
  runtime::WakeParked(given_back, std::atomic_ref(given_back_parked_));
  thread_.join();
}

Loader::Span Loader::After(const Span& span) const {
  const int64_t count = batches_.count();
  if (span.end == count) return {span.epoch + 1, 0, std::min(block_batches_, count)};
  return {span.epoch, span.end, std::min(span.end + block_batches_, count)};
}

absl::StatusOr<BatchGroup> Loader::Next(int64_t most) {
  if (!failed_.ok()) return failed_;
  if (next_ == taking_.end) TakeBlock();
  const Batches::Range first = batches_.range(next_);
  // Those as large as the first one: all, but for a smaller last one.
  const Batches::Range last = batches_.range(taking_.end - 1);
  const int64_t equal = taking_.end - next_ - (last.size() == first.size() ? 0 : 1);
  BatchGroup group;
  group.batches = std::min(std::max<int64_t>(most, 1), std::max<int64_t>(equal, 1));
  group.x_stride = x_bytes_;
  group.y_stride = y_bytes_;
  const int64_t offset = next_ - taking_.begin;
  next_ += group.batches;
  if (in_place()) {
    group.first = data_.Rows(first.begin, first.end);
    return group;
  }
  Block& block = BlockOf(taken_ - 1);
  if (!block.status.ok()) return failed_ = block.status;
  group.first = {RowsAt(data_.x, first.size(), block.x.mutable_bytes() + offset * x_bytes_).view(),
                 RowsAt(data_.y, first.size(), block.y.mutable_bytes() + offset * y_bytes_).view()};
  return group;
}

// Gives the block back that is used up and goes on to the next one.
void Loader::TakeBlock() {
  taking_ = After(taking_);
  next_ = taking_.begin;
  TENON_CHECK(taking_.epoch < options_.epochs);
  if (in_place()) return;
  if (!thread_.joinable()) {
    taken_ = 1;
    return Fill(taking_, blocks_[0]);
  }
  // Several at once: a thread that has parked is worth waking for more than one.
  if (taken_ > 0 && taken_ % (blocks_.size() / 2) == 0) {
    const std::atomic_ref given_back(given_back_);
    given_back.store(taken_, std::memory_order_seq_cst);
    runtime::WakeParked(given_back, std::atomic_ref(given_back_parked_));
  }
  runtime::AwaitChange(std::atomic_ref(filled_), taken_, std::atomic_ref(filled_parked_),
                       /*poll=*/true);
  ++taken_;
}

void Loader::Fill(const Span& span, Block& block) {
  if (span.epoch != ordered_epoch_) {
    batches_.StartEpoch(options_.first_epoch + span.epoch);
    ordered_epoch_ = span.epoch;
  }
  block.status = absl::OkStatus();
  for (int64_t batch = span.begin; batch < span.end && block.status.ok(); ++batch) {
    block.status = FillBatch(span, batch, block);
  }
}

absl::Status Loader::FillBatch(const Span& span, int64_t batch, Block& block) {
  const Batches::Range range = batches_.range(batch);
  std::byte* x = block.x.mutable_bytes() + (batch - span.begin) * x_bytes_;
  std::byte* y = block.y.mutable_bytes() + (batch - span.begin) * y_bytes_;
  if (options_.shuffle) {
    Gather(batches_.rows(range), x, y);
  } else {
    const DatasetView rows = data_.Rows(range.begin, range.end);
    if (x_bytes_ > 0) std::memcpy(x, rows.x.data, static_cast<size_t>(rows.x.byte_size()));
    if (y_bytes_ > 0) std::memcpy(y, rows.y.data, static_cast<size_t>(rows.y.byte_size()));
  }
  if (!options_.augment) return absl::OkStatus();
  const auto epoch = static_cast<uint64_t>(options_.first_epoch + span.epoch);
  const std::array<uint32_t, 4> key = PhiloxBlock(options_.seed, epoch, kAugmentStream);
  Random random(uint64_t{key[0]} << 32 | key[1], static_cast<uint64_t>(batch));
  const BatchRows rows = {RowsAt(data_.x, range.size(), x), RowsAt(data_.y, range.size(), y)};
  const absl::Status status = options_.augment(rows, random);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("augmenting epoch ", span.epoch + 1, ", batch ",
                                                  batch + 1, ": ", status.message()));
}

void Loader::Gather(absl::Span<const int64_t> rows, std::byte* x, std::byte* y) {
  GatherJob job = {&data_, rows, x, y, RowBytes(data_.x), RowBytes(data_.y)};
  tenon_frame frame = {};
  frame.arena = reinterpret_cast<char*>(&job);
  // With one block alone it is the caller who fills it.
  const bool together =
      options_.team != nullptr && blocks_.size() == 1 && x_bytes_ + y_bytes_ >= kTeamBytes;
  if (together) {
    options_.team->Run(&GatherPart, &frame);
  } else {
    GatherPart(&frame, 0, 1);
  }
}

void Loader::Work() {
  const std::atomic_ref given_back(given_back_);
  const std::atomic_ref filled(filled_);
  Span span = {-1, batches_.count(), batches_.count()};
  for (uint32_t number = 0;; ++number) {
    span = After(span);
    if (span.epoch == options_.epochs) return;
    for (;;) {
      const uint32_t seen = given_back.load(std::memory_order_seq_cst);
      if (ending_) return;
      if (number - seen < blocks_.size()) break;
      runtime::AwaitChange(given_back, seen, std::atomic_ref(given_back_parked_), /*poll=*/true);
    }
    Block& block = BlockOf(number);
    Fill(span, block);
    const bool ok = block.status.ok();
    filled.store(number + 1, std::memory_order_seq_cst);
    runtime::WakeParked(filled, std::atomic_ref(filled_parked_));
    if (!ok) return;
  }
}

}  // namespace tenon::data
