#include "tenon/passes/memory/plan.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"

namespace tenon::memory {

using kernel::Buffer;
using kernel::BufferKind;
using kernel::Step;

namespace {

constexpr int64_t kAlignment = 64;
// Buffers from here on are staggered by this many bytes more than their size.
constexpr int64_t kBig = 128 << 10;
constexpr int64_t kStagger = 640;

struct Life {
  int64_t first = std::numeric_limits<int64_t>::max();
  int64_t last = -1;
  void Touch(int64_t time) {
    first = std::min(first, time);
    last = std::max(last, time);
  }
};

// Walks the steps in order; each launch and predicate is a moment.
class Lives {
 public:
  explicit Lives(size_t buffers) : lives_(buffers) {}

  void Walk(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      switch (step.kind) {
        case Step::Kind::kLaunch:
          ++time_;
          for (const kernel::BufferArg& arg : step.launch.args) lives_[arg.buffer].Touch(time_);
          break;
        case Step::Kind::kBarrier:
          break;
        case Step::Kind::kRepeat:
          Loop([&] { Walk(step.repeat.body); });
          break;
        case Step::Kind::kWhile:
          Loop([&] {
            Walk(step.loop.condition);
            lives_[step.loop.predicate].Touch(++time_);
            Walk(step.loop.body);
          });
          break;
        case Step::Kind::kBranch:
          lives_[step.branch.predicate].Touch(++time_);
          Walk(step.branch.if_true);
          Walk(step.branch.if_false);
          // Threads look at it without waiting for one another: no branch may overwrite it.
          lives_[step.branch.predicate].Touch(++time_);
          break;
      }
    }
  }
  const Life& life(size_t buffer) const { return lives_[buffer]; }

 private:
  // What a loop touches lives through all of it.
  template <typename F>
  void Loop(F body) {
    const int64_t begin = ++time_;
    body();
    const int64_t end = ++time_;
    for (Life& life : lives_) {
      if (life.last < begin) continue;
      life.Touch(begin);
      life.Touch(end);
    }
  }

  std::vector<Life> lives_;
  int64_t time_ = 0;
};

absl::StatusOr<int64_t> Bytes(const Buffer& buffer) {
  const std::optional<int64_t> elements = buffer.size.UpperBound();
  int64_t bytes = 0;
  if (!elements.has_value() ||
      __builtin_mul_overflow(*elements, ir::ByteSize(buffer.dtype), &bytes) ||
      bytes > std::numeric_limits<int64_t>::max() / 4) {
    return absl::ResourceExhaustedError(
        absl::StrCat("buffer ", buffer.name, " of ", buffer.size.ToString(),
                     " elements: its size has no bound in 64 bits"));
  }
  bytes = (std::max<int64_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
  return bytes >= kBig ? bytes + kStagger : bytes;
}

struct Block {
  int32_t buffer;
  int64_t bytes;
  Life life;
  int64_t offset = 0;
};

// The smallest gap between placed blocks (in order of offset) whose lives meet this one's.
int64_t BestOffset(const std::vector<Block>& placed, const Block& block) {
  int64_t best = -1, best_gap = std::numeric_limits<int64_t>::max(), end = 0;
  for (const Block& other : placed) {
    if (other.life.first > block.life.last || block.life.first > other.life.last) continue;
    const int64_t gap = other.offset - end;
    if (gap >= block.bytes && gap < best_gap) {
      best = end;
      best_gap = gap;
    }
    end = std::max(end, other.offset + other.bytes);
  }
  return best >= 0 ? best : end;
}

absl::Status PlaceArena(const Lives& lives, kernel::Program* program) {
  std::vector<Block> blocks;
  for (size_t b = 0; b < program->buffers.size(); ++b) {
    Buffer& buffer = program->buffers[b];
    if (buffer.kind != BufferKind::kArena) continue;
    buffer.offset = 0;
    if (lives.life(b).last < 0) continue;  // nobody touches it
    TENON_ASSIGN_OR_RETURN(const int64_t bytes, Bytes(buffer));
    blocks.push_back({static_cast<int32_t>(b), bytes, lives.life(b)});
  }
  std::stable_sort(blocks.begin(), blocks.end(),
                   [](const Block& a, const Block& b) { return a.bytes > b.bytes; });
  std::vector<Block> placed;
  program->arena_bytes = 0;
  for (Block& block : blocks) {
    block.offset = BestOffset(placed, block);
    program->buffers[block.buffer].offset = block.offset;
    program->arena_bytes = std::max(program->arena_bytes, block.offset + block.bytes);
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), block,
                         [](const Block& a, const Block& b) { return a.offset < b.offset; }),
        block);
  }
  return absl::OkStatus();
}

int64_t ScratchBytes(const kernel::Kernel& kernel) {
  int64_t sum = 0;
  for (const kernel::Local& local : kernel.locals) {
    const int64_t bytes = local.size * ir::ByteSize(local.dtype);
    if (bytes > kMaxStackLocal) sum += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }
  return sum;
}

}  // namespace

absl::Status PlanMemory(kernel::Program* program) {
  Lives lives(program->buffers.size());
  lives.Walk(program->prepare);
  lives.Walk(program->step);
  TENON_RETURN_IF_ERROR(PlaceArena(lives, program));
  program->prepared_bytes = 0;
  for (Buffer& buffer : program->buffers) {
    if (buffer.kind != BufferKind::kPrepared) continue;
    TENON_ASSIGN_OR_RETURN(const int64_t bytes, Bytes(buffer));
    buffer.offset = program->prepared_bytes;
    program->prepared_bytes += bytes;
  }
  program->scratch_bytes = 0;
  for (const kernel::Kernel& kernel : program->kernels) {
    program->scratch_bytes = std::max(program->scratch_bytes, ScratchBytes(kernel));
  }
  return absl::OkStatus();
}

}  // namespace tenon::memory
