#include "tenon/ir/dim.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"

namespace tenon::ir {
namespace {

using Atom = Dim::Atom;
using Term = Dim::Term;

// A three-way comparison of atoms, terms and lists of them, by content.
int Compare(const std::vector<Term>& a, const std::vector<Term>& b);

int Sign(int64_t a, int64_t b) { return a < b ? -1 : (a > b ? 1 : 0); }

int Compare(const Atom& a, const Atom& b) {
  if (int c = a.symbol.compare(b.symbol); c != 0) return c;
  if (int c = Sign(a.bound, b.bound); c != 0) return c;
  if (int c = Sign(a.divisor, b.divisor); c != 0) return c;
  if (int c = Sign(a.numerator_constant, b.numerator_constant); c != 0) return c;
  return Compare(a.numerator, b.numerator);
}

int CompareFactors(const std::vector<Atom>& a, const std::vector<Atom>& b) {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (int c = Compare(a[i], b[i]); c != 0) return c;
  }
  return Sign(static_cast<int64_t>(a.size()), static_cast<int64_t>(b.size()));
}

int Compare(const std::vector<Term>& a, const std::vector<Term>& b) {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (int c = CompareFactors(a[i].factors, b[i].factors); c != 0) return c;
    if (int c = Sign(a[i].coefficient, b[i].coefficient); c != 0) return c;
  }
  return Sign(static_cast<int64_t>(a.size()), static_cast<int64_t>(b.size()));
}

// Arithmetic of constants while building wraps: an overflowing Dim is caught where it is bounded or
// evaluated, both of which check.
int64_t WrapAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t WrapMul(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

int64_t FloorDivide(int64_t a, int64_t b) {
  const int64_t q = a / b;
  return q * b > a ? q - 1 : q;
}

using Interval = std::optional<std::pair<int64_t, int64_t>>;

Interval MulIntervals(const Interval& a, const Interval& b) {
  if (!a || !b) return std::nullopt;
  int64_t low = std::numeric_limits<int64_t>::max();
  int64_t high = std::numeric_limits<int64_t>::min();
  for (int64_t x : {a->first, a->second}) {
    for (int64_t y : {b->first, b->second}) {
      int64_t product;
      if (__builtin_mul_overflow(x, y, &product)) return std::nullopt;
      low = std::min(low, product);
      high = std::max(high, product);
    }
  }
  return std::make_pair(low, high);
}

Interval AddIntervals(const Interval& a, const Interval& b) {
  if (!a || !b) return std::nullopt;
  int64_t low, high;
  if (__builtin_add_overflow(a->first, b->first, &low)) return std::nullopt;
  if (__builtin_add_overflow(a->second, b->second, &high)) return std::nullopt;
  return std::make_pair(low, high);
}

Interval Bounds(int64_t constant, const std::vector<Term>& terms) {
  Interval sum = std::make_pair(constant, constant);
  for (const Term& term : terms) {
    Interval product = std::make_pair(term.coefficient, term.coefficient);
    for (const Atom& atom : term.factors) {
      Interval range;
      if (!atom.symbol.empty()) {
        if (atom.bound != Dim::kUnbounded) range = std::make_pair(int64_t{0}, atom.bound);
      } else if (Interval n = Bounds(atom.numerator_constant, atom.numerator)) {
        range = std::make_pair(FloorDivide(n->first, atom.divisor),
                               FloorDivide(n->second, atom.divisor));
      }
      product = MulIntervals(product, range);
    }
    sum = AddIntervals(sum, product);
  }
  return sum;
}

std::string AtomToString(const Atom& atom) {
  if (!atom.symbol.empty()) return atom.symbol;
  return absl::StrCat("floor((", atom.Numerator().ToString(), ")/", atom.divisor, ")");
}

}  // namespace

Dim::Dim(absl::string_view symbol) {
  Atom atom;
  atom.symbol = std::string(symbol);
  terms_.push_back({1, {std::move(atom)}});
}

Dim Dim::AtMost(int64_t bound) const {
  TENON_CHECK(AsSymbol().has_value());
  Dim result = *this;
  result.terms_[0].factors[0].bound = bound;
  return result;
}

int64_t Dim::constant() const {
  TENON_CHECK(is_constant());
  return constant_;
}

std::optional<std::string> Dim::AsSymbol() const {
  if (constant_ != 0 || terms_.size() != 1 || terms_[0].coefficient != 1) return std::nullopt;
  const auto& factors = terms_[0].factors;
  if (factors.size() != 1 || factors[0].symbol.empty()) return std::nullopt;
  return factors[0].symbol;
}

Dim Dim::Atom::Numerator() const { return Dim::FromTerms(numerator_constant, numerator); }

Dim Dim::FromTerms(int64_t constant, std::vector<Term> terms) {
  Dim result(constant);
  std::sort(terms.begin(), terms.end(),
            [](const Term& a, const Term& b) { return CompareFactors(a.factors, b.factors) < 0; });
  for (Term& term : terms) {
    if (term.factors.empty()) {
      result.constant_ = WrapAdd(result.constant_, term.coefficient);
    } else if (!result.terms_.empty() &&
               CompareFactors(result.terms_.back().factors, term.factors) == 0) {
      Term& last = result.terms_.back();
      last.coefficient = WrapAdd(last.coefficient, term.coefficient);
      if (last.coefficient == 0) result.terms_.pop_back();
    } else if (term.coefficient != 0) {
      result.terms_.push_back(std::move(term));
    }
  }
  return result;
}

std::optional<int64_t> Dim::UpperBound() const {
  const Interval bounds = Bounds(constant_, terms_);
  if (!bounds) return std::nullopt;
  return bounds->second;
}

std::optional<int64_t> Dim::LowerBound() const {
  const Interval bounds = Bounds(constant_, terms_);
  if (!bounds) return std::nullopt;
  return bounds->first;
}

absl::StatusOr<int64_t> Dim::Evaluate(const Extents& extents) const {
  auto overflow = [this] {
    return absl::OutOfRangeError(absl::StrCat("dimension ", ToString(), " overflows 64 bits"));
  };
  int64_t sum = constant_;
  for (const Term& term : terms_) {
    int64_t product = term.coefficient;
    for (const Atom& atom : term.factors) {
      int64_t value;
      if (atom.symbol.empty()) {
        TENON_ASSIGN_OR_RETURN(const int64_t numerator, atom.Numerator().Evaluate(extents));
        value = FloorDivide(numerator, atom.divisor);
      } else {
        const auto it = extents.find(atom.symbol);
        if (it == extents.end()) {
          return absl::InvalidArgumentError(
              absl::StrCat("no extent is given for symbol '", atom.symbol, "'"));
        }
        value = it->second;
        if (value < 0 || (atom.bound != kUnbounded && value > atom.bound)) {
          return absl::OutOfRangeError(absl::StrCat("extent ", value, " of symbol '", atom.symbol,
                                                    "' is outside 0 to ", atom.bound));
        }
      }
      if (__builtin_mul_overflow(product, value, &product)) return overflow();
    }
    if (__builtin_add_overflow(sum, product, &sum)) return overflow();
  }
  return sum;
}

void Dim::VisitSymbols(const std::function<void(const std::string&, int64_t)>& visit) const {
  for (const Term& term : terms_) {
    for (const Atom& atom : term.factors) {
      if (atom.symbol.empty()) {
        atom.Numerator().VisitSymbols(visit);
      } else {
        visit(atom.symbol, atom.bound);
      }
    }
  }
}

Dim Dim::Substitute(
    const std::function<std::optional<Dim>(const std::string&, int64_t)>& replacement) const {
  Dim sum(constant_);
  for (const Term& term : terms_) {
    Dim product(term.coefficient);
    for (const Atom& atom : term.factors) {
      if (atom.symbol.empty()) {
        product = product * FloorDiv(atom.Numerator().Substitute(replacement), atom.divisor);
      } else if (std::optional<Dim> d = replacement(atom.symbol, atom.bound)) {
        product = product * *d;
      } else {
        product = product * FromTerms(0, {{1, {atom}}});
      }
    }
    sum = sum + product;
  }
  return sum;
}

std::string Dim::ToString(bool with_bounds) const {
  if (is_constant()) return absl::StrCat(constant_);
  if (with_bounds && AsSymbol()) {
    const Atom& atom = terms_[0].factors[0];
    return atom.bound == kUnbounded ? atom.symbol : absl::StrCat(atom.symbol, "<=", atom.bound);
  }
  std::string out;
  for (const Term& term : terms_) {
    std::string factors;
    for (const Atom& atom : term.factors) {
      absl::StrAppend(&factors, factors.empty() ? "" : "*", AtomToString(atom));
    }
    const bool negative = term.coefficient < 0;
    if (!out.empty() || negative) absl::StrAppend(&out, negative ? "-" : "+");
    absl::StrAppend(&out, factors);
    const uint64_t magnitude = negative ? 0 - static_cast<uint64_t>(term.coefficient)
                                        : static_cast<uint64_t>(term.coefficient);
    if (magnitude != 1) absl::StrAppend(&out, "*", magnitude);
  }
  if (constant_ > 0) absl::StrAppend(&out, "+", constant_);
  if (constant_ < 0) absl::StrAppend(&out, constant_);
  return out;
}

Dim operator+(const Dim& a, const Dim& b) {
  const int64_t constant = WrapAdd(a.constant_, b.constant_);
  if (a.is_constant() && b.is_constant()) return Dim(constant);
  std::vector<Term> terms = a.terms_;
  terms.insert(terms.end(), b.terms_.begin(), b.terms_.end());
  return Dim::FromTerms(constant, std::move(terms));
}

Dim operator-(const Dim& a, const Dim& b) { return a + b * Dim(-1); }

Dim operator*(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) return Dim(WrapMul(a.constant_, b.constant_));
  std::vector<Term> left = a.terms_, right = b.terms_;
  left.push_back({a.constant_, {}});
  right.push_back({b.constant_, {}});
  std::vector<Term> terms;
  for (const Term& x : left) {
    for (const Term& y : right) {
      Term product{WrapMul(x.coefficient, y.coefficient), x.factors};
      product.factors.insert(product.factors.end(), y.factors.begin(), y.factors.end());
      std::sort(product.factors.begin(), product.factors.end(),
                [](const Atom& p, const Atom& q) { return Compare(p, q) < 0; });
      if (product.coefficient != 0) terms.push_back(std::move(product));
    }
  }
  return Dim::FromTerms(0, std::move(terms));
}

Dim FloorDiv(const Dim& a, int64_t divisor) {
  TENON_CHECK(divisor > 0);
  if (divisor == 1) return a;
  if (a.is_constant()) return Dim(FloorDivide(a.constant_, divisor));
  // What divides exactly leaves the floor: floor((d*p + q) / d) = p + floor(q / d).
  std::vector<Term> whole, rest;
  for (const Term& term : a.terms_) {
    if (term.coefficient % divisor == 0) {
      whole.push_back({term.coefficient / divisor, term.factors});
    } else {
      rest.push_back(term);
    }
  }
  const int64_t whole_constant = FloorDivide(a.constant_, divisor);
  const int64_t rest_constant = a.constant_ - whole_constant * divisor;
  const Dim outside = Dim::FromTerms(whole_constant, std::move(whole));
  if (rest.empty()) return outside;  // 0 <= rest_constant < divisor
  Atom atom;
  atom.numerator = std::move(rest);
  atom.numerator_constant = rest_constant;
  atom.divisor = divisor;
  return outside + Dim::FromTerms(0, {{1, {std::move(atom)}}});
}

std::optional<Dim> ExactDiv(const Dim& a, const Dim& b) {
  if (a == b && !(b == Dim(0))) return Dim(1);
  const bool one_term = b.terms_.size() == 1 && b.constant_ == 0;
  if (!b.is_constant() && !one_term) return std::nullopt;
  const int64_t divisor = b.is_constant() ? b.constant_ : b.terms_[0].coefficient;
  if (divisor == 0) return std::nullopt;
  std::vector<Term> dividend = a.terms_;
  if (a.constant_ != 0) dividend.push_back({a.constant_, {}});
  std::vector<Term> quotient;
  for (const Term& term : dividend) {
    if (term.coefficient % divisor != 0) return std::nullopt;
    Term left{term.coefficient / divisor, term.factors};
    if (one_term) {
      for (const Atom& atom : b.terms_[0].factors) {
        auto it = std::find_if(left.factors.begin(), left.factors.end(),
                               [&](const Atom& x) { return Compare(x, atom) == 0; });
        if (it == left.factors.end()) return std::nullopt;
        left.factors.erase(it);
      }
    }
    quotient.push_back(std::move(left));
  }
  return Dim::FromTerms(0, std::move(quotient));
}

bool Dim::operator==(const Dim& other) const {
  return constant_ == other.constant_ && Compare(terms_, other.terms_) == 0;
}

bool Dim::operator<(const Dim& other) const {
  if (constant_ != other.constant_) return constant_ < other.constant_;
  return Compare(terms_, other.terms_) < 0;
}

Dim Product(const std::vector<Dim>& dims) {
  Dim product(1);
  for (const Dim& d : dims) product = product * d;
  return product;
}

}  // namespace tenon::ir
