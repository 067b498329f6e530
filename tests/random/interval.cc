#include "tests/random/interval.h"

#include <algorithm>

#include "tenon/ir/roundoff.h"
#include "tenon/ir/scalar.h"

namespace tenon::tests {

using ir::DType;
using ir::ScalarOp;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kExactIntegers = 0x1p53;

double Largest(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return std::numeric_limits<float>::max();
    case DType::kF64:
      return std::numeric_limits<double>::max();
    case DType::kBF16:
      return 0x1.fep127;
    case DType::kF16:
      return 65504;
    case DType::kI8:
      return 127;
    case DType::kU8:
      return 255;
    case DType::kI32:
      return 0x7fffffff;
    case DType::kI64:
      return kExactIntegers;
    case DType::kBool:
      return 1;
  }
  return 0;
}

double Lowest(DType dtype) {
  if (ir::IsFloat(dtype) || dtype == DType::kI64) return -Largest(dtype);
  return ir::IsSigned(dtype) ? -Largest(dtype) - 1 : 0;
}

double SmallestDenormal(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return 0x1p-1074;
    case DType::kF16:
      return 0x1p-24;
    case DType::kBF16:
      return 0x1p-133;
    default:
      return 0x1p-149;
  }
}

bool HoldsZero(const Interval& x) { return x.low <= 0 && x.high >= 0; }
bool MayBeInfinite(const Interval& x) { return x.high == kInfinity || x.low == -kInfinity; }

Interval Corners(double a, double b, double c, double d, bool nan) {
  if (std::isnan(a) || std::isnan(b) || std::isnan(c) || std::isnan(d)) {
    return Interval::Anything();
  }
  return {std::min({a, b, c, d}), std::max({a, b, c, d}), nan};
}

Interval Add(const Interval& a, const Interval& b) {
  const double low = a.low + b.low, high = a.high + b.high;
  const bool opposed =
      (a.high == kInfinity && b.low == -kInfinity) || (a.low == -kInfinity && b.high == kInfinity);
  if (opposed || std::isnan(low) || std::isnan(high)) return Interval::Anything();
  return {low, high, a.nan || b.nan};
}

Interval Negate(const Interval& a) { return {-a.high, -a.low, a.nan}; }

Interval Multiply(const Interval& a, const Interval& b) {
  if ((HoldsZero(a) && MayBeInfinite(b)) || (HoldsZero(b) && MayBeInfinite(a))) {
    return Interval::Anything();
  }
  return Corners(a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high, a.nan || b.nan);
}

Interval Divide(const Interval& a, const Interval& b) {
  if (HoldsZero(b) || (MayBeInfinite(a) && MayBeInfinite(b))) return Interval::Anything();
  return Corners(a.low / b.low, a.low / b.high, a.high / b.low, a.high / b.high, a.nan || b.nan);
}

// A function that rises; NaN outside of `domain_low` and up.
template <typename F>
Interval Rising(const Interval& x, F&& f, double domain_low = -kInfinity) {
  if (x.low < domain_low || x.nan) return Interval::Anything();
  return {f(x.low), f(x.high), false};
}

// Sine or cosine, both of slope at most 1: the value at the middle, give or take the radius.
template <typename F>
Interval Wave(const Interval& x, F&& f) {
  if (x.nan || MayBeInfinite(x)) return Interval::Anything();
  const double middle = x.low / 2 + x.high / 2;
  const double radius = (x.high - x.low) / 2 + x.magnitude() * 0x1p-52;
  const double v = f(middle);
  return {std::max(v - radius, -1.0), std::min(v + radius, 1.0), false};
}

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

Interval Power(const Interval& a, const Interval& b) {
  if (a.point() && b.point()) return Interval::Point(std::pow(a.low, b.low));
  if (a.low <= 0 || a.nan || b.nan || MayBeInfinite(a) || MayBeInfinite(b)) {
    return Interval::Anything();
  }
  // Monotone in each argument for the other one fixed.
  return Corners(std::pow(a.low, b.low), std::pow(a.low, b.high), std::pow(a.high, b.low),
                 std::pow(a.high, b.high), false);
}

Interval Compare(ScalarOp op, const Interval& a, const Interval& b) {
  const bool nan = a.nan || b.nan;  // all are false then, but for ne
  const bool may_be_equal = a.low <= b.high && b.low <= a.high;
  const bool must_be_equal = a.low == a.high && b.low == b.high && a.low == b.low && !nan;
  const bool may_be_less = a.low<b.high, may_be_more = a.high> b.low;
  switch (op) {
    case ScalarOp::kEq:
      return Interval::Bool(!must_be_equal, may_be_equal);
    case ScalarOp::kNe:
      return Interval::Bool(may_be_equal, !must_be_equal);
    case ScalarOp::kLt:
      return Interval::Bool(nan || a.high >= b.low, may_be_less);
    case ScalarOp::kLe:
      return Interval::Bool(nan || a.high > b.low, a.low <= b.high);
    case ScalarOp::kGt:
      return Interval::Bool(nan || a.low <= b.high, may_be_more);
    default:
      return Interval::Bool(nan || a.low < b.high, a.high >= b.low);
  }
}

Interval Cast(DType from, DType to, const Interval& x) {
  if (to == DType::kBool) {
    return Interval::Bool(HoldsZero(x), x.nan || x.low != 0 || x.high != 0);
  }
  if (ir::IsFloat(to)) {
    const bool wider = ir::IsFloat(from) && ir::ByteSize(from) < ir::ByteSize(to);
    const bool small = !ir::IsFloat(from) && x.magnitude() <= 1 / ir::UnitRoundoff(to);
    return from == to || wider || small ? x : Widen(x, kOpUnits, x.magnitude(), to);
  }
  if (!ir::IsFloat(from)) {
    const bool fits = x.low >= Lowest(to) && x.high <= Largest(to);
    return fits ? x : Interval{Lowest(to), Largest(to), false};  // wraps
  }
  Interval out = {std::clamp(std::trunc(x.low), Lowest(to), Largest(to)),
                  std::clamp(std::trunc(x.high), Lowest(to), Largest(to)), false};
  return x.nan ? Hull(out, Interval::Point(0)) : out;
}

// Integers and bool from points: their own arithmetic, to the bit.
Interval OnPoints(ScalarOp op, DType operand, DType result, const Interval* args) {
  ir::ScalarValue values[3];
  const int arity = ir::ScalarOpArity(op);
  for (int i = 0; i < arity; ++i) {
    const bool condition = op == ScalarOp::kSelect && i == 0;
    values[i] = ir::ScalarValue::FromDouble(condition ? DType::kBool : operand, args[i].low);
  }
  const double v = ir::EvalScalarOp(op, result, true, values).ToDouble();
  return std::fabs(v) <= kExactIntegers ? Interval::Point(v) : Interval::Anything();
}

Interval Arithmetic(ScalarOp op, DType dtype, const Interval* args) {
  const Interval &a = args[0], &b = args[1];
  auto widened = [&](const Interval& x) { return Widen(x, kOpUnits, x.magnitude(), dtype); };
  switch (op) {
    case ScalarOp::kAdd:
      return widened(Add(a, b));
    case ScalarOp::kSub:
      return widened(Add(a, Negate(b)));
    case ScalarOp::kMul:
      return widened(Multiply(a, b));
    case ScalarOp::kDiv:
      return ir::IsFloat(dtype) ? widened(Divide(a, b)) : Interval::Anything();
    case ScalarOp::kFma: {
      const Interval product = widened(Multiply(a, b));
      return widened(Add(product, args[2]));
    }
    case ScalarOp::kMax:
      return {std::fmax(a.low, b.low), std::fmax(a.high, b.high), a.nan || b.nan};
    case ScalarOp::kMin:
      return {std::fmin(a.low, b.low), std::fmin(a.high, b.high), a.nan || b.nan};
    case ScalarOp::kNeg:
      return Negate(a);
    case ScalarOp::kAbs: {
      const double low = HoldsZero(a) ? 0 : std::fmin(std::fabs(a.low), std::fabs(a.high));
      return {low, a.magnitude(), a.nan};
    }
    default:
      return Interval::Anything();
  }
}

Interval Function(ScalarOp op, DType dtype, const Interval& x) {
  auto widened = [&](const Interval& y) { return Widen(y, kFunctionUnits, y.magnitude(), dtype); };
  switch (op) {
    case ScalarOp::kFloor:
      return {std::floor(x.low), std::floor(x.high), x.nan};
    case ScalarOp::kCeil:
      return {std::ceil(x.low), std::ceil(x.high), x.nan};
    case ScalarOp::kRound:
      return {std::nearbyint(x.low), std::nearbyint(x.high), x.nan};
    case ScalarOp::kTrunc:
      return {std::trunc(x.low), std::trunc(x.high), x.nan};
    case ScalarOp::kSign: {
      auto sign = [](double v) { return v > 0 ? 1.0 : v < 0 ? -1.0 : 0.0; };
      return {sign(x.low), sign(x.high), x.nan};
    }
    case ScalarOp::kSqrt:
      return widened(Rising(
          x, [](double v) { return std::sqrt(v); }, 0));
    case ScalarOp::kExp:
      return widened(Rising(x, [](double v) { return std::exp(v); }));
    case ScalarOp::kExpm1:
      return widened(Rising(x, [](double v) { return std::expm1(v); }));
    case ScalarOp::kLog:
      return widened(Rising(
          x, [](double v) { return std::log(v); }, 0));
    case ScalarOp::kLog1p:
      return widened(Rising(
          x, [](double v) { return std::log1p(v); }, -1));
    case ScalarOp::kTanh:
      return widened(Rising(x, [](double v) { return std::tanh(v); }));
    case ScalarOp::kSigmoid:
      return widened(Rising(x, Sigmoid));
    case ScalarOp::kErf:
      return widened(Rising(x, [](double v) { return std::erf(v); }));
    case ScalarOp::kRsqrt:
      return widened(Negate(Rising(
          x, [](double v) { return -1 / std::sqrt(std::fabs(v)); }, 0)));
    case ScalarOp::kSin:
      return widened(Wave(x, [](double v) { return std::sin(v); }));
    case ScalarOp::kCos:
      return widened(Wave(x, [](double v) { return std::cos(v); }));
    default:
      return Interval::Anything();
  }
}

}  // namespace

Interval Hull(const Interval& a, const Interval& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high), a.nan || b.nan};
}

Interval Widen(const Interval& x, double units, double magnitude, DType dtype) {
  if (!ir::IsFloat(dtype)) {
    return x.low >= Lowest(dtype) && x.high <= Largest(dtype) ? x : Interval::Anything();
  }
  if (magnitude == 0) return x;
  const double slack = units * (ir::UnitRoundoff(dtype) * magnitude + SmallestDenormal(dtype));
  if (!std::isfinite(slack)) return Interval::Anything();
  Interval out = {x.low - slack, x.high + slack, x.nan};
  const double largest = Largest(dtype);
  if (out.high >= largest) out.high = kInfinity;
  if (out.low <= -largest) out.low = -kInfinity;
  out.low = std::min(out.low, largest);
  out.high = std::max(out.high, -largest);
  return out;
}

Interval EvalInterval(ScalarOp op, DType operand, DType result, const Interval* args) {
  const int arity = ir::ScalarOpArity(op);
  const bool points = std::all_of(args, args + arity, [](const Interval& a) { return a.point(); });
  if (points && !ir::IsFloat(operand) && !ir::IsFloat(result)) {
    return OnPoints(op, operand, result, args);
  }
  switch (op) {
    case ScalarOp::kEq:
    case ScalarOp::kNe:
    case ScalarOp::kLt:
    case ScalarOp::kLe:
    case ScalarOp::kGt:
    case ScalarOp::kGe:
      return Compare(op, args[0], args[1]);
    case ScalarOp::kIsFinite:
      return Interval::Bool(args[0].nan || MayBeInfinite(args[0]),
                            args[0].low < kInfinity && args[0].high > -kInfinity);
    case ScalarOp::kSelect:
      return args[0].point() ? args[args[0].low != 0 ? 1 : 2] : Hull(args[1], args[2]);
    case ScalarOp::kCast:
      return Cast(operand, result, args[0]);
    case ScalarOp::kPow:
      return Widen(Power(args[0], args[1]), kFunctionUnits, Power(args[0], args[1]).magnitude(),
                   result);
    case ScalarOp::kRem:
      return points ? Interval::Point(std::fmod(args[0].low, args[1].low)) : Interval::Anything();
    // On bool, whose operations rise in each argument.
    case ScalarOp::kAnd:
    case ScalarOp::kOr: {
      if (operand != DType::kBool) return Interval::Anything();
      const bool both = op == ScalarOp::kAnd;
      const Interval &a = args[0], &b = args[1];
      return {both ? std::min(a.low, b.low) : std::max(a.low, b.low),
              both ? std::min(a.high, b.high) : std::max(a.high, b.high), false};
    }
    case ScalarOp::kNot:
      return operand == DType::kBool ? Interval{1 - args[0].high, 1 - args[0].low, false}
                                     : Interval::Anything();
    case ScalarOp::kXor:
    case ScalarOp::kShl:
    case ScalarOp::kShrLogical:
    case ScalarOp::kShrArithmetic:
    case ScalarOp::kBitcast:
    case ScalarOp::kPhilox:
    case ScalarOp::kDot2:  // of kernels only
      return Interval::Anything();
    case ScalarOp::kAdd:
    case ScalarOp::kSub:
    case ScalarOp::kMul:
    case ScalarOp::kDiv:
    case ScalarOp::kFma:
    case ScalarOp::kMax:
    case ScalarOp::kMin:
    case ScalarOp::kNeg:
    case ScalarOp::kAbs:
      return Arithmetic(op, operand, args);
    case ScalarOp::kSign:
    case ScalarOp::kFloor:
    case ScalarOp::kCeil:
    case ScalarOp::kRound:
    case ScalarOp::kTrunc:
    case ScalarOp::kSqrt:
    case ScalarOp::kExp:
    case ScalarOp::kExpm1:
    case ScalarOp::kLog:
    case ScalarOp::kLog1p:
    case ScalarOp::kSin:
    case ScalarOp::kCos:
    case ScalarOp::kTanh:
    case ScalarOp::kSigmoid:
    case ScalarOp::kErf:
    case ScalarOp::kRsqrt:
      return Function(op, operand, args[0]);
  }
  return Interval::Anything();
}

}  // namespace tenon::tests
