// One run of a program as a trace for Chrome (about:tracing) and Perfetto: a row a thread, a slice
// a launch or wait at a barrier, each with the ops that it computes and the user's lines.
//
// The program is compiled with clocks and notes every reading (codegen::CodegenOptions::events) in
// a table that is there before the run.
#ifndef TENON_TOOLS_TRACE_H_
#define TENON_TOOLS_TRACE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/passes/options.h"

namespace tenon::tools {

// What a kernel computes.
struct KernelSource {
  std::vector<std::string> ops;    // "contract", in the graph's order
  std::vector<std::string> lines;  // "mlp.cc:14", each once
};

// Lets a compilation fill in the sources of its program's kernels.
void CollectSources(passes::PipelineOptions* pipeline, std::vector<KernelSource>* sources);

// Readings that there is room for, a thread.
inline constexpr int64_t kTraceEvents = int64_t{1} << 16;

// `table`: as the run left it, rows of clocks and then of events (codegen::CodegenOptions).
// Slices begin at the first reading of any thread.
std::string TraceJson(const kernel::Program& program, absl::Span<const KernelSource> sources,
                      absl::Span<const int64_t> table, int threads, double seconds_per_tick);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_TRACE_H_
