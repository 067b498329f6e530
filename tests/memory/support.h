// Running graphs at memory limits.
#ifndef TENON_TESTS_MEMORY_SUPPORT_H_
#define TENON_TESTS_MEMORY_SUPPORT_H_

#include <vector>

#include "tenon/codegen/host.h"
#include "tests/ops/sample.h"
#include "tests/ops/stages.h"

namespace tenon::tests {

// Fills that suit the models: small positive floats, integers that are valid classes and tokens.
inline std::vector<Fill> ModelFills(const ir::Graph& graph) {
  std::vector<Fill> fills;
  for (const ir::Input& input : graph.inputs()) {
    const bool is_float = ir::IsFloat(graph.type(input.value).dtype);
    fills.push_back(is_float ? Uniform(0, 0.1) : IndexInto(8));
  }
  return fills;
}

inline absl::StatusOr<Compiled> CompileAt(const ir::Graph& graph, int64_t limit, bool native,
                                          passes::PipelineOptions options = {}) {
  options.memory_limit = limit;
  options.verify_after_each = true;
  return Compiled::Make(graph, codegen::HostTarget(), options, native);
}

}  // namespace tenon::tests

#endif  // TENON_TESTS_MEMORY_SUPPORT_H_
