// Dimensions of tensors: 64-bit constants, or expressions over named, bounded symbols.
//
// A Dim is an integer polynomial over atoms, kept in a canonical form so that equal expressions are
// equal values. An atom is a symbol (`n`, with 0 <= n <= bound) or a floor division of a Dim by a
// positive constant. A Dim knows the bounds of its symbols, so it needs no context to state its own
// bound: memory is planned for that, loops run to the value that the extents of a run give.
//
//   Dim n = Dim("n").AtMost(64);
//   (n * 12 + 1).UpperBound()                      // 769
//   (n * 12 + 1).Evaluate({{"n", 7}})              // 85
#ifndef TENON_IR_DIM_H_
#define TENON_IR_DIM_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tenon::ir {

// Values of symbols for one run, or for one instantiation.
using Extents = std::map<std::string, int64_t, std::less<>>;

class Dim {
 public:
  // The bound of a symbol that names no bound yet; a builder fills it in from the graph's symbols.
  static constexpr int64_t kUnbounded = -1;

  Dim(int64_t constant = 0) : constant_(constant) {}  // NOLINT: constants convert silently
  Dim(int constant) : constant_(constant) {}          // NOLINT
  // The symbol `name`, without a bound until AtMost gives one.
  explicit Dim(absl::string_view symbol);
  explicit Dim(const char* symbol) : Dim(absl::string_view(symbol)) {}

  // The same symbol with a bound. Only for a Dim that is one symbol.
  Dim AtMost(int64_t bound) const;

  bool is_constant() const { return terms_.empty(); }
  // The value of a constant Dim.
  int64_t constant() const;
  // The name when this Dim is exactly one symbol.
  std::optional<std::string> AsSymbol() const;

  // The largest and smallest value over all allowed extents (by interval arithmetic, so possibly
  // wider than reached); nullopt on overflow of 64 bits or an unbounded symbol.
  std::optional<int64_t> UpperBound() const;
  std::optional<int64_t> LowerBound() const;

  // The value for given extents. Errors: a symbol without a value, a value outside its bound,
  // overflow.
  absl::StatusOr<int64_t> Evaluate(const Extents& extents) const;

  // Calls `visit(name, bound)` for every occurrence of a symbol.
  void VisitSymbols(const std::function<void(const std::string&, int64_t)>& visit) const;
  // Replaces each symbol by what `replacement` returns (nullopt keeps it).
  Dim Substitute(
      const std::function<std::optional<Dim>(const std::string&, int64_t)>& replacement) const;

  // "64", "n", "n*12+1", "floor((n+3)/2)"; with_bounds writes "n<=64" where the Dim is one symbol.
  std::string ToString(bool with_bounds = false) const;

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  // Floor division by a positive constant; exact divisions of every coefficient are carried out.
  friend Dim FloorDiv(const Dim& a, int64_t divisor);
  // a / b where b divides a as a polynomial (constants, or one monomial); nullopt otherwise.
  friend std::optional<Dim> ExactDiv(const Dim& a, const Dim& b);

  bool operator==(const Dim& other) const;
  // A total order without meaning, for canonical forms and maps.
  bool operator<(const Dim& other) const;

  template <typename H>
  friend H AbslHashValue(H h, const Dim& d) {
    return H::combine(std::move(h), d.ToString());
  }

  // The parts of the polynomial, for those that lower or print it: constant + sum of terms.
  struct Atom;
  struct Term {
    int64_t coefficient;
    std::vector<Atom> factors;  // sorted, at least one
  };
  struct Atom {
    std::string symbol;           // empty for a floor division
    int64_t bound = kUnbounded;   // of the symbol
    std::vector<Term> numerator;  // of a floor division: (numerator + numerator_constant) / divisor
    int64_t numerator_constant = 0;
    int64_t divisor = 1;

    Dim Numerator() const;
  };
  const std::vector<Term>& terms() const { return terms_; }
  int64_t constant_term() const { return constant_; }

 private:
  static Dim FromTerms(int64_t constant, std::vector<Term> terms);

  int64_t constant_ = 0;
  std::vector<Term> terms_;  // sorted by factors, coefficients not zero
};

Dim FloorDiv(const Dim& a, int64_t divisor);
std::optional<Dim> ExactDiv(const Dim& a, const Dim& b);

// The product of dims: the element count of a shape.
Dim Product(const std::vector<Dim>& dims);

}  // namespace tenon::ir

#endif  // TENON_IR_DIM_H_
