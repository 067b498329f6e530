#include "tenon/passes/simplify/rules/util.h"

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

}  // namespace tenon::passes::rules
