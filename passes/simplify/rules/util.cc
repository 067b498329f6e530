#include "tenon/passes/simplify/rules/util.h"

#include <algorithm>

#include "tenon/ir/compute.h"
#include "tenon/ir/op.h"
#include "tenon/passes/fuse/cost.h"

namespace tenon::passes::rules {

using ir::Dim;
using ir::Shape;
using ir::Value;

Value DropUnits(Match& m, Value x, const std::vector<bool>& drop) {
  Shape shape;
  bool any = false;
  for (int i = 0; i < x.rank(); ++i) {
    if (drop[i]) {
      any = true;
    } else {
      shape.push_back(x.shape()[i]);
    }
  }
  if (!any) return x;
  return Make(m, ir::OpCode::kReshape, ir::ReshapeAttrs{shape}, {x});
}

Value DropCopies(Match& m, Value v, const std::vector<bool>& drop) {
  const Value x = m.OperandOf(v);
  const std::vector<int64_t> axes = m.AttrsOf<ir::BroadcastAttrs>(v).axes;
  std::vector<int64_t> position(drop.size(), -1), left;
  Shape shape;
  for (size_t axis = 0; axis < drop.size(); ++axis) {
    if (drop[axis]) continue;
    position[axis] = static_cast<int64_t>(shape.size());
    shape.push_back(v.shape()[axis]);
  }
  std::vector<bool> units;
  for (int64_t axis : axes) {
    units.push_back(drop[axis]);
    if (!drop[axis]) left.push_back(position[axis]);
  }
  return Make(m, ir::OpCode::kBroadcast, ir::BroadcastAttrs{shape, left}, {DropUnits(m, x, units)});
}

std::optional<std::vector<int>> MatchUnits(const Shape& from, const Shape& to) {
  std::vector<int> source;
  size_t next = 0;
  for (const Dim& d : to) {
    // Extents of 1 in both are matched where they meet.
    while (next < from.size() && IsOne(from[next]) && !(from[next] == d)) ++next;
    if (next < from.size() && from[next] == d) {
      source.push_back(static_cast<int>(next++));
    } else if (IsOne(d)) {
      source.push_back(-1);
    } else {
      return std::nullopt;
    }
  }
  for (; next < from.size(); ++next) {
    if (!IsOne(from[next])) return std::nullopt;
  }
  return source;
}

std::optional<int> Waiting::Of(Value v) {
  constexpr int kMaxVisits = 128;
  if (!one_kernel_) return 0;
  const auto known = known_.find(v.id().index);
  if (known != known_.end()) return known->second;
  if (++visits_ > kMaxVisits) return std::nullopt;
  const int itself = IsSuchReduction(v) ? 1 : 0;
  int waits = 0;
  if (itself == 1 || IsMovedOrMapped(v)) {
    for (int i = 0; i < m_.NumOperandsOf(v); ++i) {
      const std::optional<int> before = Of(m_.OperandOf(v, i));
      if (!before.has_value()) return std::nullopt;
      waits = std::max(waits, *before);
    }
  }
  return known_[v.id().index] = waits + itself;
}

// The last dimensions, and not more than are gone over again.
bool Waiting::AreRowsOfOneKernel() const {
  double length = 1;
  const auto rank = static_cast<int64_t>(shape_.size());
  for (size_t i = 0; i < axes_.size(); ++i) {
    if (axes_[i] != rank - static_cast<int64_t>(axes_.size() - i)) return false;
    length *= fuse::Size(shape_[axes_[i]]);
  }
  return length <= fuse::kLongRow;
}

bool Waiting::IsSuchReduction(Value v) const {
  return m_.Is(v, ir::OpCode::kReduce) && m_.OperandOf(v).shape() == shape_ &&
         m_.AttrsOf<ir::ReduceAttrs>(v).axes == axes_;
}

bool Waiting::IsMovedOrMapped(Value v) const {
  const std::optional<ir::OpCode> op = m_.OpOf(v);
  if (!op.has_value()) return false;
  const ir::ComputeClass computes = ir::GetOpDef(*op).compute_class;
  return computes == ir::ComputeClass::kMap || computes == ir::ComputeClass::kReshape;
}

}  // namespace tenon::passes::rules
