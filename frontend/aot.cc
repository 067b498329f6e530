#include "tenon/frontend/aot.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/codegen/aot/files.h"
#include "tenon/codegen/aot/header.h"
#include "tenon/codegen/artifact.h"
#include "tenon/codegen/host.h"
#include "tenon/codegen/multi_isa.h"
#include "tenon/frontend/checkpoint/safetensors.h"
#include "tenon/frontend/native.h"
#include "tenon/ir/check.h"
#include "tenon/ir/verifier.h"

namespace tenon {
namespace {

constexpr int64_t kWeightAlignment = 64;

// One weight: what is bound, and its first value.
struct Weight {
  int binding;
  bool updated;  // by a step
  TensorView value;
};

absl::StatusOr<std::vector<Weight>> CollectWeights(
    const std::vector<kernel::Binding>& bindings,
    const std::map<std::string, TensorView>& weights) {
  std::vector<Weight> result;
  for (size_t i = 0; i < bindings.size(); ++i) {
    const kernel::Binding& binding = bindings[i];
    if (binding.is_output || binding.kind == ir::InputKind::kInput) continue;
    const auto found = weights.find(binding.name);
    if (found == weights.end()) {
      return absl::NotFoundError(absl::StrCat("no value for '", binding.name, "'"));
    }
    const TensorView& value = found->second;
    Dims dims;
    for (const ir::Dim& d : binding.type.dims) {
      if (!d.is_constant()) {
        return absl::InvalidArgumentError(absl::StrCat("'", binding.name, "' of type ",
                                                       binding.type.ToString(true),
                                                       ": weights need a shape without symbols"));
      }
      dims.push_back(d.constant());
    }
    if (value.dtype != binding.type.dtype || value.dims != dims) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", binding.name, "' is ", binding.type.ToString(), ", its value ", value.TypeString()));
    }
    const bool updated = std::any_of(bindings.begin(), bindings.end(), [&](const auto& other) {
      return other.is_output && other.donated_input == static_cast<int>(i);
    });
    result.push_back({static_cast<int>(i), updated, value});
  }
  return result;
}

absl::string_view BytesOf(const TensorView& value) {
  return {static_cast<const char*>(value.data), static_cast<size_t>(value.byte_size())};
}

// All weights one after the other, each aligned.
std::string MakeBlock(const std::vector<Weight>& weights, codegen::Weights* where) {
  std::string block;
  for (const Weight& weight : weights) {
    block.resize((block.size() + kWeightAlignment - 1) / kWeightAlignment * kWeightAlignment);
    where->slices.push_back(
        {weight.binding, static_cast<int64_t>(block.size()), weight.value.byte_size()});
    absl::StrAppend(&block, BytesOf(weight.value));
  }
  where->bytes = static_cast<int64_t>(block.size());
  return block;
}

absl::StatusOr<std::string> MakeWeightsFile(const std::vector<Weight>& weights,
                                            const std::vector<kernel::Binding>& bindings,
                                            codegen::Weights* where) {
  std::map<std::string, TensorView> tensors;
  for (const Weight& weight : weights) tensors[bindings[weight.binding].name] = weight.value;
  TENON_ASSIGN_OR_RETURN(const checkpoint::Layout layout, checkpoint::LayOut(tensors));
  std::string file = layout.header;
  for (const std::string& name : layout.order) absl::StrAppend(&file, BytesOf(tensors.at(name)));
  for (const Weight& weight : weights) {
    where->slices.push_back({weight.binding, layout.offsets.at(bindings[weight.binding].name),
                             weight.value.byte_size()});
  }
  where->bytes = static_cast<int64_t>(file.size());
  where->head_bytes = static_cast<int64_t>(layout.header.size());
  where->head_hash = codegen::HashWeights(0, layout.header);
  return file;
}

absl::StatusOr<codegen::Artifact> CompileArtifact(const ir::Graph& graph, const AotOptions& options,
                                                  const codegen::CodegenOptions& codegen_options) {
  if (!options.multi_isa) {
    const ir::TargetDesc target = options.target ? *options.target : codegen::HostTarget();
    TENON_ASSIGN_OR_RETURN(const kernel::Program program,
                           CompileToKernels(graph, target, options.compile));
    return codegen::Compile(program, target, codegen_options);
  }
  if (options.target.has_value()) {
    return absl::InvalidArgumentError(
        "an object for several instruction sets has its own list of targets");
  }
  const std::vector<ir::TargetDesc> targets = {ir::X86Sse2(), ir::X86Avx2(), ir::X86Avx512()};
  std::vector<kernel::Program> programs;
  for (const ir::TargetDesc& target : targets) {
    TENON_ASSIGN_OR_RETURN(kernel::Program program,
                           CompileToKernels(graph, target, options.compile));
    programs.push_back(std::move(program));
  }
  return codegen::CompileMultiIsa(std::move(programs), targets, codegen_options);
}

}  // namespace

absl::StatusOr<AotFiles> CompileAheadOfTime(const ir::Graph& graph,
                                            const std::map<std::string, TensorView>& weights,
                                            const AotOptions& options) {
  const std::string name = options.name.empty() ? graph.name() : options.name;
  if (codegen::ToIdentifier(name) != name) {
    return absl::InvalidArgumentError(absl::StrCat("'", name, "' cannot name C functions; try '",
                                                   codegen::ToIdentifier(name), "'"));
  }
  TENON_RETURN_IF_ERROR(ir::Verify(graph));
  codegen::CodegenOptions codegen_options;
  codegen_options.threads = options.compile.compile_threads;
  codegen_options.cache = options.compile.cache;
  codegen_options.symbol_prefix = name + "_entry";
  codegen_options.keep_llvm = codegen::IsText(options.format);
  TENON_ASSIGN_OR_RETURN(const codegen::Artifact artifact,
                         CompileArtifact(graph, options, codegen_options));
  const ir::TargetDesc& target = artifact.target;

  AotFiles files;
  codegen::HeaderOptions header;
  header.name = name;
  header.prepare_symbol = artifact.prepare_symbol;
  header.step_symbol = artifact.step_symbol;
  std::vector<codegen::ObjectCode> data;
  if (options.weights != AotWeights::kCaller) {
    TENON_ASSIGN_OR_RETURN(const std::vector<Weight> list,
                           CollectWeights(artifact.bindings, weights));
    for (const Weight& weight : list) {
      if (weight.updated) continue;
      header.weights.hash = codegen::HashWeights(header.weights.hash, BytesOf(weight.value));
    }
    if (options.weights == AotWeights::kEmbedded) {
      header.weights.place = codegen::WeightsPlace::kEmbedded;
      const std::string block = MakeBlock(list, &header.weights);
      TENON_ASSIGN_OR_RETURN(codegen::ObjectCode object,
                             codegen::MakeDataObject(target, name + "_weights", block,
                                                     kWeightAlignment, codegen_options.keep_llvm));
      data.push_back(std::move(object));
    } else {
      header.weights.place = codegen::WeightsPlace::kFile;
      header.weights.file = options.weights_file;
      TENON_ASSIGN_OR_RETURN(files.weights,
                             MakeWeightsFile(list, artifact.bindings, &header.weights));
    }
  }
  TENON_ASSIGN_OR_RETURN(files.object, codegen::MakeFile(artifact, data, options.format));
  files.header = codegen::MakeHeader(artifact, header);
  files.arena_bytes = artifact.ArenaBytes(1);
  files.prepared_bytes = artifact.prepared_bytes;
  return files;
}

}  // namespace tenon
