#include "tenon/passes/memory/plan.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/passes/memory/timeline.h"

namespace tenon::memory {

using kernel::Buffer;
using kernel::BufferKind;
using kernel::Step;

namespace {

struct Span {
  int64_t first = std::numeric_limits<int64_t>::max();
  int64_t last = -1;
  void Touch(int64_t time) {
    first = std::min(first, time);
    last = std::max(last, time);
  }
};

// What counts as a moment: each launch and predicate, or all that lies between two barriers.
enum class Moments : uint8_t { kSteps, kIntervals };

// Walks the steps in order.
class Lives {
 public:
  Lives(const kernel::Program& program, Moments moments)
      : moments_(moments), lives_(program.buffers.size()) {
    Walk(program.prepare);
    NextInterval();
    Walk(program.step);
  }
  const Span& life(size_t buffer) const { return lives_[buffer]; }
  // By moment: the kernel launched, or -1.
  std::vector<int32_t> kernels() const {
    std::vector<int32_t> kernels(time_ + 1, -1);
    for (const auto& [time, kernel] : launches_) kernels[time] = kernel;
    return kernels;
  }

 private:
  void NextStep() { time_ += moments_ == Moments::kSteps ? 1 : 0; }
  void NextInterval() { time_ += moments_ == Moments::kIntervals ? 1 : 0; }

  void Walk(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      switch (step.kind) {
        case Step::Kind::kLaunch:
          NextStep();
          launches_.emplace_back(time_, step.launch.kernel);
          for (const kernel::BufferArg& arg : step.launch.args) lives_[arg.buffer].Touch(time_);
          break;
        case Step::Kind::kBarrier:
          NextInterval();
          break;
        case Step::Kind::kRepeat:
          Loop([&] { Walk(step.repeat.body); });
          break;
        case Step::Kind::kWhile:
          Loop([&] {
            Walk(step.loop.condition);
            NextStep();
            lives_[step.loop.predicate].Touch(time_);
            Walk(step.loop.body);
          });
          break;
        case Step::Kind::kBranch:
          NextStep();
          lives_[step.branch.predicate].Touch(time_);
          Walk(step.branch.if_true);
          Walk(step.branch.if_false);
          // Threads look at it without waiting for one another: no branch may overwrite it.
          NextStep();
          lives_[step.branch.predicate].Touch(time_);
          break;
      }
    }
  }
  // What a loop touches lives through all of it.
  template <typename F>
  void Loop(F body) {
    NextStep();
    const int64_t begin = time_;
    body();
    NextStep();
    const int64_t end = time_;
    for (Span& life : lives_) {
      if (life.last < begin) continue;
      life.Touch(begin);
      life.Touch(end);
    }
  }

  const Moments moments_;
  std::vector<Span> lives_;
  std::vector<std::pair<int64_t, int32_t>> launches_;  // moment and kernel
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
  return ArenaBytes(bytes);
}

struct Block {
  int32_t buffer;
  int64_t bytes;
  Span life;
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

// Places the blocks in this order; the bytes that they take.
int64_t PlaceBlocks(std::vector<Block>* blocks) {
  std::vector<Block> placed;
  int64_t bytes = 0;
  for (Block& block : *blocks) {
    block.offset = BestOffset(placed, block);
    bytes = std::max(bytes, block.offset + block.bytes);
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), block,
                         [](const Block& a, const Block& b) { return a.offset < b.offset; }),
        block);
  }
  return bytes;
}

struct Arena {
  int64_t bytes = 0;
  std::vector<Block> blocks;
};

absl::StatusOr<Arena> PlaceArena(const kernel::Program& program, Moments moments) {
  const Lives lives(program, moments);
  std::vector<Block> blocks;
  for (size_t b = 0; b < program.buffers.size(); ++b) {
    const Buffer& buffer = program.buffers[b];
    if (buffer.kind != BufferKind::kArena || lives.life(b).last < 0) continue;
    TENON_ASSIGN_OR_RETURN(const int64_t bytes, Bytes(buffer));
    blocks.push_back({static_cast<int32_t>(b), bytes, lives.life(b)});
  }
  const auto size = [](const Block& b) { return static_cast<double>(b.bytes); };
  const auto area = [](const Block& b) {
    return static_cast<double>(b.bytes) * static_cast<double>(b.life.last - b.life.first + 1);
  };
  Arena best;
  for (const auto& weight :
       {std::function<double(const Block&)>(size), std::function<double(const Block&)>(area)}) {
    Arena arena;
    arena.blocks = blocks;
    std::stable_sort(arena.blocks.begin(), arena.blocks.end(),
                     [&](const Block& a, const Block& b) { return weight(a) > weight(b); });
    arena.bytes = PlaceBlocks(&arena.blocks);
    if (best.blocks.empty() || arena.bytes < best.bytes) best = std::move(arena);
  }
  return best;
}

// By steps, or by the intervals between barriers where that costs little.
absl::StatusOr<Arena> ChooseArena(kernel::Program* program, int64_t limit,
                                  const std::function<void(kernel::Program*)>& barriers) {
  TENON_ASSIGN_OR_RETURN(Arena tight, PlaceArena(*program, Moments::kSteps));
  if (barriers == nullptr) return tight;
  std::vector<Step> prepare = program->prepare, step = program->step;
  barriers(program);
  absl::StatusOr<Arena> loose = PlaceArena(*program, Moments::kIntervals);
  program->prepare = std::move(prepare);
  program->step = std::move(step);
  if (!loose.ok()) return loose;
  const bool fits = limit == 0 || loose->bytes <= limit || loose->bytes <= tight.bytes;
  return fits && loose->bytes <= tight.bytes + tight.bytes / 4 ? *std::move(loose) : tight;
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

BufferLives LivesOf(const kernel::Program& program) {
  const Lives lives(program, Moments::kSteps);
  BufferLives result;
  result.kernels = lives.kernels();
  for (size_t b = 0; b < program.buffers.size(); ++b) {
    const Span& life = lives.life(b);
    result.lives.push_back(life.last < 0 ? BufferLives::Life{}
                                         : BufferLives::Life{life.first, life.last});
  }
  return result;
}

absl::StatusOr<int64_t> PeakBytes(const kernel::Program& program) {
  const Lives lives(program, Moments::kSteps);
  std::map<int64_t, int64_t> change;  // by moment
  for (size_t b = 0; b < program.buffers.size(); ++b) {
    const Buffer& buffer = program.buffers[b];
    if (buffer.kind != BufferKind::kArena || lives.life(b).last < 0) continue;
    TENON_ASSIGN_OR_RETURN(const int64_t bytes, Bytes(buffer));
    change[lives.life(b).first] += bytes;
    change[lives.life(b).last + 1] -= bytes;
  }
  int64_t live = 0, peak = 0;
  for (const auto& [time, bytes] : change) peak = std::max(peak, live += bytes);
  return peak;
}

absl::Status PlanMemory(kernel::Program* program, int64_t limit,
                        const std::function<void(kernel::Program*)>& barriers) {
  TENON_ASSIGN_OR_RETURN(const Arena arena, ChooseArena(program, limit, barriers));
  program->arena_bytes = arena.bytes;
  for (Buffer& buffer : program->buffers) {
    if (buffer.kind == BufferKind::kArena) buffer.offset = 0;  // nobody touches some
  }
  for (const Block& block : arena.blocks) program->buffers[block.buffer].offset = block.offset;
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
