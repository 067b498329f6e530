// What several rules share.
#ifndef TENON_PASSES_SIMPLIFY_RULES_UTIL_H_
#define TENON_PASSES_SIMPLIFY_RULES_UTIL_H_

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tenon/passes/simplify/rules.h"

namespace tenon::passes::rules {

// The (first) result of a new op.
inline ir::Value Make(Match& m, ir::OpCode op, ir::Attributes attributes,
                      std::vector<ir::Value> operands) {
  return m.builder().Apply(op, std::move(attributes), std::move(operands))[0];
}
inline ir::Value Make(Match& m, ir::OpCode op, std::vector<ir::Value> operands) {
  return Make(m, op, ir::NoAttrs{}, std::move(operands));
}
// `number` in every element of `type`.
inline ir::Value Full(Match& m, const ir::TensorType& type, double number) {
  return m.builder().Full(type, number);
}
inline bool Same(ir::Value a, ir::Value b) { return a.id() == b.id(); }
inline bool IsFloat(const ir::TensorType& type) { return ir::IsFloat(type.dtype); }
inline bool IsOne(const ir::Dim& d) { return d.is_constant() && d.constant() == 1; }
inline bool IsZero(const ir::Dim& d) { return d.is_constant() && d.constant() == 0; }
// At least one for every allowed extent.
inline bool IsPositive(const ir::Dim& d) {
  const std::optional<int64_t> low = d.LowerBound();
  return low.has_value() && *low >= 1;
}
inline bool AtLeastStandard(const Match& m) { return m.numerics() >= Numerics::kStandard; }

inline bool Contains(const std::vector<int64_t>& axes, int64_t axis) {
  return std::binary_search(axes.begin(), axes.end(), axis);
}

// `x` with the dimensions in `drop` (all of extent 1) taken out: a reshape, or x itself.
ir::Value DropUnits(Match& m, ir::Value x, const std::vector<bool>& drop);
// The broadcast `v` without the dimensions in `drop`, along all of which it holds copies.
ir::Value DropCopies(Match& m, ir::Value v, const std::vector<bool>& drop);
// For `to` = `from` with extents of 1 added and taken away only: for each dimension of `to` that of
// `from` which it is, -1 for added ones; nullopt if it is something else.
std::optional<std::vector<int>> MatchUnits(const ir::Shape& from, const ir::Shape& to);

// How many reductions of a shape along some axes a value waits for, one behind the other: one
// kernel computes them all, and goes over its rows once for each. Where no kernel would, it waits
// for none.
class Waiting {
 public:
  Waiting(Match& m, ir::Shape shape, std::vector<int64_t> axes)
      : m_(m),
        shape_(std::move(shape)),
        axes_(std::move(axes)),
        one_kernel_(AreRowsOfOneKernel()) {}

  // Nullopt where too much has to be looked at.
  std::optional<int> Of(ir::Value v);

 private:
  bool AreRowsOfOneKernel() const;
  bool IsSuchReduction(ir::Value v) const;
  bool IsMovedOrMapped(ir::Value v) const;

  Match& m_;
  const ir::Shape shape_;
  const std::vector<int64_t> axes_;
  const bool one_kernel_;
  int visits_ = 0;
  absl::flat_hash_map<uint32_t, int> known_;
};

}  // namespace tenon::passes::rules

#endif  // TENON_PASSES_SIMPLIFY_RULES_UTIL_H_
