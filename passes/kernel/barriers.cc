#include "tenon/passes/kernel/barriers.h"

#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "tenon/passes/kernel/usage.h"

namespace tenon::passes {

using kernel::Buffer;
using kernel::BufferKind;
using kernel::Program;
using kernel::Step;

namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

// Who runs the code that touches.
enum class Agent : uint8_t {
  kLastThread,  // the only chunk of a launch
  kChunks,      // any thread
  kEveryThread,
};

struct Touch {
  int64_t area = 0;            // a binding, or one of the areas below
  int64_t begin = 0, end = 0;  // bytes
  bool written = false;
  Agent agent = Agent::kChunks;

  bool operator==(const Touch&) const = default;
};
constexpr int64_t kArena = -1, kPrepared = -2;
constexpr int64_t kUnplanned = -3;  // and below: buffers of their own

bool Conflict(const Touch& a, const Touch& b) {
  if (a.area != b.area || a.end <= b.begin || b.end <= a.begin) return false;
  if (!a.written && !b.written) return false;
  return a.agent != Agent::kLastThread || b.agent != Agent::kLastThread;
}

// What has been touched since the last barrier.
using Touches = std::vector<Touch>;

bool Conflict(const Touches& before, const Touches& now) {
  for (const Touch& a : before) {
    for (const Touch& b : now) {
      if (Conflict(a, b)) return true;
    }
  }
  return false;
}

void Merge(const Touches& more, Touches* all) {
  for (const Touch& touch : more) {
    bool known = false;
    for (const Touch& other : *all) known = known || other == touch;
    if (!known) all->push_back(touch);
  }
}

Step Barrier() {
  Step step;
  step.kind = Step::Kind::kBarrier;
  return step;
}

class Placer {
 public:
  explicit Placer(const Program& program) : program_(program) {
    for (const kernel::Kernel& k : program.kernels) usages_.push_back(UsageOf(k));
  }

  // Places barriers in `steps`, given what was touched before them; returns what is touched since
  // the last barrier at their end. With `add` unset it only walks, and `missing` tells of a
  // conflict that the barriers there are do not cover.
  Touches Walk(std::vector<Step>* steps, Touches touched, bool add, bool* missing) {
    std::vector<Step> placed;
    const auto meet = [&](const Touches& now) {
      if (Conflict(touched, now)) {
        *missing = true;
        if (add) placed.push_back(Barrier());
        touched.clear();
      }
      Merge(now, &touched);
    };
    for (Step& step : *steps) {
      switch (step.kind) {
        case Step::Kind::kLaunch:
          meet(TouchesOf(step.launch));
          break;
        case Step::Kind::kBarrier:
          touched.clear();
          break;
        case Step::Kind::kRepeat:
          touched = WalkRepeat(&step.repeat, std::move(touched), add, missing);
          break;
        case Step::Kind::kWhile:
          touched = WalkWhile(&step.loop, std::move(touched), add, missing);
          break;
        case Step::Kind::kBranch: {
          meet({PredicateTouch(step.branch.predicate)});
          Touches other = Walk(&step.branch.if_false, touched, add, missing);
          touched = Walk(&step.branch.if_true, std::move(touched), add, missing);
          Merge(other, &touched);
          break;
        }
      }
      if (add) placed.push_back(std::move(step));
    }
    if (add) *steps = std::move(placed);
    return touched;
  }

 private:
  Touches WalkRepeat(kernel::Repeat* repeat, Touches touched, bool add, bool* missing) {
    // The body may run no time at all.
    Touches after = touched;
    Touches end = Walk(&repeat->body, std::move(touched), add, missing);
    bool turn = false;
    Walk(&repeat->body, end, false, &turn);
    if (turn) {
      *missing = true;
      if (add) repeat->body.push_back(Barrier());
      end.clear();
    } else {
      // Without a barrier in the body its touches pile up over the turns: all the same ones.
      end = Walk(&repeat->body, std::move(end), false, &turn);
    }
    Merge(end, &after);
    return after;
  }

  Touches WalkWhile(kernel::WhileLoop* loop, Touches touched, bool add, bool* missing) {
    touched = WalkCondition(loop, std::move(touched), add, missing);
    Touches after = touched;
    Touches end = Walk(&loop->body, std::move(touched), add, missing);
    bool turn = false;
    Touches again = WalkCondition(loop, end, false, &turn);
    Walk(&loop->body, again, false, &turn);
    if (turn) {
      *missing = true;
      if (add) loop->body.push_back(Barrier());
      turn = false;
      again = WalkCondition(loop, {}, false, &turn);
    }
    Merge(again, &after);
    return after;
  }

  // The condition's steps and the reading of the predicate.
  Touches WalkCondition(kernel::WhileLoop* loop, Touches touched, bool add, bool* missing) {
    touched = Walk(&loop->condition, std::move(touched), add, missing);
    const Touches read = {PredicateTouch(loop->predicate)};
    if (Conflict(touched, read)) {
      *missing = true;
      if (add) loop->condition.push_back(Barrier());
      touched.clear();
    }
    Merge(read, &touched);
    return touched;
  }

  Touch PlaceOf(int32_t number) const {
    const Buffer& buffer = program_.buffers[number];
    Touch touch;
    touch.end = kEnd;
    switch (buffer.kind) {
      case BufferKind::kBinding: {
        const kernel::Binding& b = program_.bindings[buffer.binding];
        touch.area = b.is_output && b.donated_input >= 0 ? b.donated_input : buffer.binding;
        return touch;
      }
      case BufferKind::kConstant:
      case BufferKind::kArena:
      case BufferKind::kPrepared:
        break;
    }
    if (buffer.kind == BufferKind::kConstant || buffer.offset < 0) {
      touch.area = kUnplanned - number;
      return touch;
    }
    touch.area = buffer.kind == BufferKind::kArena ? kArena : kPrepared;
    touch.begin = buffer.offset;
    const std::optional<int64_t> elements = buffer.size.UpperBound();
    if (elements.has_value()) touch.end = buffer.offset + *elements * ir::ByteSize(buffer.dtype);
    return touch;
  }

  Touch PredicateTouch(int32_t buffer) const {
    Touch touch = PlaceOf(buffer);
    touch.agent = Agent::kEveryThread;
    return touch;
  }

  Touches TouchesOf(const kernel::Launch& launch) const {
    const KernelUsage& usage = usages_[launch.kernel];
    const bool single = RunsOneChunk(program_.kernels[launch.kernel], usage, launch);
    Touches touches;
    for (size_t i = 0; i < launch.args.size(); ++i) {
      const ParamUsage& param = usage.params[i];
      Touch touch = PlaceOf(launch.args[i].buffer);
      touch.agent = single ? Agent::kLastThread : Agent::kChunks;
      touch.written = param.written;
      if (param.written || param.read) Merge({touch}, &touches);
      touch.agent = Agent::kEveryThread;
      touch.written = false;
      if (param.read_outside) Merge({touch}, &touches);
    }
    return touches;
  }

  const Program& program_;
  std::vector<KernelUsage> usages_;
};

}  // namespace

void PlaceBarriers(Program* program) {
  Placer placer(*program);
  for (std::vector<Step>* steps : {&program->prepare, &program->step}) {
    bool missing = false;
    placer.Walk(steps, {}, true, &missing);
  }
}

}  // namespace tenon::passes
