#include "tools/html/html.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tenon/ir/check.h"
#include "tenon/ir/text.h"
#include "tenon/passes/compile.h"
#include "tenon/passes/pipeline.h"
#include "tools/html/stages.h"
#include "tools/page_code.h"
#include "tools/page_details.h"
#include "tools/page_layout.h"
#include "tools/page_main.h"
#include "tools/page_markup.h"
#include "tools/page_memory.h"
#include "tools/page_model.h"
#include "tools/page_roofline.h"
#include "tools/page_style.h"
#include "tools/page_support.h"
#include "tools/page_view.h"
#include "tools/summary.h"

namespace tenon::tools {
namespace {

using nlohmann::json;

std::string EscapeHtml(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

// JSON inside a script element: without "<" nothing in it can end the element or open a comment.
// Bytes that are no UTF-8 become replacement characters.
std::string ScriptJson(const json& data) {
  return absl::StrReplaceAll(data.dump(-1, ' ', false, json::error_handler_t::replace),
                             {{"<", "\\u003c"}});
}

// The graph as it comes in and after each pass; a pass that changed nothing has no graph.
absl::StatusOr<json> PassesJson(const ir::Graph& graph, passes::PipelineOptions pipeline,
                                const ir::TargetDesc& target) {
  json stages = json::array();
  stages.push_back({{"name", "as given"}, {"graph", GraphJson(graph)}});
  std::string last = ir::Print(graph);
  pipeline.after_pass = [&](const passes::PassReport& report, const ir::Graph& result) {
    json stage = {{"name", absl::StrCat("after ", report.pass)},
                  {"seconds", report.seconds},
                  {"nodes", {report.nodes_before, report.nodes_after}}};
    std::string text = ir::Print(result);
    if (text != last) stage["graph"] = GraphJson(result);
    last = std::move(text);
    stages.push_back(std::move(stage));
  };
  TENON_RETURN_IF_ERROR(passes::Simplify(graph, pipeline, target).status());
  return stages;
}

absl::StatusOr<json> ProfileJson(const std::string& text, const ir::Graph& graph) {
  json profile = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto has = [&](const char* key) { return profile.is_object() && profile.contains(key); };
  if (!has("launches") || !has("machine") || !has("model") || !profile["model"].is_string() ||
      !profile["launches"].is_array() || !profile["machine"].is_object()) {
    return absl::InvalidArgumentError(
        "--profile: this is not what `tenon bench --json` writes: it has no model, machine and "
        "launches");
  }
  if (profile["model"] != graph.name()) {
    return absl::InvalidArgumentError(absl::StrCat("--profile: is of @",
                                                   profile["model"].get<std::string>(),
                                                   ", the model is @", graph.name()));
  }
  return profile;
}

absl::StatusOr<json> PageData(const ir::Graph& graph, const HtmlOptions& options) {
  json data;
  if (!options.profile.empty()) {
    TENON_ASSIGN_OR_RETURN(data["profile"], ProfileJson(options.profile, graph));
  }
  TENON_ASSIGN_OR_RETURN(data["stages"], PassesJson(graph, options.pipeline, options.target));
  std::optional<Lowered> lowered;
  passes::PipelineOptions pipeline = options.pipeline;
  pipeline.after_lower = [&](const lower::Origins& origins) {
    lowered = Lowered{origins.graph, origins.plan, origins.kernels, origins.buffers};
  };
  TENON_ASSIGN_OR_RETURN(const kernel::Program program,
                         passes::CompileToProgram(graph, options.target, pipeline));
  data["stages"].push_back(
      {{"name", "as lowered, with its kernels"}, {"graph", GraphJson(lowered->graph)}});
  data["fusion"] = FusionJson(*lowered);
  TENON_ASSIGN_OR_RETURN(data["memory"], MemoryJson(program, *lowered));
  TENON_ASSIGN_OR_RETURN(data["code"], CodeJson(program, options.target));
  data["model"] = graph.name();
  data["target"] = {options.target.triple, options.target.cpu};
  data["symbols"] = json::array();
  for (const auto& [name, bound] : graph.Symbols()) data["symbols"].push_back({name, bound});
  data["summary"] = Summarize(graph);
  return data;
}

}  // namespace

absl::StatusOr<std::string> ToHtml(const ir::Graph& graph, const HtmlOptions& options) {
  TENON_ASSIGN_OR_RETURN(const json data, PageData(graph, options));
  const std::string script =
      absl::StrCat("(() => {\n'use strict';\n", kPageSupport, kPageModel, kPageLayout, kPageView,
                   kPageDetails, kPageCode, kPageMemory, kPageRoofline, kPageMain, "})();\n");
  return absl::StrReplaceAll(kPageMarkup, {{"@TITLE@", EscapeHtml(graph.name())},
                                           {"@STYLE@", kPageStyle},
                                           {"@DATA@", ScriptJson(data)},
                                           {"@SCRIPT@", script}});
}

}  // namespace tenon::tools
