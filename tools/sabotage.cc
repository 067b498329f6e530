#include "tools/sabotage.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "tenon/ir/attributes_util.h"
#include "tenon/passes/fuse/plan.h"
#include "tenon/passes/graph_copy.h"
#include "tools/command.h"

namespace tenon::tools {
namespace {

using ir::Graph;
using ir::Node;
using ir::OpCode;
using kernel::Program;

// What a sabotaged stage does to a node: changes it, or says which operand its users read instead.
constexpr int kKeep = -1;
using NodeMistake = std::function<int(Node*)>;

Graph ChangeNodes(const Graph& graph, const NodeMistake& mistake) {
  Graph result(graph.name());
  passes::GraphCopier copier(graph, result);
  copier.CopyInputs();
  for (const Node& node : graph.nodes()) {
    Node changed = node;
    for (Graph& region : changed.regions) region = ChangeNodes(region, mistake);
    const int operand = mistake(&changed);
    if (operand == kKeep) {
      copier.Copy(changed);
    } else {
      copier.Map(node.results[0], copier(changed.operands[operand]));
    }
  }
  copier.CopyOutputs();
  return result;
}

int SwapSubtractions(Node* node) {
  if (node->op == OpCode::kSub) std::swap(node->operands[0], node->operands[1]);
  return kKeep;
}
int DropMaxima(Node* node) { return node->op == OpCode::kMax ? 0 : kKeep; }
int MultiplyForDivide(Node* node) {
  if (node->op == OpCode::kDiv) node->op = OpCode::kMul;
  return kKeep;
}
int DropLogarithms(Node* node) { return node->op == OpCode::kLog ? 0 : kKeep; }
int SubtractForAdd(Node* node) {
  if (node->op == OpCode::kAdd) node->op = OpCode::kSub;
  return kKeep;
}

Graph UnsignContractions(const Graph& graph) {
  Graph result(graph.name());
  passes::GraphCopier copier(graph, result);
  copier.CopyInputs();
  for (const Node& node : graph.nodes()) {
    if (node.op != OpCode::kContract) {
      copier.Copy(node);
      continue;
    }
    std::vector<ir::ValueId> operands;
    for (ir::ValueId v : node.operands) {
      const ir::NodeId abs = result.AddNode(OpCode::kAbs, ir::NoAttrs{}, {copier(v)},
                                            {graph.type(v)}, {}, node.location);
      operands.push_back(result.node(abs).results[0]);
    }
    const ir::NodeId id = result.AddNode(node.op, node.attributes, std::move(operands),
                                         {graph.type(node.results[0])}, {}, node.location);
    copier.Map(node.results[0], result.node(id).results[0]);
  }
  copier.CopyOutputs();
  return result;
}

// Whether a careless look takes the nodes for one.
bool LookEqual(const Graph& graph, const Node& a, const Node& b) {
  if (a.op != b.op || !a.regions.empty() || a.operands.size() != b.operands.size() ||
      !ir::AttributesEqual(a.attributes, b.attributes)) {
    return false;
  }
  for (size_t i = 0; i < a.operands.size(); ++i) {
    if (!(graph.type(a.operands[i]) == graph.type(b.operands[i]))) return false;
  }
  return true;
}

Graph MergeLookalikes(const Graph& graph) {
  Graph result(graph.name());
  passes::GraphCopier copier(graph, result);
  copier.CopyInputs();
  std::vector<const Node*> kept;
  for (const Node& node : graph.nodes()) {
    const auto same = std::find_if(kept.begin(), kept.end(), [&](const Node* other) {
      return LookEqual(graph, *other, node);
    });
    if (same == kept.end()) {
      kept.push_back(&node);
      copier.Copy(node);
      continue;
    }
    for (size_t i = 0; i < node.results.size(); ++i) {
      copier.Map(node.results[i], copier((*same)->results[i]));
    }
  }
  copier.CopyOutputs();
  return result;
}

void AddForMultiply(kernel::Kernel* kernel, kernel::Block* block) {
  for (kernel::Instr& instr : block->instrs) {
    if (instr.op == kernel::Op::kScalar && instr.scalar_op == ir::ScalarOp::kMul &&
        ir::IsFloat(kernel->type(instr.results[0]).dtype)) {
      instr.scalar_op = ir::ScalarOp::kAdd;
    }
    for (kernel::Block& inner : instr.blocks) AddForMultiply(kernel, &inner);
  }
}
void AddForMultiply(Program* program) {
  for (kernel::Kernel& kernel : program->kernels) AddForMultiply(&kernel, &kernel.body);
}

void RemoveBarriers(std::vector<kernel::Step>* steps) {
  steps->erase(std::remove_if(steps->begin(), steps->end(),
                              [](const kernel::Step& step) {
                                return step.kind == kernel::Step::Kind::kBarrier;
                              }),
               steps->end());
  for (kernel::Step& step : *steps) {
    for (std::vector<kernel::Step>* inner :
         {&step.repeat.body, &step.loop.condition, &step.loop.body, &step.branch.if_true,
          &step.branch.if_false}) {
      RemoveBarriers(inner);
    }
  }
}

// --- The rows of sabotage.def

struct Targets {
  const std::string& stage;
  passes::PipelineOptions* pipeline;
  std::function<void(Program*)>* native;

  void OnGraph(std::function<Graph(const Graph&)> mistake) const {
    pipeline->tampering.graph = [mistake = std::move(mistake), stage = stage](
                                    absl::string_view pass, Graph* graph) {
      if (pass == stage) *graph = mistake(*graph);
    };
  }
  void OnNodes(NodeMistake mistake) const {
    OnGraph(
        [mistake = std::move(mistake)](const Graph& graph) { return ChangeNodes(graph, mistake); });
  }
  void OnProgram(std::function<void(Program*)> mistake) const {
    pipeline->tampering.program = [mistake = std::move(mistake), stage = stage](
                                      absl::string_view after, Program* program) {
      if (after == stage) mistake(program);
    };
  }
};

void SabotageInline(const Targets& t) { t.OnNodes(SwapSubtractions); }
void SabotageMixedPrecision(const Targets& t) { t.OnGraph(UnsignContractions); }
void SabotageCse(const Targets& t) { t.OnGraph(MergeLookalikes); }
void SabotageSimplify(const Targets& t) { t.OnNodes(DropMaxima); }
void SabotageDecompose(const Targets& t) { t.OnNodes(MultiplyForDivide); }
void SabotageDce(const Targets& t) { t.OnNodes(DropLogarithms); }
void SabotageRemat(const Targets& t) { t.OnNodes(SubtractForAdd); }

void SabotageFuse(const Targets& t) {
  t.pipeline->tampering.plan = [](fuse::FusionPlan* plan) {
    if (!plan->groups.empty()) plan->groups[0].stored.pop_back();
  };
}

void SabotageLower(const Targets& t) {
  t.OnProgram([](Program* program) { AddForMultiply(program); });
}
void SabotageMemory(const Targets& t) {
  t.OnProgram([](Program* program) {
    for (kernel::Buffer& buffer : program->buffers) {
      if (buffer.kind == kernel::BufferKind::kArena) buffer.offset = 0;
    }
  });
}
void SabotageBarriers(const Targets& t) {
  t.OnProgram([](Program* program) {
    RemoveBarriers(&program->prepare);
    RemoveBarriers(&program->step);
  });
}
void SabotageNative(const Targets& t) {
  *t.native = [](Program* program) { AddForMultiply(program); };
}

struct Row {
  const char* stage;
  void (*sabotage)(const Targets&);
};
constexpr Row kRows[] = {
#define TENON_SABOTAGE(function, stage, mistake) {stage, Sabotage##function},
#include "tools/sabotage.def"
};

}  // namespace

absl::Status Sabotage(const std::string& stage, passes::PipelineOptions* pipeline,
                      std::function<void(Program*)>* native) {
  if (stage.empty()) return absl::OkStatus();
  std::vector<std::string> known;
  for (const Row& row : kRows) {
    if (stage == row.stage) {
      row.sabotage({stage, pipeline, native});
      return absl::OkStatus();
    }
    known.emplace_back(row.stage);
  }
  return UnknownValue("--sabotage", stage, known);
}

}  // namespace tenon::tools
