#include "tools/trace.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/codegen/artifact.h"
#include "tenon/ir/op.h"
#include "tenon/passes/lower/lower.h"
#include "tools/kernel_cost.h"

namespace tenon::tools {
namespace {

using Json = nlohmann::ordered_json;
using kernel::Step;

// The launches and barriers of a step by their slots; null for barriers and for slot 0.
void CollectSlots(const std::vector<Step>& steps, std::vector<const kernel::Launch*>* slots) {
  for (const Step& step : steps) {
    switch (step.kind) {
      case Step::Kind::kLaunch:
        slots->push_back(&step.launch);
        break;
      case Step::Kind::kBarrier:
        slots->push_back(nullptr);
        break;
      case Step::Kind::kRepeat:
        CollectSlots(step.repeat.body, slots);
        break;
      case Step::Kind::kWhile:
        CollectSlots(step.loop.condition, slots);
        CollectSlots(step.loop.body, slots);
        break;
      case Step::Kind::kBranch:
        CollectSlots(step.branch.if_true, slots);
        CollectSlots(step.branch.if_false, slots);
        break;
    }
  }
}

Json ThreadName(int thread) {
  return {{"ph", "M"},
          {"name", "thread_name"},
          {"pid", 1},
          {"tid", thread},
          {"args", {{"name", absl::StrCat("thread ", thread)}}}};
}

}  // namespace

void CollectSources(passes::PipelineOptions* pipeline, std::vector<KernelSource>* sources) {
  pipeline->after_lower = [sources](const lower::Origins& origins) {
    sources->clear();
    for (size_t g = 0; g < origins.kernels.size(); ++g) {
      KernelSource source;
      for (ir::NodeId id : origins.plan.groups[g].members) {
        const ir::Node& node = origins.graph.node(id);
        source.ops.emplace_back(ir::OpName(node.op));
        if (!node.location.known()) continue;
        const std::string line = node.location.ToString();
        if (std::find(source.lines.begin(), source.lines.end(), line) == source.lines.end()) {
          source.lines.push_back(line);
        }
      }
      while (static_cast<int32_t>(sources->size()) < origins.kernels[g]) {
        sources->push_back(source);
      }
    }
  };
}

std::string TraceJson(const kernel::Program& program, absl::Span<const KernelSource> sources,
                      absl::Span<const int64_t> table, int threads, double seconds_per_tick) {
  std::vector<const kernel::Launch*> slots = {nullptr};
  CollectSlots(program.step, &slots);
  const auto row = [&](int thread) {
    const size_t begin = slots.size() * static_cast<size_t>(threads);
    return table.subspan(begin + static_cast<size_t>(thread) * (1 + 2 * kTraceEvents),
                         1 + 2 * kTraceEvents);
  };
  int64_t first = std::numeric_limits<int64_t>::max();
  for (int t = 0; t < threads; ++t) {
    if (row(t)[0] > 0) first = std::min(first, row(t)[2]);
  }
  const auto microseconds = [&](int64_t ticks) {
    return static_cast<double>(ticks) * seconds_per_tick * 1e6;
  };
  Json events = Json::array();
  events.push_back({{"ph", "M"},
                    {"name", "process_name"},
                    {"pid", 1},
                    {"args", {{"name", absl::StrCat("@", program.name)}}}});
  bool complete = true;
  for (int t = 0; t < threads; ++t) {
    const absl::Span<const int64_t> events_of = row(t);
    if (events_of[0] == 0) continue;  // a thread that had nothing to do
    events.push_back(ThreadName(t));
    complete &= events_of[0] <= kTraceEvents;
    const int64_t count = std::min(events_of[0], kTraceEvents);
    for (int64_t e = 1; e < count; ++e) {
      const int64_t slot = events_of[1 + 2 * e], end = events_of[2 + 2 * e];
      const int64_t begin = events_of[2 * e];
      const kernel::Launch* launch = slots[static_cast<size_t>(slot)];
      Json event = {{"ph", "X"},
                    {"name", launch == nullptr ? "barrier" : LaunchName(program, *launch)},
                    {"cat", launch == nullptr ? "wait" : "kernel"},
                    {"pid", 1},
                    {"tid", t},
                    {"ts", microseconds(begin - first)},
                    {"dur", microseconds(end - begin)}};
      if (launch != nullptr && static_cast<size_t>(launch->kernel) < sources.size()) {
        const KernelSource& source = sources[static_cast<size_t>(launch->kernel)];
        event["args"] = {{"ops", absl::StrJoin(source.ops, " ")},
                         {"lines", absl::StrJoin(source.lines, " ")}};
      }
      events.push_back(std::move(event));
    }
  }
  const Json trace = {{"displayTimeUnit", "ns"},
                      {"otherData", {{"model", program.name}, {"complete", complete}}},
                      {"traceEvents", std::move(events)}};
  // Names are the user's: what is no UTF-8 is replaced.
  return trace.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tenon::tools
