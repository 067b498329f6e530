// `tenon show --format=html`: what the compiler makes of a model, as one page without a network.
#ifndef TENON_TOOLS_HTML_HTML_H_
#define TENON_TOOLS_HTML_HTML_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/target.h"
#include "tenon/passes/options.h"

namespace tenon::tools {

struct HtmlOptions {
  passes::PipelineOptions pipeline;
  ir::TargetDesc target;
  // The JSON that `tenon bench --json` wrote for the same model, for the roofline; or empty.
  // Another model's, or what is no such JSON, is an error.
  std::string profile;
};

// Compiles the graph and shows each stage: the graph after each pass, the fusion groups with the
// reasons for them, the arena over time, each kernel's IR, LLVM IR and assembly, the roofline.
// Style and script stand in this folder as files of their own; the model's data is JSON that the
// script reads, and no text of the model is ever taken for HTML.
absl::StatusOr<std::string> ToHtml(const ir::Graph& graph, const HtmlOptions& options);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_HTML_HTML_H_
