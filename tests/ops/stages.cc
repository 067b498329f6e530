#include "tests/ops/stages.h"

#include <cstring>
#include <map>

#include "absl/strings/str_cat.h"
#include "tenon/codegen/cache.h"
#include "tenon/ir/check.h"
#include "tenon/ir/extents.h"
#include "tenon/ir/kernel/interpreter.h"
#include "tenon/ir/kernel/verifier.h"
#include "tenon/passes/compile.h"
#include "tenon/runtime/team.h"

namespace tenon::tests {

using ir::Literal;

absl::StatusOr<Compiled> Compiled::Make(const ir::Graph& graph, const ir::TargetDesc& target,
                                        const passes::PipelineOptions& options, bool native) {
  static codegen::KernelCache& cache = *new codegen::KernelCache();
  Compiled compiled;
  TENON_ASSIGN_OR_RETURN(compiled.program_, passes::CompileToProgram(graph, target, options));
  TENON_RETURN_IF_ERROR(kernel::Verify(compiled.program_));
  if (!native) return compiled;
  codegen::CodegenOptions codegen;
  codegen.threads = 1;
  codegen.cache = &cache;
  TENON_ASSIGN_OR_RETURN(compiled.artifact_, codegen::Compile(compiled.program_, target, codegen));
  TENON_ASSIGN_OR_RETURN(compiled.loaded_, codegen::Load(compiled.artifact_));
  return compiled;
}

absl::StatusOr<std::vector<int64_t>> Compiled::SymbolValues(const ir::Extents& extents) const {
  std::vector<int64_t> values;
  for (const kernel::Symbol& symbol : program_.symbols) {
    const auto it = extents.find(symbol.name);
    if (it == extents.end()) {
      return absl::InternalError(absl::StrCat("the program has an unknown symbol ", symbol.name));
    }
    values.push_back(it->second);
  }
  return values;
}

absl::StatusOr<std::vector<Literal>> Compiled::RunKernel(absl::Span<const Literal> inputs,
                                                         const ir::Extents& extents,
                                                         int threads) const {
  TENON_ASSIGN_OR_RETURN(const std::vector<int64_t> values, SymbolValues(extents));
  kernel::InterpretOptions options;
  options.threads = threads == 0 ? 1 : threads;
  options.each_chunk_its_own_thread = threads == 0;
  TENON_ASSIGN_OR_RETURN(kernel::InterpretResult result,
                         kernel::Interpret(program_, values, inputs, options));
  if (result.status != TENON_OK) {
    return absl::OutOfRangeError(
        absl::StrCat("status ", result.status, ", value ", result.fault_value));
  }
  return std::move(result.outputs);
}

namespace {

runtime::Team& TeamOf(int threads) {
  static auto& teams = *new std::map<int, std::unique_ptr<runtime::Team>>();
  std::unique_ptr<runtime::Team>& team = teams[threads];
  if (team == nullptr) team = std::make_unique<runtime::Team>(threads);
  return *team;
}

// The arena's start must be aligned, so its size has to be a multiple of that.
size_t RoundUp(int64_t bytes) {
  return static_cast<size_t>((bytes + TENON_ARENA_ALIGNMENT - 1) / TENON_ARENA_ALIGNMENT *
                             TENON_ARENA_ALIGNMENT);
}

}  // namespace

absl::StatusOr<std::vector<Literal>> Compiled::RunNative(absl::Span<const Literal> inputs,
                                                         const ir::Extents& extents, int threads,
                                                         Guard guard) const {
  TENON_ASSIGN_OR_RETURN(const std::vector<int64_t> values, SymbolValues(extents));
  std::vector<Literal> outputs;
  std::vector<GuardedBuffer> memory;
  std::vector<void*> buffers;
  std::vector<size_t> output_buffers;
  size_t next_input = 0;
  for (const kernel::Binding& binding : artifact_.bindings) {
    if (!binding.is_output) {
      const Literal& input = inputs[next_input++];
      memory.emplace_back(input.byte_size(), guard);
      if (input.byte_size() > 0) {
        std::memcpy(memory.back().data(), input.bytes(), input.byte_size());
      }
      if (binding.donated_input < 0) memory.back().Protect();
      buffers.push_back(memory.back().data());
      continue;
    }
    TENON_ASSIGN_OR_RETURN(std::vector<int64_t> dims,
                           ir::EvaluateShape(binding.type.dims, extents));
    outputs.emplace_back(binding.type.dtype, std::move(dims));
    output_buffers.push_back(buffers.size());
    if (binding.donated_input >= 0) {
      buffers.push_back(buffers[binding.donated_input]);
      continue;
    }
    memory.emplace_back(outputs.back().byte_size(), guard);
    buffers.push_back(memory.back().data());
  }
  GuardedBuffer arena(RoundUp(artifact_.ArenaBytes(threads)), guard);
  GuardedBuffer prepared(RoundUp(artifact_.prepared_bytes), guard);

  tenon_frame frame = {};
  frame.buffers = buffers.data();
  frame.extents = values.data();
  frame.arena = reinterpret_cast<char*>(arena.data());
  frame.prepared = reinterpret_cast<char*>(prepared.data());
  int32_t status = TENON_OK;
  if (artifact_.has_prepare) {
    status = TeamOf(threads).Run(loaded_->prepare(), &frame);
    prepared.Protect();
  }
  if (status == TENON_OK) status = TeamOf(threads).Run(loaded_->step(), &frame);
  if (status != TENON_OK) {
    return absl::OutOfRangeError(absl::StrCat("status ", status, ", value ", frame.fault_value));
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].byte_size() > 0) {
      std::memcpy(outputs[i].mutable_bytes(), buffers[output_buffers[i]], outputs[i].byte_size());
    }
  }
  return outputs;
}

}  // namespace tenon::tests
