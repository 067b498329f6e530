#include "tools/engines.h"

#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/codegen/artifact.h"
#include "tenon/codegen/host.h"
#include "tenon/codegen/jit.h"
#include "tenon/ir/check.h"
#include "tenon/ir/interpreter.h"
#include "tenon/ir/kernel/fault.h"
#include "tenon/ir/kernel/interpreter.h"
#include "tenon/runtime/arena.h"
#include "tenon/runtime/team.h"

namespace tenon::tools {
namespace {

using ir::Literal;

absl::StatusOr<std::vector<int64_t>> ExtentsOf(const std::vector<kernel::Symbol>& symbols,
                                               const RunInputs& inputs) {
  std::vector<int64_t> extents;
  for (const kernel::Symbol& symbol : symbols) {
    const auto it = inputs.extents.find(symbol.name);
    if (it == inputs.extents.end()) {
      return absl::InternalError(absl::StrCat("no extent for symbol '", symbol.name, "'"));
    }
    extents.push_back(it->second);
  }
  return extents;
}

// The memory of every binding of an artifact, and the table of clocks behind them.
class Buffers {
 public:
  static absl::StatusOr<Buffers> Make(const codegen::Artifact& artifact, const RunInputs& inputs,
                                      int64_t* clocks) {
    Buffers buffers;
    size_t next_input = 0;
    for (const kernel::Binding& binding : artifact.bindings) {
      std::vector<int64_t> dims;
      for (const ir::Dim& d : binding.type.dims) {
        TENON_ASSIGN_OR_RETURN(const int64_t extent, d.Evaluate(inputs.extents));
        dims.push_back(extent);
      }
      if (binding.is_output && binding.donated_input >= 0) {
        buffers.pointers_.push_back(buffers.pointers_[binding.donated_input]);
      } else {
        // No more than 2^63: the verifier sees to that for the bounds.
        int64_t bytes = ir::ByteSize(binding.type.dtype);
        for (int64_t d : dims) bytes *= d;
        runtime::Arena memory(bytes);
        if (memory.data() == nullptr) {
          return absl::ResourceExhaustedError(
              absl::StrCat("out of memory: ", binding.is_output ? "output '" : "input '",
                           binding.name, "' takes ", bytes, " bytes"));
        }
        if (!binding.is_output) {
          const Literal& value = inputs.values[next_input++];
          if (bytes > 0) std::memcpy(memory.data(), value.bytes(), value.byte_size());
        }
        buffers.pointers_.push_back(memory.data());
        buffers.memory_.push_back(std::move(memory));
      }
      if (binding.is_output) {
        buffers.outputs_.push_back(
            {Literal(binding.type.dtype, std::move(dims)), buffers.pointers_.back()});
      }
    }
    buffers.pointers_.push_back(clocks);
    return buffers;
  }

  void* const* pointers() const { return pointers_.data(); }
  Outputs TakeOutputs() {
    Outputs outputs;
    for (auto& [value, memory] : outputs_) {
      if (value.byte_size() > 0) std::memcpy(value.mutable_bytes(), memory, value.byte_size());
      outputs.push_back(std::move(value));
    }
    return outputs;
  }

 private:
  std::vector<runtime::Arena> memory_;
  std::vector<void*> pointers_;  // one a binding
  std::vector<std::pair<Literal, const void*>> outputs_;
};

class LinkedRun final : public NativeRun {
 public:
  LinkedRun(const codegen::Artifact& artifact, std::unique_ptr<codegen::LoadedProgram> code,
            std::vector<int64_t> extents, Buffers buffers, int threads)
      : artifact_(artifact),
        code_(std::move(code)),
        extents_(std::move(extents)),
        buffers_(std::move(buffers)),
        arena_(artifact.ArenaBytes(threads)),
        prepared_(artifact.prepared_bytes),
        team_(threads) {
    frame_.buffers = buffers_.pointers();
    frame_.extents = extents_.data();
    frame_.arena = arena_.data();
    frame_.prepared = prepared_.data();
  }

  bool ok() const { return arena_.data() != nullptr && prepared_.data() != nullptr; }
  absl::Status Prepare() override {
    return artifact_.has_prepare ? Run(code_->prepare()) : absl::OkStatus();
  }
  absl::Status Step() override { return Run(code_->step()); }
  Outputs TakeOutputs() override { return buffers_.TakeOutputs(); }

 private:
  absl::Status Run(tenon_entry entry) {
    if (team_.Run(entry, &frame_) == TENON_OK) return absl::OkStatus();
    return kernel::ToStatus({frame_.status, frame_.fault_site, frame_.fault_value}, artifact_.sites,
                            artifact_.bindings, artifact_.symbols);
  }

  const codegen::Artifact& artifact_;
  const std::unique_ptr<codegen::LoadedProgram> code_;
  const std::vector<int64_t> extents_;
  Buffers buffers_;
  const runtime::Arena arena_, prepared_;
  tenon_frame frame_ = {};
  runtime::Team team_;
};

}  // namespace

absl::StatusOr<Outputs> RunGraph(const ir::Graph& graph, const RunInputs& inputs) {
  return ir::Interpret(graph, inputs.values, {.extents = inputs.extents});
}

absl::StatusOr<Outputs> RunKernels(const kernel::Program& program, const RunInputs& inputs,
                                   int threads) {
  TENON_ASSIGN_OR_RETURN(const std::vector<int64_t> extents, ExtentsOf(program.symbols, inputs));
  TENON_ASSIGN_OR_RETURN(kernel::InterpretResult result,
                         kernel::Interpret(program, extents, inputs.values, {.threads = threads}));
  TENON_RETURN_IF_ERROR(kernel::ToStatus({result.status, result.fault_site, result.fault_value},
                                         program.sites, program.bindings, program.symbols));
  return std::move(result.outputs);
}

absl::StatusOr<Outputs> RunNative(const kernel::Program& program, const ir::TargetDesc& target,
                                  const RunInputs& inputs, int threads,
                                  const NativeOptions& native) {
  if (!codegen::HostCanRun(target)) {
    return absl::InvalidArgumentError(
        absl::StrCat("this machine cannot run code for ", target.cpu));
  }
  std::optional<codegen::KernelCache> kernels;
  codegen::CodegenOptions options;
  if (!native.cache.empty()) options.cache = &kernels.emplace(native.cache);
  options.clocks = native.clocks != nullptr;
  options.events = native.events;
  if (options.cache != nullptr && options.cache->directory().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", native.cache,
                     "' cannot be a cache: it must be a folder of yours alone, in one "
                     "that exists"));
  }
  TENON_ASSIGN_OR_RETURN(const codegen::Artifact artifact,
                         codegen::Compile(program, target, options));
  TENON_ASSIGN_OR_RETURN(const std::unique_ptr<NativeRun> run,
                         NativeRun::Make(artifact, inputs, threads, native));
  TENON_RETURN_IF_ERROR(run->Prepare());
  TENON_RETURN_IF_ERROR(run->Step());
  return run->TakeOutputs();
}

absl::StatusOr<std::unique_ptr<NativeRun>> NativeRun::Make(const codegen::Artifact& artifact,
                                                           const RunInputs& inputs, int threads,
                                                           const NativeOptions& options) {
  TENON_ASSIGN_OR_RETURN(std::unique_ptr<codegen::LoadedProgram> code,
                         codegen::Load(artifact, {options.visible_to_debuggers}));
  TENON_ASSIGN_OR_RETURN(std::vector<int64_t> extents, ExtentsOf(artifact.symbols, inputs));
  TENON_ASSIGN_OR_RETURN(Buffers buffers, Buffers::Make(artifact, inputs, options.clocks));
  auto run = std::make_unique<LinkedRun>(artifact, std::move(code), std::move(extents),
                                         std::move(buffers), threads);
  if (!run->ok()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("out of memory: ", artifact.ArenaBytes(threads) + artifact.prepared_bytes,
                     " bytes for intermediate results"));
  }
  return run;
}

}  // namespace tenon::tools
