#include "tenon/ir/kernel/interpreter.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/check.h"
#include "tenon/ir/kernel/execute.h"
#include "tenon/ir/kernel/sanitizer.h"

namespace tenon::kernel {
namespace {

class Run {
 public:
  Run(const Program& program, const InterpretOptions& options)
      : program_(program),
        sanitizer_(program, {.threads = options.threads,
                             .each_chunk_its_own_thread = options.each_chunk_its_own_thread,
                             .max_reports = options.max_reports}),
        state_{&sanitizer_, program.has_fma, options.max_instructions, {}, 0, 0} {}

  absl::Status SetUp(absl::Span<const int64_t> extents, absl::Span<const ir::Literal> inputs) {
    TENON_RETURN_IF_ERROR(SetExtents(extents));
    TENON_RETURN_IF_ERROR(BindInputs(inputs));
    // Arena and prepared area: one memory each where planned, one a buffer otherwise.
    TENON_RETURN_IF_ERROR(MakeArea(BufferKind::kPrepared, program_.prepared_bytes));
    return MakeArea(BufferKind::kArena, program_.arena_bytes);
  }

  absl::StatusOr<InterpretResult> Execute() {
    TENON_RETURN_IF_ERROR(RunEntry(program_.prepare, "prepare"));
    // The arena holds nothing from one entry to the next.
    TENON_RETURN_IF_ERROR(MakeArea(BufferKind::kArena, program_.arena_bytes));
    TENON_RETURN_IF_ERROR(RunEntry(program_.step, "step"));
    if (state_.fault.status == 0) CheckOutputs();
    if (!sanitizer_.reports().empty()) {
      return absl::InternalError(absl::StrCat("program ", program_.name, ":\n  ",
                                              absl::StrJoin(sanitizer_.reports(), "\n  ")));
    }
    if (state_.instructions_left < 0) {
      return absl::ResourceExhaustedError(
          absl::StrCat("program ", program_.name, " does not end within the instructions allowed"));
    }
    return Result();
  }

 private:
  absl::Status SetExtents(absl::Span<const int64_t> extents) {
    if (extents.size() != program_.symbols.size()) {
      return absl::InvalidArgumentError(absl::StrCat("program ", program_.name, " has ",
                                                     program_.symbols.size(), " symbols, not ",
                                                     extents.size()));
    }
    for (size_t i = 0; i < extents.size(); ++i) {
      const Symbol& symbol = program_.symbols[i];
      if (extents[i] < 0 || extents[i] > symbol.bound) {
        return absl::InvalidArgumentError(absl::StrCat("extent ", symbol.name, " = ", extents[i],
                                                       " is not within 0 and ", symbol.bound));
      }
      variables_[symbol.name] = extents[i];
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int64_t> Evaluate(const ir::Dim& dim) const {
    if (dim.is_constant()) return dim.constant();
    return dim.Evaluate(variables_);
  }

  // Slots of donated pairs are one memory, which starts as the input.
  absl::Status BindInputs(absl::Span<const ir::Literal> inputs) {
    size_t next = 0;
    slots_.resize(program_.bindings.size());
    outputs_.resize(program_.bindings.size());
    for (size_t i = 0; i < program_.bindings.size(); ++i) {
      const Binding& binding = program_.bindings[i];
      std::vector<int64_t> dims;
      for (const ir::Dim& d : binding.type.dims) {
        TENON_ASSIGN_OR_RETURN(const int64_t extent, Evaluate(d));
        dims.push_back(extent);
      }
      outputs_[i] = ir::Literal(binding.type.dtype, dims);
      const int64_t bytes = static_cast<int64_t>(outputs_[i].byte_size());
      slots_[i] = std::make_shared<Memory>(bytes, ir::ByteSize(binding.type.dtype));
      if (binding.is_output) continue;
      if (next >= inputs.size()) return absl::InvalidArgumentError("too few inputs");
      const ir::Literal& input = inputs[next++];
      if (input.dtype() != binding.type.dtype || input.dims() != dims) {
        return absl::InvalidArgumentError(absl::StrCat("input ", binding.name, " is ",
                                                       input.type().ToString(), ", not ",
                                                       binding.type.ToString()));
      }
      if (bytes > 0) std::memcpy(slots_[i]->bytes.data(), input.bytes(), bytes);
    }
    if (next != inputs.size()) return absl::InvalidArgumentError("too many inputs");
    for (size_t i = 0; i < program_.bindings.size(); ++i) {
      const Binding& binding = program_.bindings[i];
      if (binding.is_output && binding.donated_input >= 0) {
        slots_[i] = slots_[binding.donated_input];
      }
    }
    return MakeBoundBuffers();
  }

  absl::Status MakeBoundBuffers() {
    memories_.resize(program_.buffers.size());
    views_.resize(program_.buffers.size());
    std::vector<uint32_t> owner(program_.bindings.size(), kNobody);
    for (size_t i = 0; i < program_.buffers.size(); ++i) {
      const Buffer& buffer = program_.buffers[i];
      BufferView& view = views_[i];
      TENON_ASSIGN_OR_RETURN(view.elements, Evaluate(buffer.size));
      view.owner = view.also = static_cast<uint32_t>(i);
      if (buffer.kind == BufferKind::kConstant) {
        memories_[i] = std::make_shared<Memory>(static_cast<int64_t>(buffer.literal.byte_size()),
                                                ir::ByteSize(buffer.dtype));
        if (buffer.literal.byte_size() > 0) {
          std::memcpy(memories_[i]->bytes.data(), buffer.literal.bytes(),
                      buffer.literal.byte_size());
        }
        for (Memory::Cell& cell : memories_[i]->cells) cell.owner = view.owner;
      } else if (buffer.kind == BufferKind::kBinding) {
        memories_[i] = slots_[buffer.binding];
        // Several buffers of one binding are one to the sanitizer.
        uint32_t& first = owner[buffer.binding];
        if (first == kNobody) first = static_cast<uint32_t>(i);
        view.owner = view.also = first;
      }
      view.memory = memories_[i].get();
    }
    for (size_t i = 0; i < program_.buffers.size(); ++i) {
      if (program_.buffers[i].kind != BufferKind::kBinding) continue;
      const Binding& binding = program_.bindings[program_.buffers[i].binding];
      if (binding.is_output && binding.donated_input >= 0) {
        views_[i].also = owner[binding.donated_input];
      } else if (!binding.is_output) {
        for (Memory::Cell& cell : memories_[i]->cells) cell.owner = views_[i].owner;
      }
    }
    return absl::OkStatus();
  }

  absl::Status MakeArea(BufferKind kind, int64_t area_bytes) {
    int64_t granule = 8;
    for (const Buffer& b : program_.buffers) {
      if (b.kind == kind) granule = std::min(granule, ir::ByteSize(b.dtype));
    }
    std::shared_ptr<Memory> area;
    for (size_t i = 0; i < program_.buffers.size(); ++i) {
      const Buffer& b = program_.buffers[i];
      if (b.kind != kind) continue;
      if (b.offset < 0) {
        memories_[i] = std::make_shared<Memory>(views_[i].elements * ir::ByteSize(b.dtype),
                                                ir::ByteSize(b.dtype));
      } else {
        if (area == nullptr) area = std::make_shared<Memory>(area_bytes, granule);
        memories_[i] = area;
        views_[i].offset = b.offset;
      }
      views_[i].memory = memories_[i].get();
    }
    return absl::OkStatus();
  }

  absl::Status RunEntry(const std::vector<Step>& steps, const std::string& name) {
    in_prepare_ = name == "prepare";
    Barrier();
    TENON_RETURN_IF_ERROR(RunSteps(steps, absl::StrCat(name, " ")));
    Barrier();
    return absl::OkStatus();
  }

  // Threads look at the status after each barrier and leave.
  bool stopped() const { return state_.stopped() || (state_.fault.status != 0 && at_barrier_); }

  void Barrier() {
    sanitizer_.Barrier();
    at_barrier_ = true;
  }

  absl::Status RunSteps(const std::vector<Step>& steps, const std::string& where) {
    for (size_t i = 0; i < steps.size() && !stopped(); ++i) {
      const Step& step = steps[i];
      const std::string place = absl::StrCat(where, i);
      switch (step.kind) {
        case Step::Kind::kLaunch:
          TENON_RETURN_IF_ERROR(RunLaunch(step.launch, place));
          break;
        case Step::Kind::kBarrier:
          Barrier();
          ++barriers_;
          break;
        case Step::Kind::kRepeat:
          TENON_RETURN_IF_ERROR(RunRepeat(step.repeat, place));
          break;
        case Step::Kind::kWhile:
          TENON_RETURN_IF_ERROR(RunWhile(step.loop, place));
          break;
        case Step::Kind::kBranch: {
          const bool taken = ReadPredicate(step.branch.predicate, place);
          TENON_RETURN_IF_ERROR(RunSteps(taken ? step.branch.if_true : step.branch.if_false,
                                         absl::StrCat(place, taken ? " then " : " else ")));
          break;
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status RunRepeat(const Repeat& repeat, const std::string& where) {
    TENON_ASSIGN_OR_RETURN(const int64_t trips, Evaluate(repeat.trip_count));
    for (int64_t i = 0; i < trips && !stopped(); ++i) {
      const int64_t value = repeat.reverse ? trips - 1 - i : i;
      variables_[repeat.variable] = value;
      state_.instructions_left -= 1;
      TENON_RETURN_IF_ERROR(
          RunSteps(repeat.body, absl::StrCat(where, "[", repeat.variable, "=", value, "].")));
    }
    variables_.erase(repeat.variable);
    return absl::OkStatus();
  }

  absl::Status RunWhile(const WhileLoop& loop, const std::string& where) {
    for (int64_t i = 0; !stopped(); ++i) {
      state_.instructions_left -= 1;
      TENON_RETURN_IF_ERROR(RunSteps(loop.condition, absl::StrCat(where, "[", i, "] condition ")));
      if (stopped() || !ReadPredicate(loop.predicate, where)) break;
      TENON_RETURN_IF_ERROR(RunSteps(loop.body, absl::StrCat(where, "[", i, "] body ")));
    }
    return absl::OkStatus();
  }

  // Every thread reads it, which is a launch of its own to the sanitizer.
  bool ReadPredicate(int32_t buffer, const std::string& where) {
    sanitizer_.BeginLaunch(nullptr, absl::StrCat("the predicate of ", where));
    if (!sanitizer_.Read(views_[buffer], 0, 1, AccessSite{})) return false;
    return views_[buffer].memory->bytes[views_[buffer].offset] != std::byte{0};
  }

  absl::Status RunLaunch(const Launch& launch, const std::string& where) {
    at_barrier_ = false;
    const Kernel& kernel = program_.kernels[launch.kernel];
    std::vector<BufferView> views;
    for (size_t i = 0; i < launch.args.size(); ++i) {
      BufferView view = views_[launch.args[i].buffer];
      TENON_ASSIGN_OR_RETURN(view.first, Evaluate(launch.args[i].offset));
      view.offset += view.first * ir::ByteSize(kernel.params[i].dtype);
      view.elements -= view.first;
      view.param = static_cast<uint16_t>(i);
      view.writable = kernel.params[i].written && IsWritable(launch.args[i].buffer);
      views.push_back(view);
    }
    std::vector<int64_t> symbols;
    for (const ir::Dim& d : launch.symbols) {
      TENON_ASSIGN_OR_RETURN(const int64_t value, Evaluate(d));
      symbols.push_back(value);
    }
    auto [it, is_new] = executors_.try_emplace(launch.kernel);
    if (is_new) it->second = std::make_unique<KernelExecutor>(kernel, &state_);
    sanitizer_.BeginLaunch(&launch, where);
    it->second->Launch(std::move(views), std::move(symbols));
    return absl::OkStatus();
  }

  bool IsWritable(int32_t number) const {
    const Buffer& buffer = program_.buffers[number];
    switch (buffer.kind) {
      case BufferKind::kBinding: {
        const Binding& binding = program_.bindings[buffer.binding];
        return binding.is_output || binding.donated_input >= 0;
      }
      case BufferKind::kConstant:
        return false;
      case BufferKind::kArena:
        return true;
      case BufferKind::kPrepared:
        return in_prepare_;
    }
    return false;
  }

  void CheckOutputs() {
    for (size_t i = 0; i < program_.bindings.size(); ++i) {
      if (!program_.bindings[i].is_output) continue;
      const std::vector<Memory::Cell>& cells = slots_[i]->cells;
      for (size_t e = 0; e < cells.size(); ++e) {
        if (cells[e].owner != kNobody) continue;
        sanitizer_.Report(absl::StrCat("output: nobody wrote element ", e, " of output ",
                                       program_.bindings[i].name));
        break;
      }
    }
  }

  InterpretResult Result() {
    InterpretResult result;
    result.status = state_.fault.status;
    result.fault_site = state_.fault.site;
    result.fault_value = state_.fault.value;
    result.written_digest = state_.written_digest;
    result.barriers = barriers_;
    for (size_t i = 0; i < program_.bindings.size(); ++i) {
      if (!program_.bindings[i].is_output) continue;
      if (outputs_[i].byte_size() > 0) {
        std::memcpy(outputs_[i].mutable_bytes(), slots_[i]->bytes.data(), outputs_[i].byte_size());
      }
      result.outputs.push_back(std::move(outputs_[i]));
    }
    return result;
  }

  const Program& program_;
  Sanitizer sanitizer_;
  ExecutionState state_;
  ir::Extents variables_;
  std::vector<std::shared_ptr<Memory>> slots_;     // by binding
  std::vector<std::shared_ptr<Memory>> memories_;  // by buffer
  std::vector<BufferView> views_;                  // by buffer
  std::vector<ir::Literal> outputs_;               // by binding
  std::map<int32_t, std::unique_ptr<KernelExecutor>> executors_;
  bool in_prepare_ = false;
  int64_t barriers_ = 0;
  bool at_barrier_ = true;  // nothing ran since the last barrier
};

}  // namespace

absl::StatusOr<InterpretResult> Interpret(const Program& program, absl::Span<const int64_t> extents,
                                          absl::Span<const ir::Literal> inputs,
                                          const InterpretOptions& options) {
  if (options.threads < 1) return absl::InvalidArgumentError("at least one thread is needed");
  Run run(program, options);
  TENON_RETURN_IF_ERROR(run.SetUp(extents, inputs));
  return run.Execute();
}

}  // namespace tenon::kernel
