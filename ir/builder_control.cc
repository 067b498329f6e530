// The free functions of builder.h that make regions: cond, while, scan, call.
//
// Regions are closed: what a body uses of its surroundings becomes a further operand of the op and
// a further input of each of its regions. Where an op has two regions, both take what either uses.
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/builder.h"
#include "tenon/ir/builder_operands.h"

namespace tenon::ir {
namespace {

// The builder that a control op called now belongs to: the innermost region under construction,
// since its bodies may use what stands there.
GraphBuilder* BuilderFor(const std::vector<Value>& values) {
  std::vector<Operand> operands;
  for (const Value& v : values) operands.push_back(Operand(v));
  GraphBuilder* const builder = InnermostBuilder(operands);
  return builder == nullptr ? nullptr : &builder->Innermost();
}

bool AllOk(const std::vector<Value>& values) {
  for (const Value& v : values) {
    if (v.builder() == nullptr || !v.ok()) return false;
  }
  return true;
}

std::vector<TensorType> TypesOf(const std::vector<Value>& values) {
  std::vector<TensorType> types;
  for (const Value& v : values) types.push_back(v.type());
  return types;
}

// `region` with its inputs replaced: the first `own` stay, then one for each of `captured`; those
// that the region did not capture itself are new and unused.
Graph WithCaptures(const GraphBuilder::Region& region, size_t own,
                   const std::vector<Value>& captured) {
  const Graph& old = region.graph;
  Graph graph(old.name());
  std::vector<ValueId> renamed(old.num_values());
  for (size_t i = 0; i < own; ++i) {
    const Input& in = old.inputs()[i];
    renamed[in.value.index] = graph.AddInput(in.name, in.kind, old.type(in.value));
  }
  for (size_t i = 0; i < captured.size(); ++i) {
    const ValueId id =
        graph.AddInput(absl::StrCat("cap", i), InputKind::kInput, captured[i].type());
    for (size_t j = 0; j < region.captured.size(); ++j) {
      if (region.captured[j].id() == captured[i].id()) {
        renamed[old.inputs()[own + j].value.index] = id;
      }
    }
  }
  CopyBody(old, std::move(renamed), graph);
  return graph;
}

// The values captured by either region, each once.
std::vector<Value> Union(const std::vector<Value>& a, const std::vector<Value>& b) {
  std::vector<Value> all = a;
  for (const Value& v : b) {
    bool known = false;
    for (const Value& w : a) known = known || w.id() == v.id();
    if (!known) all.push_back(v);
  }
  return all;
}

// An op of two regions over the same inputs.
std::vector<Value> ApplyTwo(GraphBuilder& builder, OpCode op, Attributes attributes,
                            std::vector<Value> operands, size_t own, GraphBuilder::Region first,
                            GraphBuilder::Region second, const SourceLocation& location) {
  const std::vector<Value> captured = Union(first.captured, second.captured);
  std::vector<Graph> regions;
  regions.push_back(WithCaptures(first, own, captured));
  regions.push_back(WithCaptures(second, own, captured));
  operands.insert(operands.end(), captured.begin(), captured.end());
  return builder.Apply(op, std::move(attributes), std::move(operands), std::move(regions),
                       location);
}

}  // namespace

std::vector<Value> Cond(Operand predicate, std::vector<Value> operands, const RegionFn& if_true,
                        const RegionFn& if_false, SourceLocation location) {
  std::vector<Value> all = operands;
  all.insert(all.begin(), predicate.value);
  GraphBuilder* const b = BuilderFor(all);
  if (b == nullptr) return {Value()};
  GraphBuilder::Region yes = b->BuildRegion("if_true", TypesOf(operands), if_true);
  GraphBuilder::Region no = b->BuildRegion("if_false", TypesOf(operands), if_false);
  if (!b->ok() || !AllOk(all)) {
    return std::vector<Value>(yes.graph.outputs().size(), Value(b, ValueId()));
  }
  return ApplyTwo(*b, OpCode::kCond, NoAttrs{}, std::move(all), operands.size(), std::move(yes),
                  std::move(no), location);
}

std::vector<Value> While(std::vector<Value> carries, const RegionFn& condition,
                         const RegionFn& body, Dim trip_count, SourceLocation location) {
  GraphBuilder* const b = BuilderFor(carries);
  const size_t n = carries.size();
  if (b == nullptr || !AllOk(carries)) return std::vector<Value>(n, Value(b, ValueId()));
  GraphBuilder::Region test = b->BuildRegion("condition", TypesOf(carries), condition);
  GraphBuilder::Region step = b->BuildRegion("body", TypesOf(carries), body);
  if (!b->ok()) return std::vector<Value>(n, Value(b, ValueId()));
  return ApplyTwo(*b, OpCode::kWhile, WhileAttrs{static_cast<int64_t>(n), std::move(trip_count)},
                  std::move(carries), n, std::move(test), std::move(step), location);
}

std::vector<Value> Scan(std::vector<Value> carries, std::vector<Value> scanned, Dim length,
                        const RegionFn& body, bool reverse, SourceLocation location) {
  std::vector<Value> operands = carries;
  operands.insert(operands.end(), scanned.begin(), scanned.end());
  GraphBuilder* const b = BuilderFor(operands);
  if (b == nullptr || !AllOk(operands)) {
    return std::vector<Value>(operands.size(), Value(b, ValueId()));
  }
  std::vector<TensorType> types = TypesOf(carries);
  for (const Value& v : scanned) {
    TensorType slice = v.type();
    if (slice.rank() == 0) {
      b->AddError(Location(location),
                  absl::StrCat("scan(", slice.ToString(), "): a scalar cannot be scanned over"));
      return std::vector<Value>(operands.size(), Value(b, ValueId()));
    }
    slice.dims.erase(slice.dims.begin());
    types.push_back(std::move(slice));
  }
  GraphBuilder::Region region = b->BuildRegion("body", types, body);
  if (!b->ok()) return std::vector<Value>(region.graph.outputs().size(), Value(b, ValueId()));
  operands.insert(operands.end(), region.captured.begin(), region.captured.end());
  ScanAttrs attrs{std::move(length), static_cast<int64_t>(carries.size()),
                  static_cast<int64_t>(scanned.size()), reverse};
  std::vector<Graph> regions;
  regions.push_back(std::move(region.graph));
  return b->Apply(OpCode::kScan, std::move(attrs), std::move(operands), std::move(regions),
                  location);
}

std::vector<Value> Call(std::string name, std::vector<Value> operands, const RegionFn& body,
                        SourceLocation location) {
  GraphBuilder* const b = BuilderFor(operands);
  if (b == nullptr) return {Value()};
  GraphBuilder::Region region = b->BuildRegion(name, TypesOf(operands), body);
  if (!b->ok() || !AllOk(operands)) {
    return std::vector<Value>(region.graph.outputs().size(), Value(b, ValueId()));
  }
  operands.insert(operands.end(), region.captured.begin(), region.captured.end());
  std::vector<Graph> regions;
  regions.push_back(std::move(region.graph));
  return b->Apply(OpCode::kCall, CallAttrs{std::move(name)}, std::move(operands),
                  std::move(regions), location);
}

}  // namespace tenon::ir
