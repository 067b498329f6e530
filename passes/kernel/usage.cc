#include "tenon/passes/kernel/usage.h"

#include <algorithm>
#include <optional>

namespace tenon::passes {

using ir::ScalarOp;
using kernel::Block;
using kernel::Instr;
using kernel::Kernel;
using kernel::Launch;
using kernel::Op;

namespace {

void Collect(const Block& block, bool in_parallel, KernelUsage* usage) {
  for (const Instr& instr : block.instrs) {
    const size_t buffer = static_cast<size_t>(instr.mem.buffer);
    if (instr.mem.buffer >= 0 && buffer < usage->params.size()) {
      ParamUsage& param = usage->params[buffer];
      if (instr.op == Op::kStore) param.written = true;
      if (instr.op == Op::kLoad) (in_parallel ? param.read : param.read_outside) = true;
    }
    if (instr.op == Op::kParallel) usage->chunks.push_back(instr.args[0]);
    for (const Block& inner : instr.blocks) {
      Collect(inner, in_parallel || instr.op == Op::kParallel, usage);
    }
  }
}

// Bounds of an i64 scalar over all extents; nullopt where it is not known.
struct Bounds {
  std::optional<int64_t> low, high;
};

using Combine = bool (*)(int64_t, int64_t, int64_t*);

std::optional<int64_t> Apply(Combine combine, std::optional<int64_t> a, std::optional<int64_t> b) {
  int64_t result = 0;
  if (!a.has_value() || !b.has_value() || combine(*a, *b, &result)) return std::nullopt;
  return result;
}

class BoundsFinder {
 public:
  BoundsFinder(const Kernel& kernel, const Launch& launch) : launch_(launch) {
    // Chunk counts are computed in the outermost block.
    definitions_.resize(kernel.types.size(), nullptr);
    for (const Instr& instr : kernel.body.instrs) {
      for (kernel::ValueId result : instr.results) definitions_[result.index] = &instr;
    }
  }

  Bounds Of(kernel::ValueId v) const {
    const Instr* instr = definitions_[v.index];
    if (instr == nullptr) return {};
    if (instr->op == Op::kConst) return {instr->integer, instr->integer};
    if (instr->op == Op::kSymbol) {
      const ir::Dim& dim = launch_.symbols[instr->integer];
      return {dim.LowerBound(), dim.UpperBound()};
    }
    if (instr->op != Op::kScalar || instr->args.size() != 2) return {};
    return OfScalar(*instr, Of(instr->args[0]), Of(instr->args[1]));
  }

 private:
  static Bounds OfScalar(const Instr& instr, const Bounds& a, const Bounds& b) {
    const Combine add = [](int64_t x, int64_t y, int64_t* r) {
      return __builtin_add_overflow(x, y, r);
    };
    const Combine sub = [](int64_t x, int64_t y, int64_t* r) {
      return __builtin_sub_overflow(x, y, r);
    };
    const Combine mul = [](int64_t x, int64_t y, int64_t* r) {
      return __builtin_mul_overflow(x, y, r);
    };
    const Combine min = [](int64_t x, int64_t y, int64_t* r) { return *r = std::min(x, y), false; };
    const Combine max = [](int64_t x, int64_t y, int64_t* r) { return *r = std::max(x, y), false; };
    const bool natural = a.low.value_or(-1) >= 0 && b.low.value_or(-1) >= 0;
    if (instr.scalar_op == ScalarOp::kAdd)
      return {Apply(add, a.low, b.low), Apply(add, a.high, b.high)};
    if (instr.scalar_op == ScalarOp::kSub)
      return {Apply(sub, a.low, b.high), Apply(sub, a.high, b.low)};
    if (instr.scalar_op == ScalarOp::kMul && natural) {
      return {Apply(mul, a.low, b.low), Apply(mul, a.high, b.high)};
    }
    if (instr.scalar_op == ScalarOp::kMin) {
      // Either side alone bounds it from above.
      std::optional<int64_t> high = Apply(min, a.high, b.high);
      if (!high.has_value()) high = a.high.has_value() ? a.high : b.high;
      return {Apply(min, a.low, b.low), high};
    }
    if (instr.scalar_op == ScalarOp::kMax) {
      return {Apply(max, a.low, b.low), Apply(max, a.high, b.high)};
    }
    if (instr.scalar_op == ScalarOp::kDiv && natural && *b.low > 0 && a.high.has_value()) {
      return {0, *a.high / *b.low};
    }
    return {};
  }

  const Launch& launch_;
  std::vector<const Instr*> definitions_;
};

}  // namespace

KernelUsage UsageOf(const Kernel& kernel) {
  KernelUsage usage;
  usage.params.resize(kernel.params.size());
  Collect(kernel.body, false, &usage);
  return usage;
}

bool RunsOneChunk(const Kernel& kernel, const KernelUsage& usage, const Launch& launch) {
  const BoundsFinder finder(kernel, launch);
  for (kernel::ValueId count : usage.chunks) {
    const std::optional<int64_t> high = finder.Of(count).high;
    if (!high.has_value() || *high > 1) return false;
  }
  return true;
}

namespace {

bool RunOneChunk(const kernel::Program& program, const std::vector<KernelUsage>& usages,
                 const std::vector<kernel::Step>& steps) {
  using Kind = kernel::Step::Kind;
  const auto all = [&](const std::vector<kernel::Step>& inner) {
    return RunOneChunk(program, usages, inner);
  };
  for (const kernel::Step& step : steps) {
    bool one = true;
    switch (step.kind) {
      case Kind::kLaunch:
        one = RunsOneChunk(program.kernels[step.launch.kernel], usages[step.launch.kernel],
                           step.launch);
        break;
      case Kind::kBarrier:
        break;
      case Kind::kRepeat:
        one = all(step.repeat.body);
        break;
      case Kind::kWhile:
        one = all(step.loop.condition) && all(step.loop.body);
        break;
      case Kind::kBranch:
        one = all(step.branch.if_true) && all(step.branch.if_false);
        break;
    }
    if (!one) return false;
  }
  return true;
}

}  // namespace

bool RunsOnOneThread(const kernel::Program& program) {
  std::vector<KernelUsage> usages;
  for (const Kernel& kernel : program.kernels) usages.push_back(UsageOf(kernel));
  return RunOneChunk(program, usages, program.prepare) &&
         RunOneChunk(program, usages, program.step);
}

}  // namespace tenon::passes
