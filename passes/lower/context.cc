#include "tenon/passes/lower/context.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tenon/ir/check.h"
#include "tenon/passes/fuse/cost.h"
#include "tenon/passes/lower/stream.h"

namespace tenon::lower {

using ir::Dim;

LowerContext::LowerContext(const ir::Graph& graph, const ir::TargetDesc& target,
                           const passes::PipelineOptions& options, kernel::Program& program)
    : graph_(graph),
      target_(target),
      options_(options),
      program_(program),
      places_(graph.num_values()),
      memory_(fuse::MemoryOfValues(graph)),
      steps_(&program.step) {
  for (uint32_t v = 0; v < memory_.size(); ++v) {
    if (memory_[v] != ir::ValueId{v}) aliases_[memory_[v]].push_back(ir::ValueId{v});
  }
}

void LowerContext::SetPlace(ir::ValueId v, const Place& place) {
  places_[v.index] = place;
  auto it = aliases_.find(v);
  if (it == aliases_.end()) return;
  for (ir::ValueId alias : it->second) places_[alias.index] = place;
}

const ir::ComputeDef* LowerContext::Def(ir::NodeId id) {
  auto it = defs_.find(id.index);
  if (it != defs_.end()) return &it->second;
  const ir::Node& node = graph_.node(id);
  const ir::OpDef& op = ir::GetOpDef(node.op);
  if (op.compute == nullptr) return nullptr;
  return &defs_.emplace(id.index, op.compute(ir::ViewOf(graph_, node))).first->second;
}

ir::ComputeClass LowerContext::Class(ir::NodeId node) const {
  return ir::GetOpDef(graph_.node(node).op).compute_class;
}

bool LowerContext::IsUniform(ir::ValueId v) {
  const ir::NodeId id = graph_.producer(v);
  if (!id.valid() || Class(id) != ir::ComputeClass::kConstant) return false;
  auto [it, added] = uniform_.emplace(v.index, false);
  if (added) it->second = IsUniformLiteral(graph_.node(id).attrs<ir::ConstantAttrs>().value);
  return it->second;
}

bool IsUniformLiteral(const ir::Literal& literal) {
  if (literal.size() == 0) return false;
  const size_t width = literal.byte_size() / literal.size();
  // Equal to itself moved by one element: all are the first.
  return std::memcmp(literal.bytes(), literal.bytes() + width, literal.byte_size() - width) == 0;
}

int32_t LowerContext::AddBuffer(std::string name, ir::DType dtype, Dim size) {
  program_.buffers.push_back({.name = std::move(name),
                              .kind = kernel::BufferKind::kArena,
                              .dtype = dtype,
                              .size = std::move(size)});
  return static_cast<int32_t>(program_.buffers.size()) - 1;
}

int32_t LowerContext::Site(const ir::Location& location) {
  for (size_t i = 0; i < program_.sites.size(); ++i) {
    const ir::Location& site = program_.sites[i];
    if (site.file == location.file && site.line == location.line) return static_cast<int32_t>(i);
  }
  program_.sites.push_back(location);
  return static_cast<int32_t>(program_.sites.size()) - 1;
}

void LowerContext::Launch(KernelContext& kernel, bool prepare) {
  kernel::Kernel finished = kernel.builder_.Finish();
  kernel::Step step;
  step.launch.kernel = static_cast<int32_t>(program_.kernels.size());
  // Parameters stand in the order of their arguments; the numbers also count locals.
  for (size_t i = 0; i < kernel.arguments_.size(); ++i) {
    const KernelContext::Argument& argument = kernel.arguments_[i];
    finished.params[i].read = argument.read;
    finished.params[i].written = argument.written;
    step.launch.args.push_back({argument.place.buffer, argument.place.offset});
  }
  for (const std::string& symbol : finished.symbols) {
    Dim dim(symbol);
    for (const kernel::Symbol& s : program_.symbols) {
      if (s.name == symbol) dim = dim.AtMost(s.bound);
    }
    step.launch.symbols.push_back(dim);
  }
  if (kernel.streams_) StreamLargeStores(program_, step.launch, target_.stream_bytes, &finished);
  program_.kernels.push_back(std::move(finished));
  (prepare ? &program_.prepare : steps_)->push_back(std::move(step));
}

KernelContext::KernelContext(LowerContext& context, const fuse::Group& group, std::string name)
    : context_(context), group_(group), builder_(std::move(name)) {
  for (ir::NodeId node : group.members) fused_.insert(node.index);
}

int KernelContext::Param(ir::ValueId value, bool written) {
  const Place& place = context_.place(value);
  TENON_CHECK(place.valid());
  return BufferParam(place, written);
}

bool KernelContext::IsLocal(int number) const {
  return std::none_of(arguments_.begin(), arguments_.end(),
                      [&](const Argument& a) { return a.number == number; });
}

double KernelContext::SizeOf(int number) const {
  for (const Argument& a : arguments_) {
    if (a.number != number) continue;
    return fuse::Size(context_.program().buffers[a.place.buffer].size);
  }
  return 0;
}

int KernelContext::BufferParam(const Place& place, bool written) {
  for (Argument& argument : arguments_) {
    if (argument.place.buffer == place.buffer && argument.place.offset == place.offset) {
      argument.written |= written;
      argument.read |= !written;
      return argument.number;
    }
  }
  const kernel::Buffer& buffer = context_.program().buffers[place.buffer];
  const int number = builder_.AddParam({.name = buffer.name, .dtype = buffer.dtype});
  arguments_.push_back({place, number, !written, written});
  return number;
}

}  // namespace tenon::lower
