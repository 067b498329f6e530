// Symbolic indices: affine expressions over loop variables, closed under every index map of a
// graph.
//
// Lowering never writes address arithmetic by hand. It names the loops of a nest as variables,
// follows index maps symbolically from what is computed to what is read, and turns only the final
// linear positions into kernel code. So a chain of broadcasts, transposes, slices and reshapes
// costs one affine address, and collapsing loops needs no special case anywhere.
//
// What is not affine stays symbolic too: (e / divisor) mod modulus is a variable of its own, a
// "digit" of e. Linearize puts digits of one expression together again wherever their coefficients
// are those of the mixed-radix number that they came from: a reshape's divisions vanish when the
// tensor on the other side is compact.
//
// In: extents of loops, ComputeDefs' affine maps. Out: IndexExpr, which lower/element.h turns into
// kernel values.
#ifndef TENON_PASSES_LOWER_INDEX_SPACE_H_
#define TENON_PASSES_LOWER_INDEX_SPACE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tenon/ir/compute.h"
#include "tenon/ir/dim.h"
#include "tenon/ir/type.h"

namespace tenon::lower {

using VarId = int32_t;

// offset + sum of coefficient * variable; no coefficient is zero.
struct IndexExpr {
  ir::Dim offset = 0;
  std::map<VarId, ir::Dim> terms;

  static IndexExpr Constant(ir::Dim value) { return {std::move(value), {}}; }
  static IndexExpr Var(VarId v) { return {ir::Dim(0), {{v, ir::Dim(1)}}}; }

  bool is_constant() const { return terms.empty(); }
  // Zero when `v` does not occur.
  ir::Dim Coefficient(VarId v) const;
  bool operator==(const IndexExpr& other) const {
    return offset == other.offset && terms == other.terms;
  }
  // A canonical spelling: the key of memo tables.
  std::string Key() const;
};
IndexExpr operator+(const IndexExpr& a, const IndexExpr& b);
IndexExpr operator-(const IndexExpr& a, const IndexExpr& b);
IndexExpr operator*(const IndexExpr& a, const ir::Dim& factor);

// One expression a dimension of a value.
using ElementIndex = std::vector<IndexExpr>;
std::string Key(const ElementIndex& index);

class IndexSpace {
 public:
  enum class VarKind : uint8_t {
    kLoop,   // a loop's counter
    kDigit,  // (of / divisor) mod modulus
    kValue,  // an integer known to the kernel alone: what an indirect access read
  };
  struct Var {
    VarKind kind = VarKind::kLoop;
    ir::Dim extent;  // values are 0 .. extent - 1
    IndexExpr of;    // of a digit; of a value, any expression that depends on what it depends on
    ir::Dim divisor = 1;
  };

  VarId AddLoop(ir::Dim extent);
  // `depends_on` names (by its terms) the variables that the value changes with.
  VarId AddValue(ir::Dim extent, IndexExpr depends_on);
  const Var& var(VarId v) const { return vars_[v]; }

  // (e / divisor) mod modulus of a non-negative `e`; equal requests give equal variables. Affine
  // where that can be shown.
  IndexExpr Digit(const IndexExpr& e, const ir::Dim& divisor, const ir::Dim& modulus);
  // The index of element number `position` of a tensor of this shape.
  ElementIndex Delinearize(const IndexExpr& position, const ir::Shape& shape);
  // The number of an element in row-major order, digits put together where possible.
  IndexExpr Linearize(const ElementIndex& index, const ir::Shape& shape);
  // The index into `from` of the element that stands at `index` in `to`: the same element count in
  // the same order. Works on the smallest blocks of dimensions that multiply to the same.
  ElementIndex Reshape(const ElementIndex& index, const ir::Shape& to, const ir::Shape& from);
  // An affine map of a ComputeDef, its divisor left aside.
  static IndexExpr Apply(const ir::Affine& affine, const ElementIndex& iterators);

  // Whether 0 <= e, e < extent can be shown for all values of the variables. Only loops that run
  // matter: an extent of zero proves anything.
  bool ProvablyNonNegative(const IndexExpr& e) const;
  bool ProvablyBelow(const IndexExpr& e, const ir::Dim& extent) const;

  // Whether `v`, or a digit in it, depends on `on`.
  bool DependsOn(const IndexExpr& e, VarId on) const;

 private:
  IndexExpr Fold(IndexExpr e);
  bool FoldOnce(IndexExpr* e);

  std::vector<Var> vars_;
  std::map<std::string, VarId> digits_;
};

}  // namespace tenon::lower

#endif  // TENON_PASSES_LOWER_INDEX_SPACE_H_
