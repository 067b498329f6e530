#include "tenon/frontend/compile.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/codegen/artifact.h"
#include "tenon/codegen/cache.h"
#include "tenon/codegen/host.h"
#include "tenon/codegen/jit.h"
#include "tenon/frontend/native.h"
#include "tenon/ir/check.h"
#include "tenon/ir/op.h"
#include "tenon/ir/suggest.h"
#include "tenon/ir/verifier.h"
#include "tenon/passes/compile.h"
#include "tenon/passes/grad/grad.h"
#include "tenon/passes/kernel/usage.h"
#include "tenon/passes/options.h"
#include "tenon/passes/pass.h"
#include "tenon/passes/pass_manager.h"

namespace tenon {

namespace {

// The tables of a graph that is interpreted: what lowering would make.
void FillTables(const ir::Graph& graph, Executable& executable) {
  for (const ir::Input& input : graph.inputs()) {
    kernel::Binding binding;
    binding.name = input.name;
    binding.kind = input.kind;
    binding.type = graph.type(input.value);
    executable.bindings.push_back(std::move(binding));
  }
  for (const ir::Output& output : graph.outputs()) {
    kernel::Binding binding;
    binding.name = output.name;
    binding.is_output = true;
    binding.type = graph.type(output.value);
    binding.donated_input = output.donated_input;
    executable.bindings.push_back(std::move(binding));
  }
  for (const auto& [name, bound] : graph.Symbols()) executable.symbols.push_back({name, bound});
}

passes::Numerics ToPasses(Numerics numerics) {
  switch (numerics) {
    case Numerics::kExact:
      return passes::Numerics::kExact;
    case Numerics::kStandard:
      return passes::Numerics::kStandard;
    case Numerics::kFast:
      return passes::Numerics::kFast;
  }
  TENON_CHECK(false);
}

passes::Precision ToPasses(Precision precision) {
  switch (precision) {
    case Precision::kAsWritten:
      return passes::Precision::kAsWritten;
    case Precision::kMixedBf16:
      return passes::Precision::kMixedBf16;
  }
  TENON_CHECK(false);
}

passes::Prepack ToPasses(Prepack prepack) {
  switch (prepack) {
    case Prepack::kTarget:
      return passes::Prepack::kTarget;
    case Prepack::kAlways:
      return passes::Prepack::kAlways;
    case Prepack::kNever:
      return passes::Prepack::kNever;
  }
  TENON_CHECK(false);
}

// Graph to kernel program to objects to entry pointers.
absl::Status CompileNative(const ir::Graph& graph, const CompileOptions& options,
                           Executable& executable) {
  const ir::TargetDesc target = codegen::HostTarget();
  TENON_ASSIGN_OR_RETURN(kernel::Program program, CompileToKernels(graph, target, options));
  executable.one_thread = passes::RunsOnOneThread(program);
  std::optional<codegen::KernelCache> directory_cache;
  codegen::CodegenOptions codegen;
  codegen.threads = options.compile_threads;
  codegen.cache = options.cache;
  if (codegen.cache == nullptr && !options.cache_directory.empty()) {
    codegen.cache = &directory_cache.emplace(options.cache_directory);
  }
  TENON_ASSIGN_OR_RETURN(codegen::Artifact artifact, codegen::Compile(program, target, codegen));
  TENON_ASSIGN_OR_RETURN(std::shared_ptr<codegen::LoadedProgram> loaded,
                         codegen::Load(artifact, {options.visible_to_debuggers}));
  executable.bindings = std::move(artifact.bindings);
  executable.symbols = std::move(artifact.symbols);
  executable.sites = std::move(artifact.sites);
  executable.arena_bytes = artifact.ArenaBytes(0);
  executable.scratch_bytes = artifact.ArenaBytes(1) - artifact.ArenaBytes(0);
  executable.prepared_bytes = artifact.prepared_bytes;
  if (artifact.has_prepare) executable.prepare = loaded->prepare();
  executable.step = loaded->step();
  executable.code = std::move(loaded);
  return absl::OkStatus();
}

// Scalar operations of a loop nest's body; a product that is summed is a multiplication and an
// addition.
int64_t OperationsOf(const ir::ComputeDef& compute) {
  int64_t operations = compute.num_reduced() > 0 ? 1 : 0;
  for (const ir::ScalarInstr& instr : compute.body.instrs) {
    if (instr.kind != ir::ScalarInstr::Kind::kOp || !ir::IsFloat(instr.dtype)) continue;
    operations += instr.op == ir::ScalarOp::kFma ? 2 : 1;
  }
  return operations;
}

ir::Dim CountFlops(const ir::Graph& graph) {
  ir::Dim total = 0;
  for (const ir::Node& node : graph.nodes()) {
    const ir::OpDef& op = ir::GetOpDef(node.op);
    for (const ir::Graph& region : node.regions) total = total + CountFlops(region);
    if (op.compute == nullptr) continue;
    const ir::ComputeDef compute = op.compute(ir::ViewOf(graph, node));
    total = total + ir::Product(compute.domain) * ir::Dim(OperationsOf(compute));
  }
  return total;
}

}  // namespace

absl::StatusOr<kernel::Program> CompileToKernels(const ir::Graph& graph,
                                                 const ir::TargetDesc& target,
                                                 const CompileOptions& options) {
  passes::PipelineOptions pipeline;
  pipeline.numerics = ToPasses(options.numerics);
  pipeline.precision = ToPasses(options.precision);
  pipeline.prepack = ToPasses(options.prepack);
  if (options.memory_limit < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the memory limit is negative: ", options.memory_limit));
  }
  pipeline.memory_limit = options.memory_limit;
  pipeline.memory_limit_threads = options.memory_limit_threads;
  for (const std::string& pass : options.disabled_passes) {
    if (!passes::FindPass(pass)) {
      std::vector<std::string> names;
      for (const passes::PassInfo& known : passes::AllPasses()) names.emplace_back(known.name);
      return absl::NotFoundError(
          absl::StrCat("there is no pass '", pass, "' to leave out", ir::DidYouMean(pass, names)));
    }
    pipeline.disabled_passes.insert(pass);
  }
  return passes::CompileToProgram(graph, target, pipeline);
}

absl::StatusOr<ir::Graph> Differentiate(const ir::Graph& graph, const GradientOptions& options) {
  passes::GradOptions grad;
  grad.loss = options.loss;
  grad.wrt = options.wrt;
  grad.prefix = options.prefix;
  return passes::Differentiate(graph, grad);
}

absl::StatusOr<Program> Program::Compile(const ir::Graph& graph, const CompileOptions& options) {
  TENON_RETURN_IF_ERROR(ir::Verify(graph));
  auto executable = std::make_shared<Executable>();
  executable->graph = graph;
  switch (options.backend) {
    case Backend::kInterpreter:
      if (options.precision == Precision::kMixedBf16) {
        passes::PassManager narrow({passes::PassId::kInline, passes::PassId::kMixedPrecision});
        TENON_ASSIGN_OR_RETURN(executable->graph, narrow.Run(graph, {}, codegen::HostTarget()));
      }
      FillTables(graph, *executable);
      break;
    case Backend::kNative:
      TENON_RETURN_IF_ERROR(CompileNative(graph, options, *executable));
      break;
  }
  return Program(std::move(executable));
}

Program::Costs Program::costs() const {
  Costs costs;
  costs.arena_bytes = executable_->arena_bytes;
  costs.scratch_bytes = executable_->scratch_bytes;
  costs.prepared_bytes = executable_->prepared_bytes;
  for (const kernel::Binding& b : executable_->bindings) {
    if (b.is_output || b.kind == ir::InputKind::kInput) continue;
    costs.weight_bytes +=
        b.type.NumElements().UpperBound().value_or(0) * ir::ByteSize(b.type.dtype);
  }
  costs.flops = CountFlops(executable_->graph);
  return costs;
}

absl::StatusOr<std::map<std::string, Tensor>> Program::Run(
    const std::map<std::string, TensorView>& inputs) const {
  Instance instance = NewInstance();
  std::vector<bool> donated(bindings().size());
  for (const kernel::Binding& b : bindings()) {
    if (b.is_output && b.donated_input >= 0) donated[b.donated_input] = true;
  }
  std::vector<Tensor> copies;
  copies.reserve(inputs.size());
  for (const auto& [name, view] : inputs) {
    const int i = instance.FindInput(name);
    if (i < 0) return absl::NotFoundError(absl::StrCat("the program has no input '", name, "'"));
    if (donated[i]) {
      copies.push_back(Tensor::CopyOf(view));
      TENON_RETURN_IF_ERROR(instance.BindMutable(i, copies.back().mutable_view()));
    } else {
      TENON_RETURN_IF_ERROR(instance.BindInput(i, view));
    }
  }
  TENON_RETURN_IF_ERROR(instance.Run());
  std::map<std::string, Tensor> outputs;
  for (size_t i = 0; i < bindings().size(); ++i) {
    if (!bindings()[i].is_output) continue;
    outputs.emplace(bindings()[i].name, Tensor::CopyOf(instance.Output(static_cast<int>(i))));
  }
  return outputs;
}

}  // namespace tenon
