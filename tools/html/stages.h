// A model's way through the compiler, as JSON for the page: what page.js and its neighbours read.
#ifndef TENON_TOOLS_HTML_STAGES_H_
#define TENON_TOOLS_HTML_STAGES_H_

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "tenon/codegen/artifact.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/passes/fuse/plan.h"
#include "tenon/passes/lower/lower.h"

namespace tenon::tools {

// {"inputs": [{name, kind, type, value, at}], "nodes": [{op, attrs, in, out, at, layer, regions}],
//  "outputs": [{name, value, donates}], "types": [by value]}. Values are numbers; "at" is
// [file, line]; what is empty is left out.
nlohmann::json GraphJson(const ir::Graph& graph);

// What was lowered in the end, kept beyond the lowering.
struct Lowered {
  ir::Graph graph;
  fuse::FusionPlan plan;
  std::vector<int32_t> kernels, buffers;  // lower::Origins
};

// {"groups": [{kind, members, inputs, stored: [[value, why]], kernels}], "joins": [[node, why]]}.
// Each value that a group stores says why it goes through memory.
nlohmann::json FusionJson(const Lowered& lowered);

// {"arena", "scratch", "prepared", "peak", "moments": [kernel or -1],
//  "buffers": [{name, values, offset, bytes, first, last}]}, in bytes.
absl::StatusOr<nlohmann::json> MemoryJson(const kernel::Program& program, const Lowered& lowered);

// {"kernels": [{name, ir, code}] by launch, "codes": [{symbol, llvm, asm}], "program": {ir, llvm,
//  asm}}: "code" is the number of the object that equal kernels share.
absl::StatusOr<nlohmann::json> CodeJson(const kernel::Program& program,
                                        const ir::TargetDesc& target);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_HTML_STAGES_H_
