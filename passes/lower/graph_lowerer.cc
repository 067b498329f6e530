#include "tenon/passes/lower/graph_lowerer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/passes/contract/contract.h"
#include "tenon/passes/lower/in_place.h"
#include "tenon/passes/lower/loops.h"
#include "tenon/passes/lower/schedules.h"

namespace tenon::lower {

using fuse::GroupKind;
using ir::ComputeClass;
using ir::Dim;

GraphLowerer::GraphLowerer(const ir::Graph& graph, const fuse::FusionPlan& plan,
                           const ir::TargetDesc& target, const passes::PipelineOptions& options,
                           kernel::Program& program, std::vector<kernel::Step>* steps)
    : graph_(graph), plan_(plan), context_(graph, target, options, program) {
  context_.set_steps(steps);
}

absl::Status GraphLowerer::Run(const std::vector<Place>& inputs, const std::vector<Place>& outputs,
                               const std::vector<int>& replaces) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    context_.SetPlace(graph_.inputs()[i].value, inputs[i]);
  }
  PlaceConstants();
  FindReaders();
  PlaceOutputs(outputs, replaces);
  std::vector<kernel::Step>* const steps = context_.steps();
  int number = 0;
  for (const fuse::Group& group : plan_.groups) {
    const bool prepare = context_.prepared().RunsGroup(number);
    if (!prepare) PlaceOverLastRead(group, number);
    ++number;
    PlaceStored(group, prepare ? kernel::BufferKind::kPrepared : kernel::BufferKind::kArena);
    context_.set_steps(prepare ? &context_.program().prepare : steps);
    TENON_RETURN_IF_ERROR(LowerGroup(group));
    kernels_.push_back(static_cast<int32_t>(context_.program().kernels.size()));
  }
  context_.set_steps(steps);
  EmitCopies();
  return absl::OkStatus();
}

Origins GraphLowerer::FindOrigins() const {
  Origins origins{graph_, plan_, kernels_, {}};
  for (int v = 0; v < graph_.num_values(); ++v) {
    const Place& place = context_.place(ir::ValueId{static_cast<uint32_t>(v)});
    origins.buffers.push_back(place.valid() ? place.buffer : -1);
  }
  return origins;
}

// --- Places

// Constants that code cannot carry: read-only data. Only those that somebody reads from memory.
void GraphLowerer::PlaceConstants() {
  std::set<ir::ValueId> read;
  for (const fuse::Group& group : plan_.groups) {
    // Maps and reductions write uniform constants into their code.
    const bool carries = group.kind == GroupKind::kMap || group.kind == GroupKind::kReduce;
    for (ir::ValueId v : group.inputs) {
      if (!carries || !context_.IsUniform(Memory(v))) read.insert(Memory(v));
    }
  }
  for (const ir::Output& output : graph_.outputs()) read.insert(Memory(output.value));
  for (ir::ValueId v : read) {
    const ir::NodeId id = graph_.producer(v);
    if (!id.valid() || context_.Class(id) != ComputeClass::kConstant) continue;
    const ir::Literal& literal = graph_.node(id).attrs<ir::ConstantAttrs>().value;
    kernel::Program& program = context_.program();
    program.buffers.push_back({.name = absl::StrCat("constant", v.index),
                               .kind = kernel::BufferKind::kConstant,
                               .dtype = literal.dtype(),
                               .size = Dim(literal.size()),
                               .literal = literal});
    context_.SetPlace(v, {static_cast<int32_t>(program.buffers.size()) - 1});
  }
}

void GraphLowerer::FindReaders() {
  for (size_t g = 0; g < plan_.groups.size(); ++g) {
    for (ir::ValueId v : plan_.groups[g].stored) group_of_[v] = static_cast<int>(g);
    for (ir::ValueId v : plan_.groups[g].inputs) {
      readers_[Memory(v)].push_back(static_cast<int>(g));
    }
  }
  for (const ir::Output& output : graph_.outputs()) returned_.insert(Memory(output.value));
}

int GraphLowerer::GroupOf(ir::ValueId v) const {
  auto it = group_of_.find(v);
  return it == group_of_.end() ? -1 : it->second;
}

void GraphLowerer::PlaceOutputs(const std::vector<Place>& outputs,
                                const std::vector<int>& replaces) {
  for (size_t o = 0; o < outputs.size(); ++o) {
    const ir::ValueId v = Memory(graph_.outputs()[o].value);
    const ir::ValueId input = replaces[o] >= 0 ? graph_.inputs()[replaces[o]].value : ir::ValueId();
    if (input.valid() && v == input) continue;  // stays where it is
    const bool computed = GroupOf(v) >= 0 && !context_.place(v).valid();
    if (computed && (!input.valid() || MayOverwrite(v, input))) {
      context_.SetPlace(v, outputs[o]);
    } else {
      copies_.push_back({v, outputs[o]});
    }
  }
}

// Whether the group that computes `v` may write it over the donated `input`.
bool GraphLowerer::MayOverwrite(ir::ValueId v, ir::ValueId input) {
  const int writer = GroupOf(v);
  if (returned_.count(input) > 0) return false;  // still wanted at the end
  for (int g : readers_[input]) {
    if (g > writer) return false;
    if (g == writer && !ReadsOnlyWhereItWrites(plan_.groups[g], v, input)) return false;
  }
  return true;
}

bool GraphLowerer::ReadsOnlyWhereItWrites(const fuse::Group& group, ir::ValueId v,
                                          ir::ValueId input) {
  const GraphFacts facts{graph_, [&](ir::NodeId id) { return context_.Def(id); },
                         [&](ir::ValueId value) { return Memory(value); }};
  return lower::ReadsOnlyWhereItWrites(facts, group, v, input);
}

// Values of the arena that no later group reads: what the group may write over them it does.
void GraphLowerer::PlaceOverLastRead(const fuse::Group& group, int number) {
  std::set<ir::ValueId> taken;
  for (const auto& [v, input] : group.may_overwrite) {
    const Place& place = context_.place(input);
    if (context_.place(v).valid() || taken.count(input) > 0 || returned_.count(input) > 0) continue;
    if (!(place.offset == Dim(0)) ||
        context_.program().buffers[place.buffer].kind != kernel::BufferKind::kArena) {
      continue;
    }
    const std::vector<int>& readers = readers_[input];
    if (std::any_of(readers.begin(), readers.end(), [&](int g) { return g > number; })) continue;
    taken.insert(input);
    context_.SetPlace(v, place);
  }
}

void GraphLowerer::PlaceStored(const fuse::Group& group, kernel::BufferKind kind) {
  for (ir::ValueId v : group.stored) {
    if (context_.place(v).valid()) continue;
    const ir::TensorType& type = graph_.type(v);
    const Place place{
        context_.AddBuffer(absl::StrCat("v", v.index), type.dtype, type.NumElements())};
    context_.program().buffers[place.buffer].kind = kind;
    context_.SetPlace(v, place);
  }
}

// --- Groups

absl::Status GraphLowerer::LowerGroup(const fuse::Group& group) {
  switch (group.kind) {
    case GroupKind::kMap:
      if (!LowerOverlay(context_, group)) LowerMap(context_, group);
      return absl::OkStatus();
    case GroupKind::kReduce:
      LowerReduce(context_, group);
      return absl::OkStatus();
    case GroupKind::kContract:
      if (!contract::LowerContraction(context_, group)) LowerContractAsReduction(context_, group);
      return absl::OkStatus();
    case GroupKind::kCumulative:
      LowerCumulative(context_, group);
      return absl::OkStatus();
    case GroupKind::kScatter:
      LowerScatter(context_, group);
      return absl::OkStatus();
    case GroupKind::kSort:
      LowerSort(context_, group);
      return absl::OkStatus();
    case GroupKind::kControl:
      return LowerControl(context_, group);
  }
  return absl::OkStatus();
}

// --- Copies

void EmitCopy(LowerContext& context, const Place& from, const Place& to, ir::DType dtype,
              const Dim& size) {
  const fuse::Group none;
  KernelContext kernel(context, none, "copy");
  kernel.set_streams();
  ElementEmitter e(kernel);
  const int source = kernel.BufferParam(from, false), target = kernel.BufferParam(to, true);
  const VarId i = e.space().AddLoop(size);
  ParallelChunks(e, size, ChunkSize(size, 1, 64), [&](kernel::ValueId low, kernel::ValueId count) {
    ForTiles(e, i, low, count, LanesFor(e, size), 4, {},
             [&](const Tile& tile, std::vector<kernel::ValueId>) {
               const IndexExpr at = IndexExpr::Var(i);
               e.StoreAt(target, at, tile, e.LoadAt(source, dtype, at, tile));
               return std::vector<kernel::ValueId>();
             });
  });
  context.Launch(kernel);
}

// Outputs that are not computed in place. A source that another copy overwrites is saved first.
void GraphLowerer::EmitCopies() {
  for (Copy& copy : copies_) {
    const Place from = context_.place(copy.from);
    const bool overwritten = std::any_of(copies_.begin(), copies_.end(), [&](const Copy& other) {
      return other.to.buffer == from.buffer;
    });
    if (!overwritten) continue;
    const ir::TensorType& type = graph_.type(copy.from);
    const Place saved{context_.AddBuffer("saved", type.dtype, type.NumElements())};
    EmitCopy(context_, from, saved, type.dtype, type.NumElements());
    context_.SetPlace(copy.from, saved);
  }
  for (const Copy& copy : copies_) {
    const ir::TensorType& type = graph_.type(copy.from);
    EmitCopy(context_, context_.place(copy.from), copy.to, type.dtype, type.NumElements());
  }
}

}  // namespace tenon::lower
