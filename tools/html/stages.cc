#include "tools/html/stages.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/check.h"
#include "tenon/ir/enum_names.h"
#include "tenon/ir/kernel/text.h"
#include "tenon/ir/op.h"
#include "tenon/ir/text.h"
#include "tenon/passes/memory/plan.h"
#include "tenon/passes/memory/timeline.h"
#include "tools/kernel_cost.h"
#include "tools/summary.h"

namespace tenon::tools {

using nlohmann::json;

namespace {

// Longer attribute texts are cut: they are shown beside the graph, in one line.
constexpr size_t kMaxAttributes = 400;

void AddLocation(const ir::Location& location, json* out) {
  if (location.known()) (*out)["at"] = {location.file, location.line};
}

std::vector<uint32_t> Numbers(const std::vector<ir::ValueId>& values) {
  std::vector<uint32_t> numbers;
  for (ir::ValueId v : values) numbers.push_back(v.index);
  return numbers;
}

json NodeJson(const ir::Node& node) {
  json out = {
      {"op", ir::OpName(node.op)}, {"in", Numbers(node.operands)}, {"out", Numbers(node.results)}};
  std::string attributes = ir::PrintAttributes(node.attributes, {.max_elements = 4});
  if (attributes.size() > kMaxAttributes) attributes = attributes.substr(0, kMaxAttributes) + "...";
  if (!attributes.empty()) out["attrs"] = std::move(attributes);
  AddLocation(node.location, &out);
  for (const ir::Graph& region : node.regions) out["regions"].push_back(GraphJson(region));
  return out;
}

// Why a value that a group stores goes through memory.
std::string WhyStored(const Lowered& lowered, ir::ValueId v,
                      const std::map<uint32_t, std::string>& cuts) {
  const ir::Graph& graph = lowered.graph;
  const auto cut = cuts.find(graph.producer(v).index);
  if (cut != cuts.end()) return cut->second;
  for (const ir::Output& output : graph.outputs()) {
    if (output.value == v) return "the graph returns it";
  }
  std::vector<std::string> readers;
  for (const fuse::Group& group : lowered.plan.groups) {
    for (ir::ValueId input : group.inputs) {
      if (input == v) readers.emplace_back(ir::OpName(graph.node(group.anchor).op));
    }
  }
  if (readers.size() > 3) {
    const size_t more = readers.size() - 3;
    readers.resize(3);
    readers.push_back(absl::StrCat(more, " more"));
  }
  if (readers.empty()) return "the graph returns a reshape of it";
  return absl::StrCat("kernels of another shape of loops read it: ", absl::StrJoin(readers, ", "));
}

void NameLaunches(const kernel::Program& program, const std::vector<kernel::Step>& steps,
                  std::vector<std::string>* names) {
  for (const kernel::Step& step : steps) {
    if (step.kind == kernel::Step::Kind::kLaunch) {
      (*names)[step.launch.kernel] = LaunchName(program, step.launch);
    }
    for (const auto* inner : {&step.repeat.body, &step.loop.condition, &step.loop.body,
                              &step.branch.if_true, &step.branch.if_false}) {
      NameLaunches(program, *inner, names);
    }
  }
}

}  // namespace

json GraphJson(const ir::Graph& graph) {
  json inputs = json::array(), nodes = json::array(), outputs = json::array();
  for (const ir::Input& input : graph.inputs()) {
    json entry = {
        {"name", input.name}, {"kind", ir::EnumName(input.kind)}, {"value", input.value.index}};
    AddLocation(input.location, &entry);
    inputs.push_back(std::move(entry));
  }
  const std::vector<std::string> layers = LayersOf(graph);
  for (size_t n = 0; n < layers.size(); ++n) {
    nodes.push_back(NodeJson(graph.nodes()[n]));
    if (!layers[n].empty()) nodes.back()["layer"] = layers[n];
  }
  for (const ir::Output& output : graph.outputs()) {
    json entry = {{"name", output.name}, {"value", output.value.index}};
    if (output.donated_input >= 0) entry["donates"] = graph.inputs()[output.donated_input].name;
    outputs.push_back(std::move(entry));
  }
  json types = json::array();
  for (int v = 0; v < graph.num_values(); ++v) {
    types.push_back(graph.type(ir::ValueId{static_cast<uint32_t>(v)}).ToString());
  }
  return {{"name", graph.name()},
          {"inputs", std::move(inputs)},
          {"nodes", std::move(nodes)},
          {"outputs", std::move(outputs)},
          {"types", std::move(types)}};
}

json FusionJson(const Lowered& lowered) {
  std::map<uint32_t, std::string> cuts;
  for (const fuse::Cut& cut : lowered.plan.cuts) {
    if (cut.producer.valid()) cuts[cut.producer.index] = cut.reason;
  }
  json groups = json::array(), joins = json::array();
  int32_t kernel = 0;
  for (size_t g = 0; g < lowered.plan.groups.size(); ++g) {
    const fuse::Group& group = lowered.plan.groups[g];
    json members = json::array(), stored = json::array(), kernels = json::array();
    for (ir::NodeId id : group.members) members.push_back(id.index);
    for (ir::ValueId v : group.stored) {
      stored.push_back({v.index, WhyStored(lowered, v, cuts)});
    }
    for (; kernel < lowered.kernels[g]; ++kernel) kernels.push_back(kernel);
    groups.push_back({{"kind", fuse::GroupKindName(group.kind)},
                      {"anchor", group.anchor.index},
                      {"members", std::move(members)},
                      {"inputs", Numbers(group.inputs)},
                      {"stored", std::move(stored)},
                      {"kernels", std::move(kernels)}});
  }
  for (const fuse::Join& join : lowered.plan.joins) {
    joins.push_back({join.node.index, std::string(join.reason)});
  }
  return {{"groups", std::move(groups)}, {"joins", std::move(joins)}};
}

absl::StatusOr<json> MemoryJson(const kernel::Program& program, const Lowered& lowered) {
  const memory::BufferLives lives = memory::LivesOf(program);
  std::vector<std::vector<uint32_t>> values(program.buffers.size());
  for (size_t v = 0; v < lowered.buffers.size(); ++v) {
    if (lowered.buffers[v] >= 0) values[lowered.buffers[v]].push_back(static_cast<uint32_t>(v));
  }
  json buffers = json::array();
  for (size_t b = 0; b < program.buffers.size(); ++b) {
    const kernel::Buffer& buffer = program.buffers[b];
    if (buffer.kind != kernel::BufferKind::kArena || lives.lives[b].last < 0) continue;
    const int64_t bytes = buffer.size.UpperBound().value_or(0) * ir::ByteSize(buffer.dtype);
    buffers.push_back({{"name", buffer.name},
                       {"values", values[b]},
                       {"offset", buffer.offset},
                       {"bytes", bytes},
                       {"first", lives.lives[b].first},
                       {"last", lives.lives[b].last}});
  }
  TENON_ASSIGN_OR_RETURN(const int64_t peak, memory::PeakBytes(program));
  return json{{"arena", program.arena_bytes},       {"scratch", program.scratch_bytes},
              {"prepared", program.prepared_bytes}, {"peak", peak},
              {"moments", lives.kernels},           {"buffers", std::move(buffers)}};
}

absl::StatusOr<json> CodeJson(const kernel::Program& program, const ir::TargetDesc& target) {
  std::vector<std::string> llvm, assembly;
  codegen::CodegenOptions options;
  options.dump_llvm = [&](absl::string_view, absl::string_view text) { llvm.emplace_back(text); };
  options.dump_assembly = [&](absl::string_view, absl::string_view text) {
    assembly.emplace_back(text);
  };
  TENON_ASSIGN_OR_RETURN(const codegen::Artifact artifact,
                         codegen::Compile(program, target, options));
  std::vector<std::string> names(program.kernels.size());
  NameLaunches(program, program.prepare, &names);
  NameLaunches(program, program.step, &names);
  // Objects come in the order of the kernels that were the first to need them; the program is last.
  std::map<std::string, size_t> numbers;
  json kernels = json::array(), codes = json::array();
  for (size_t k = 0; k < program.kernels.size(); ++k) {
    const std::string& symbol = artifact.kernel_symbols[k];
    const auto [it, is_new] = numbers.emplace(symbol, numbers.size());
    if (is_new) {
      codes.push_back(
          {{"symbol", symbol}, {"llvm", llvm[it->second]}, {"asm", assembly[it->second]}});
    }
    kernels.push_back({{"name", names[k].empty() ? program.kernels[k].name : names[k]},
                       {"ir", kernel::Print(program.kernels[k])},
                       {"code", it->second}});
  }
  kernel::Program outline = program;  // the steps; the kernels have pages of their own
  for (kernel::Kernel& kernel : outline.kernels) kernel.body.instrs.clear();
  return json{{"kernels", std::move(kernels)},
              {"codes", std::move(codes)},
              {"program",
               {{"ir", kernel::Print(outline)}, {"llvm", llvm.back()}, {"asm", assembly.back()}}}};
}

}  // namespace tenon::tools
