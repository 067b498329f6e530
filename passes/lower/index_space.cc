#include "tenon/passes/lower/index_space.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"

namespace tenon::lower {

using ir::Dim;

ir::Dim IndexExpr::Coefficient(VarId v) const {
  auto it = terms.find(v);
  return it == terms.end() ? Dim(0) : it->second;
}

std::string IndexExpr::Key() const {
  std::string key = offset == Dim(0) ? "" : offset.ToString();
  for (const auto& [v, coefficient] : terms) {
    absl::StrAppend(&key, "+", coefficient == Dim(1) ? "" : coefficient.ToString(), "v", v);
  }
  return key;
}

IndexExpr operator+(const IndexExpr& a, const IndexExpr& b) {
  IndexExpr sum = a;
  sum.offset = sum.offset + b.offset;
  for (const auto& [v, coefficient] : b.terms) {
    auto [it, added] = sum.terms.emplace(v, coefficient);
    if (added) continue;
    it->second = it->second + coefficient;
    if (it->second == Dim(0)) sum.terms.erase(it);
  }
  return sum;
}

IndexExpr operator-(const IndexExpr& a, const IndexExpr& b) { return a + b * Dim(-1); }

IndexExpr operator*(const IndexExpr& a, const Dim& factor) {
  if (factor == Dim(1)) return a;
  IndexExpr product;
  if (factor == Dim(0)) return product;
  product.offset = a.offset * factor;
  for (const auto& [v, coefficient] : a.terms) product.terms.emplace(v, coefficient * factor);
  return product;
}

std::string Key(const ElementIndex& index) {
  std::string key;
  for (const IndexExpr& e : index) absl::StrAppend(&key, e.Key(), ",");
  return key;
}

VarId IndexSpace::AddLoop(Dim extent) {
  vars_.push_back({VarKind::kLoop, std::move(extent), {}, Dim(1)});
  return static_cast<VarId>(vars_.size()) - 1;
}

VarId IndexSpace::AddValue(Dim extent, IndexExpr depends_on) {
  vars_.push_back({VarKind::kValue, std::move(extent), std::move(depends_on), Dim(1)});
  return static_cast<VarId>(vars_.size()) - 1;
}

namespace {

// Splits e into quotient * divisor + rest by the terms that divide; both parts keep e's variables.
void SplitMultiples(const IndexExpr& e, const Dim& divisor, IndexExpr* quotient, IndexExpr* rest) {
  for (const auto& [v, coefficient] : e.terms) {
    if (std::optional<Dim> q = ExactDiv(coefficient, divisor)) {
      quotient->terms.emplace(v, *q);
    } else {
      rest->terms.emplace(v, coefficient);
    }
  }
  if (std::optional<Dim> q = ExactDiv(e.offset, divisor)) {
    quotient->offset = *q;
  } else {
    rest->offset = e.offset;
  }
}

bool IsZeroConstant(const Dim& d) { return d == Dim(0); }

}  // namespace

IndexExpr IndexSpace::Digit(const IndexExpr& e, const Dim& divisor, const Dim& modulus) {
  if (modulus == Dim(1) || IsZeroConstant(divisor) || IsZeroConstant(modulus)) return IndexExpr();
  // e = divisor * whole + part with 0 <= part < divisor: the part falls away.
  IndexExpr whole = e;
  if (!(divisor == Dim(1))) {
    IndexExpr quotient, part;
    SplitMultiples(e, divisor, &quotient, &part);
    if (!ProvablyNonNegative(part) || !ProvablyBelow(part, divisor)) {
      // A digit of a digit is a digit of what that was taken from.
      if (e.terms.size() == 1 && e.offset == Dim(0) && e.terms.begin()->second == Dim(1)) {
        const Var inner = vars_[e.terms.begin()->first];
        if (inner.kind == VarKind::kDigit && ExactDiv(inner.extent, divisor * modulus)) {
          return Digit(inner.of, inner.divisor * divisor, modulus);
        }
      }
      if (ProvablyNonNegative(e) && ProvablyBelow(e, divisor)) return IndexExpr();
      const std::string key =
          absl::StrCat(e.Key(), "/", divisor.ToString(), "%", modulus.ToString());
      auto [it, added] = digits_.emplace(key, static_cast<VarId>(vars_.size()));
      if (added) vars_.push_back({VarKind::kDigit, modulus, e, divisor});
      return IndexExpr::Var(it->second);
    }
    whole = quotient;
  }
  if (ProvablyNonNegative(whole) && ProvablyBelow(whole, modulus)) return whole;
  // whole = modulus * turns + rest with 0 <= rest < modulus: the turns fall away.
  IndexExpr turns, rest;
  SplitMultiples(whole, modulus, &turns, &rest);
  if (!turns.is_constant() || !(turns.offset == Dim(0))) {
    if (ProvablyNonNegative(rest) && ProvablyBelow(rest, modulus) && ProvablyNonNegative(turns)) {
      return rest;
    }
  }
  if (whole.terms.size() == 1 && whole.offset == Dim(0) && whole.terms.begin()->second == Dim(1)) {
    const Var inner = vars_[whole.terms.begin()->first];
    if (inner.kind == VarKind::kDigit && ExactDiv(inner.extent, modulus)) {
      return Digit(inner.of, inner.divisor, modulus);
    }
  }
  const std::string key = absl::StrCat(e.Key(), "/", divisor.ToString(), "%", modulus.ToString());
  auto [it, added] = digits_.emplace(key, static_cast<VarId>(vars_.size()));
  if (added) vars_.push_back({VarKind::kDigit, modulus, e, divisor});
  return IndexExpr::Var(it->second);
}

ElementIndex IndexSpace::Delinearize(const IndexExpr& position, const ir::Shape& shape) {
  ElementIndex index(shape.size());
  Dim divisor = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    index[i] = Digit(position, divisor, shape[i]);
    divisor = divisor * shape[i];
  }
  return index;
}

IndexExpr IndexSpace::Linearize(const ElementIndex& index, const ir::Shape& shape) {
  TENON_CHECK(index.size() == shape.size());
  IndexExpr position;
  Dim stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    position = position + index[i] * stride;
    stride = stride * shape[i];
  }
  return Fold(std::move(position));
}

IndexExpr IndexSpace::Fold(IndexExpr e) {
  while (FoldOnce(&e)) {
  }
  return e;
}

// Two neighbouring digits of one expression, with the coefficients of one number, become one.
bool IndexSpace::FoldOnce(IndexExpr* e) {
  for (const auto& [low, low_coefficient] : e->terms) {
    const Var low_var = vars_[low];
    if (low_var.kind != VarKind::kDigit) continue;
    for (const auto& [high, high_coefficient] : e->terms) {
      const Var& high_var = vars_[high];
      if (high == low || high_var.kind != VarKind::kDigit || !(high_var.of == low_var.of) ||
          !(high_var.divisor == low_var.divisor * low_var.extent) ||
          !(high_coefficient == low_coefficient * low_var.extent)) {
        continue;
      }
      const Dim coefficient = low_coefficient;
      const Dim modulus = low_var.extent * high_var.extent;
      const VarId low_id = low, high_id = high;
      e->terms.erase(low_id);
      e->terms.erase(high_id);
      *e = *e + Digit(low_var.of, low_var.divisor, modulus) * coefficient;
      return true;
    }
  }
  return false;
}

ElementIndex IndexSpace::Reshape(const ElementIndex& index, const ir::Shape& to,
                                 const ir::Shape& from) {
  if (to == from) return index;
  TENON_CHECK(index.size() == to.size());
  ElementIndex result(from.size());
  for (const Dim& d : to) {
    if (IsZeroConstant(d)) return result;  // no element, so any index
  }
  size_t i = 0, j = 0;
  while (i < to.size() || j < from.size()) {
    // The next block: dimensions [i0, i) of `to` and [j0, j) of `from` with equal products.
    const size_t i0 = i, j0 = j;
    Dim left = 1, right = 1;
    if (i < to.size()) left = to[i++];
    if (j < from.size()) right = from[j++];
    while (!(left == right) && (i < to.size() || j < from.size())) {
      const bool more_left =
          j == from.size() || (i < to.size() && (left.is_constant() && right.is_constant()
                                                     ? left.constant() < right.constant()
                                                     : ExactDiv(right, left).has_value()));
      if (more_left) {
        left = left * to[i++];
      } else {
        right = right * from[j++];
      }
    }
    const ir::Shape to_block(to.begin() + i0, to.begin() + i);
    const ir::Shape from_block(from.begin() + j0, from.begin() + j);
    const IndexExpr position =
        Linearize(ElementIndex(index.begin() + i0, index.begin() + i), to_block);
    if (from_block.size() == 1) {
      result[j0] = position;
      continue;
    }
    ElementIndex part = Delinearize(position, from_block);
    std::move(part.begin(), part.end(), result.begin() + j0);
  }
  return result;
}

IndexExpr IndexSpace::Apply(const ir::Affine& affine, const ElementIndex& iterators) {
  IndexExpr e = IndexExpr::Constant(affine.offset);
  for (const ir::Affine::Term& term : affine.terms) {
    e = e + iterators[term.iterator] * term.coefficient;
  }
  return e;
}

bool IndexSpace::ProvablyNonNegative(const IndexExpr& e) const {
  Dim least = e.offset;
  for (const auto& [v, coefficient] : e.terms) {
    if (coefficient.LowerBound().value_or(-1) >= 0) continue;
    if (coefficient.UpperBound().value_or(1) > 0) return false;
    least = least + coefficient * (vars_[v].extent - Dim(1));
  }
  return least.LowerBound().value_or(-1) >= 0;
}

bool IndexSpace::ProvablyBelow(const IndexExpr& e, const Dim& extent) const {
  Dim room = extent - Dim(1) - e.offset;
  for (const auto& [v, coefficient] : e.terms) {
    if (coefficient.UpperBound().value_or(1) <= 0) continue;
    if (coefficient.LowerBound().value_or(-1) < 0) return false;
    room = room - coefficient * (vars_[v].extent - Dim(1));
  }
  return room.LowerBound().value_or(-1) >= 0;
}

bool IndexSpace::DependsOn(const IndexExpr& e, VarId on) const {
  for (const auto& [v, coefficient] : e.terms) {
    if (v == on) return true;
    if (vars_[v].kind != VarKind::kLoop && DependsOn(vars_[v].of, on)) return true;
  }
  return false;
}

}  // namespace tenon::lower
