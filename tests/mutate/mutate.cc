#include "tests/mutate/mutate.h"

#include <functional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/kernel/canonical.h"
#include "tenon/ir/kernel/interpreter.h"
#include "tenon/ir/kernel/text.h"

namespace tenon::kernel {
namespace {

using Kind = Mutation::Kind;

void VisitInstrs(Block* block, const std::function<void(Instr*)>& visit) {
  for (Instr& instr : block->instrs) {
    visit(&instr);
    for (Block& inner : instr.blocks) VisitInstrs(&inner, visit);
  }
}

bool IsAccess(const Instr& instr) { return instr.op == Op::kLoad || instr.op == Op::kStore; }

bool IsAddition(const Instr& instr) {
  return instr.op == Op::kScalar && instr.scalar_op == ir::ScalarOp::kAdd;
}

// Values that some offset depends on, through arithmetic and moves.
std::set<uint32_t> OffsetValues(Kernel* kernel) {
  std::set<uint32_t> values;
  std::vector<Instr*> all;
  VisitInstrs(&kernel->body, [&](Instr* instr) {
    all.push_back(instr);
    if (IsAccess(*instr)) values.insert(instr->mem.offset.index);
  });
  // Definitions stand before uses, so one walk back collects what they depend on.
  for (size_t i = all.size(); i-- > 0;) {
    if (all[i]->op != Op::kScalar && all[i]->op != Op::kSplat) continue;
    if (values.count(all[i]->results[0].index) == 0) continue;
    for (ValueId arg : all[i]->args) values.insert(arg.index);
  }
  return values;
}

// The accesses, or the additions of offsets, of a kernel in order.
std::vector<Instr*> Sites(Kernel* kernel, Kind kind) {
  std::vector<Instr*> sites;
  const std::set<uint32_t> offsets =
      kind == Kind::kOffsetAddition ? OffsetValues(kernel) : std::set<uint32_t>();
  VisitInstrs(&kernel->body, [&](Instr* instr) {
    const bool is_site = kind == Kind::kOffsetAddition
                             ? IsAddition(*instr) && offsets.count(instr->results[0].index) > 0
                             : IsAccess(*instr);
    if (is_site) sites.push_back(instr);
  });
  return sites;
}

void VisitSteps(std::vector<Step>* steps,
                const std::function<void(std::vector<Step>*, size_t)>& visit) {
  // By number and from the end, so that `visit` may erase the step.
  for (size_t i = steps->size(); i-- > 0;) {
    Step& step = (*steps)[i];
    VisitSteps(&step.repeat.body, visit);
    VisitSteps(&step.loop.condition, visit);
    VisitSteps(&step.loop.body, visit);
    VisitSteps(&step.branch.if_true, visit);
    VisitSteps(&step.branch.if_false, visit);
    visit(steps, i);
  }
}

void VisitAllSteps(Program* program, const std::function<void(std::vector<Step>*, size_t)>& visit) {
  VisitSteps(&program->prepare, visit);
  VisitSteps(&program->step, visit);
}

// Removes the barrier number `site`, or counts to beyond it.
int RemoveBarrier(Program* program, int site) {
  int number = 0;
  VisitAllSteps(program, [&](std::vector<Step>* steps, size_t i) {
    if ((*steps)[i].kind != Step::Kind::kBarrier) return;
    if (number++ == site) steps->erase(steps->begin() + static_cast<std::ptrdiff_t>(i));
  });
  return number;
}

int ResetArgument(Program* program, int site) {
  int number = 0;
  VisitAllSteps(program, [&](std::vector<Step>* steps, size_t i) {
    if ((*steps)[i].kind != Step::Kind::kLaunch) return;
    for (BufferArg& arg : (*steps)[i].launch.args) {
      if (arg.offset == ir::Dim(0)) continue;
      if (number++ == site) arg.offset = 0;
    }
  });
  return number;
}

ValueId* MaskOf(MemRef* mem, Kind kind) {
  if (kind == Kind::kLaneCount) return &mem->lane_count;
  return kind == Kind::kRowCount ? &mem->row_count : &mem->predicate;
}

absl::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kBarrier:
      return "barrier";
    case Kind::kLaneCount:
      return "lane_count removed from";
    case Kind::kRowCount:
      return "row_count removed from";
    case Kind::kPredicate:
      return "predicate removed from";
    case Kind::kOffsetAddition:
      return "addition";
    case Kind::kArgumentOffset:
      return "argument";
  }
  return "";
}

bool SameOutputs(const InterpretResult& a, const InterpretResult& b) {
  if (a.status != b.status || a.fault_value != b.fault_value) return false;
  return a.status != 0 || a.outputs == b.outputs;
}

enum class Verdict { kNoticed, kHarmless, kSurvives };

Verdict Judge(const Program& mutant, Kind kind, const std::vector<MutationInput>& inputs,
              const std::vector<InterpretResult>& expected, const InterpretOptions& options) {
  bool differs = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto result = Interpret(mutant, inputs[i].extents, inputs[i].inputs, options);
    if (!result.ok() || !SameOutputs(*result, expected[i])) return Verdict::kNoticed;
    differs =
        differs || (kind == Kind::kBarrier ? result->barriers != expected[i].barriers
                                           : result->written_digest != expected[i].written_digest);
  }
  return differs ? Verdict::kSurvives : Verdict::kHarmless;
}

}  // namespace

std::vector<Mutation> EnumerateMutations(const Program& program) {
  Program copy = program;
  std::vector<Mutation> mutations;
  const int barriers = RemoveBarrier(&copy, -1);
  for (int i = 0; i < barriers; ++i) mutations.push_back({Kind::kBarrier, -1, i});
  const int moved = ResetArgument(&copy, -1);
  for (int i = 0; i < moved; ++i) mutations.push_back({Kind::kArgumentOffset, -1, i});
  for (int k = 0; k < static_cast<int>(copy.kernels.size()); ++k) {
    for (Kind kind : {Kind::kLaneCount, Kind::kRowCount, Kind::kPredicate}) {
      const std::vector<Instr*> sites = Sites(&copy.kernels[k], kind);
      for (int i = 0; i < static_cast<int>(sites.size()); ++i) {
        if (MaskOf(&sites[i]->mem, kind)->valid()) mutations.push_back({kind, k, i});
      }
    }
    const int additions = static_cast<int>(Sites(&copy.kernels[k], Kind::kOffsetAddition).size());
    for (int i = 0; i < additions; ++i) {
      for (int operand : {0, 1}) mutations.push_back({Kind::kOffsetAddition, k, i, operand});
    }
  }
  return mutations;
}

Program Mutate(const Program& program, const Mutation& mutation) {
  Program mutant = program;
  switch (mutation.kind) {
    case Kind::kBarrier:
      RemoveBarrier(&mutant, mutation.site);
      break;
    case Kind::kArgumentOffset:
      ResetArgument(&mutant, mutation.site);
      break;
    case Kind::kLaneCount:
    case Kind::kRowCount:
    case Kind::kPredicate: {
      Instr* instr = Sites(&mutant.kernels[mutation.kernel], mutation.kind)[mutation.site];
      *MaskOf(&instr->mem, mutation.kind) = ValueId();
      break;
    }
    case Kind::kOffsetAddition: {
      // A splat gives the operand the result's shape.
      Instr* instr = Sites(&mutant.kernels[mutation.kernel], mutation.kind)[mutation.site];
      instr->op = Op::kSplat;
      instr->args = {instr->args[mutation.operand]};
      break;
    }
  }
  return mutant;
}

std::string Describe(const Program& program, const Mutation& mutation) {
  if (mutation.kernel < 0) {
    return absl::StrCat(KindName(mutation.kind), " ", mutation.site, " (from the end) removed");
  }
  Kernel kernel = program.kernels[mutation.kernel];
  const Instr& instr = *Sites(&kernel, mutation.kind)[mutation.site];
  return absl::StrCat(kernel.name, ": ", KindName(mutation.kind), " `", Print(kernel, instr), "`",
                      mutation.kind == Kind::kOffsetAddition
                          ? absl::StrCat(" replaced by %", instr.args[mutation.operand].index)
                          : "");
}

MutationReport RunMutants(const Program& program, const std::vector<MutationInput>& inputs,
                          int64_t max_instructions) {
  const InterpretOptions options = {
      .each_chunk_its_own_thread = true, .max_reports = 1, .max_instructions = max_instructions};
  std::vector<InterpretResult> expected;
  for (const MutationInput& input : inputs) {
    auto result = Interpret(program, input.extents, input.inputs, options);
    TENON_CHECK(result.ok());  // a program with reports of its own has nothing to compare with
    expected.push_back(*std::move(result));
  }
  MutationReport report;
  for (const Mutation& mutation : EnumerateMutations(program)) {
    ++report.total;
    const Verdict verdict =
        Judge(Mutate(program, mutation), mutation.kind, inputs, expected, options);
    report.harmless += verdict == Verdict::kHarmless;
    if (verdict == Verdict::kSurvives) report.survivors.push_back(mutation);
  }
  return report;
}

std::string MutationReport::ToString(const Program& program) const {
  std::string text = absl::StrCat(survivors.size(), " of ", total, " mutants of ", program.name,
                                  " were not noticed (", harmless, " harmless ones apart)\n");
  for (const Mutation& m : survivors) absl::StrAppend(&text, "  ", Describe(program, m), "\n");
  return text;
}

}  // namespace tenon::kernel
