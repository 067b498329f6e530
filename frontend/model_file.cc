// Model: saving, loading and summaries.
#include <cstring>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tenon/frontend/checkpoint/safetensors.h"
#include "tenon/frontend/model_impl.h"
#include "tenon/ir/check.h"

namespace tenon {

namespace {

// Metadata of a checkpoint: the version of what tensors a model saves, and the type of its rows.
constexpr char kFormatKey[] = "tenon.model";
constexpr char kFormat[] = "1";
constexpr char kRowKey[] = "tenon.row";

// "f32 28 28 1".
std::string EncodeRow(const RowType& row) {
  std::string text(ir::DTypeName(row.dtype));
  for (int64_t d : row.dims) absl::StrAppend(&text, " ", d);
  return text;
}

absl::StatusOr<RowType> DecodeRow(const std::string& text) {
  const std::vector<std::string> words = absl::StrSplit(text, ' ');
  const std::optional<DType> dtype = ir::ParseDType(words[0]);
  if (!dtype.has_value() || words.size() > ir::kMaxRank) {
    return absl::DataLossError(absl::StrCat("'", text, "' is no type of rows"));
  }
  RowType row{*dtype, {}};
  for (size_t i = 1; i < words.size(); ++i) {
    int64_t extent;
    if (!absl::SimpleAtoi(words[i], &extent) || extent < 0) {
      return absl::DataLossError(absl::StrCat("'", text, "' is no type of rows"));
    }
    row.dims.push_back(extent);
  }
  return row;
}

bool IsSaved(VariableKind kind) {
  switch (kind) {
    case VariableKind::kParameter:
    case VariableKind::kLayer:
    case VariableKind::kOptimizer:
      return true;
    case VariableKind::kTraining:
    case VariableKind::kMetric:
      return false;
  }
  TENON_CHECK(false);
}

}  // namespace

absl::Status Model::Impl::Save(const std::string& path) const {
  if (!is_built()) {
    return absl::FailedPreconditionError(
        "there is nothing to save: the model has no parameters "
        "until it is built or has seen data");
  }
  std::map<std::string, TensorView> tensors;
  for (const Variable& v : variables_.all()) {
    if (IsSaved(v.kind)) tensors.emplace(v.name, v.value);
  }
  return checkpoint::Save(path, tensors, {{kFormatKey, kFormat}, {kRowKey, EncodeRow(*x_row_)}});
}

// The parameter that `name` is an optimizer's slot of, if it is one.
std::optional<std::string> Model::Impl::SlotOf(const std::string& name) const {
  const size_t slash = name.rfind('/');
  if (slash == std::string::npos) return std::nullopt;
  const Variable* parameter = variables_.Find(name.substr(0, slash));
  if (parameter == nullptr || parameter->kind != VariableKind::kParameter) return std::nullopt;
  for (const std::string& slot : options_.optimizer->slots()) {
    if (name.substr(slash + 1) == slot) return parameter->name;
  }
  return std::nullopt;
}

// All that speaks against taking these tensors over.
absl::Status Model::Impl::CheckLoaded(const std::string& path,
                                      const std::map<std::string, Tensor>& tensors) {
  std::vector<std::string> wrong;
  for (const Variable& v : variables_.all()) {
    if (v.kind != VariableKind::kParameter && v.kind != VariableKind::kLayer) continue;
    if (tensors.count(v.name) == 0) wrong.push_back(absl::StrCat("'", v.name, "' is missing"));
  }
  for (const auto& [name, tensor] : tensors) {
    const Variable* expected = variables_.Find(name);
    Tensor step(DType::kI64, {});
    const std::optional<std::string> parameter = SlotOf(name);
    if (expected == nullptr && parameter.has_value()) expected = variables_.Find(*parameter);
    if (expected == nullptr && name != kStep) {
      wrong.push_back(absl::StrCat("'", name, "' is unknown to the model"));
      continue;
    }
    const TensorView type = expected == nullptr ? step.view() : expected->value.view();
    if (type.dtype != tensor.dtype() || absl::MakeConstSpan(type.dims) != tensor.dims()) {
      wrong.push_back(absl::StrCat("'", name, "' is ", tensor.TypeString(), ", but the model has ",
                                   type.TypeString()));
    }
  }
  if (wrong.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("'", path, "' is not of this model: ", absl::StrJoin(wrong, "; ")));
}

absl::Status Model::Impl::Load(const std::string& path) {
  TENON_ASSIGN_OR_RETURN(checkpoint::Checkpoint file, checkpoint::Load(path));
  if (!is_built()) {
    const auto row_text = file.metadata.find(kRowKey);
    if (row_text == file.metadata.end()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "'", path, "' does not say what rows its model takes: build the model before loading"));
    }
    TENON_ASSIGN_OR_RETURN(RowType row, DecodeRow(row_text->second));
    TENON_RETURN_IF_ERROR(Build(row));
  }
  TENON_RETURN_IF_ERROR(CheckLoaded(path, file.tensors));
  for (Variable& v : variables_.all()) {
    // What the file does not have of an optimizer starts anew.
    if (v.kind == VariableKind::kOptimizer && file.tensors.count(v.name) == 0) {
      std::memset(v.value.mutable_bytes(), 0, static_cast<size_t>(v.value.byte_size()));
    }
  }
  for (auto& [name, tensor] : file.tensors) {
    if (Variable* v = variables_.Find(name); v != nullptr) {
      std::memcpy(v->value.mutable_bytes(), tensor.bytes(),
                  static_cast<size_t>(tensor.byte_size()));
    } else {
      variables_.Add(name, VariableKind::kOptimizer, std::move(tensor));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Model::Impl::Summary() const {
  if (!is_built()) return absl::FailedPreconditionError("the model is not built yet");
  std::string text = absl::StrFormat("%-24s %-20s %12s\n", "layer", "output", "parameters");
  int64_t total = 0;
  for (const nn::LayerContext::Built& layer : built_->layers) {
    int64_t count = 0;
    for (size_t i = layer.first_parameter; i < layer.end_parameter; ++i) {
      count += variables_.Find(built_->parameters[i])->value.num_elements();
    }
    total += count;
    absl::StrAppendFormat(&text, "%-24s %-20s %12d\n", layer.name, layer.type.ToString(), count);
  }
  absl::StrAppendFormat(&text, "%-24s %-20s %12d\n", "total", "", total);
  return text;
}

}  // namespace tenon
