#include <limits>

#include "tests/passes/rule_cases.h"

namespace tenon::passes {

using namespace ir;  // NOLINT: cases read like mathematics

namespace {
constexpr bool kApplies = true;
constexpr bool kNot = false;
using B = GraphBuilder;

Value X(B& b, DType dtype = F32) { return b.Input("x", dtype, {4, 3}); }
Value Y(B& b, DType dtype = F32) { return b.Input("y", dtype, {4, 3}); }
Value C(B& b, double number, DType dtype = F32) { return b.Full({dtype, {4, 3}}, number); }
}  // namespace

std::vector<RuleCase> ArithmeticCases() {
  const double inf = std::numeric_limits<double>::infinity();
  return {
      {"AddZero", kApplies, [](B& b) -> Values { return {X(b) + C(b, -0.0)}; }},
      {"AddZero", kApplies, [](B& b) -> Values { return {C(b, 0, I32) + X(b, I32)}; }},
      {"AddZero", kApplies, [](B& b) -> Values { return {X(b) + C(b, 0)}; }, Numerics::kStandard},
      {"AddZero", kNot, [](B& b) -> Values { return {X(b) + C(b, 0)}; }},
      {"AddZero", kNot, [](B& b) -> Values { return {X(b) + C(b, 1)}; }, Numerics::kStandard},
      {"AddNeg", kApplies,
       [](B& b) -> Values {
         return {X(b) + -Y(b), -b.Input("z", F32, {3}) + b.Input("w", F32, {3})};
       }},
      {"AddNeg", kNot, [](B& b) -> Values { return {X(b) - -Y(b)}; }},
      {"SubZero", kApplies, [](B& b) -> Values { return {X(b) - C(b, 0)}; }},
      {"SubZero", kApplies, [](B& b) -> Values { return {C(b, -0.0) - X(b)}; }},
      {"SubZero", kNot, [](B& b) -> Values { return {X(b) - C(b, -0.0)}; }},
      {"SubZero", kNot, [](B& b) -> Values { return {C(b, 0) - X(b)}; }},
      {"SubNeg", kApplies, [](B& b) -> Values { return {X(b) - -Y(b)}; }},
      {"SubNeg", kNot, [](B& b) -> Values { return {-X(b) - Y(b)}; }},
      {"SubSelf", kApplies,
       [](B& b) -> Values {
         Value x = X(b, I32);
         return {x - x};
       }},
      {"SubSelf", kNot,
       [](B& b) -> Values {
         Value x = X(b);
         return {x - x};
       },
       Numerics::kFast},
      {"MulOne", kApplies,
       [](B& b) -> Values {
         return {X(b) * C(b, 1), C(b, -1) * Y(b)};
       }},
      {"MulOne", kNot, [](B& b) -> Values { return {X(b) * C(b, 2)}; }},
      {"MulZero", kApplies, [](B& b) -> Values { return {X(b, I64) * C(b, 0, I64)}; }},
      {"MulZero", kNot, [](B& b) -> Values { return {X(b) * C(b, 0)}; }, Numerics::kFast},
      {"MulNeg", kApplies, [](B& b) -> Values { return {-X(b) * -Y(b)}; }},
      {"MulNeg", kApplies, [](B& b) -> Values { return {-X(b) * C(b, 3)}; }},
      {"MulNeg", kNot, [](B& b) -> Values { return {-X(b) * Y(b)}; }},
      {"MulBool", kApplies,
       [](B& b) -> Values {
         Value p = Gt(X(b), 0), q = Lt(Y(b), 0.5);
         return {Select(p, C(b, 1), C(b, 0)) * Cast(q, F32)};
       }},
      {"MulBool", kNot,
       [](B& b) -> Values { return {Select(Gt(X(b), 0), C(b, 1), C(b, 0)) * Y(b)}; }},
      {"DivOne", kApplies,
       [](B& b) -> Values {
         return {X(b) / C(b, 1), Y(b) / C(b, -1)};
       }},
      {"DivOne", kNot, [](B& b) -> Values { return {C(b, 1) / X(b)}; }},
      {"DivPowerOfTwo", kApplies, [](B& b) -> Values { return {X(b) / C(b, 8)}; }},
      {"DivPowerOfTwo", kApplies, [](B& b) -> Values { return {X(b, BF16) / C(b, -0.25, BF16)}; }},
      {"DivPowerOfTwo", kNot, [](B& b) -> Values { return {X(b) / C(b, 3)}; }, Numerics::kStandard},
      {"DivPowerOfTwo", kNot, [](B& b) -> Values { return {X(b) / C(b, 0x1p127)}; }},
      {"DivPowerOfTwo", kNot, [](B& b) -> Values { return {X(b, I32) / C(b, 2, I32)}; }},
      {"DivNeg", kApplies, [](B& b) -> Values { return {-X(b) / -Y(b)}; }},
      {"DivNeg", kNot, [](B& b) -> Values { return {-X(b, I32) / -Y(b, I32)}; }},
      {"NegNeg", kApplies, [](B& b) -> Values { return {-(-X(b))}; }},
      {"NegNeg", kNot, [](B& b) -> Values { return {-Abs(X(b))}; }},
      {"NegSub", kApplies, [](B& b) -> Values { return {-(X(b) - Y(b))}; }, Numerics::kStandard},
      {"NegSub", kNot, [](B& b) -> Values { return {-(X(b) - Y(b))}; }},
      {"AbsOfSign", kApplies,
       [](B& b) -> Values {
         return {Abs(-X(b)), Abs(Abs(Y(b)))};
       }},
      {"AbsOfSign", kNot, [](B& b) -> Values { return {Abs(-X(b, I32))}; }},
      {"Idempotent", kApplies,
       [](B& b) -> Values {
         return {Floor(Ceil(X(b))), Sign(Sign(Y(b)))};
       }},
      {"Idempotent", kNot, [](B& b) -> Values { return {Sign(Floor(X(b)))}; }},
      {"MaxSelf", kApplies,
       [](B& b) -> Values {
         Value x = X(b), y = Y(b);
         return {Max(x, x), Min(Min(x, y), y)};
       }},
      {"MaxSelf", kNot,
       [](B& b) -> Values {
         Value x = X(b), y = Y(b);
         return {Max(y, Max(x, y)), Max(Min(x, y), y)};
       }},
      {"MaxIdentity", kApplies,
       [inf](B& b) -> Values {
         return {Max(X(b), C(b, -inf)), Min(C(b, inf), Y(b))};
       }},
      {"MaxIdentity", kApplies, [](B& b) -> Values { return {Min(X(b, I8), C(b, 127, I8))}; }},
      {"MaxIdentity", kNot, [inf](B& b) -> Values { return {Max(X(b), C(b, inf))}; }},
      {"PowConstant", kApplies,
       [](B& b) -> Values {
         return {Pow(X(b), C(b, 2)), Pow(Y(b), C(b, -1))};
       },
       Numerics::kStandard},
      {"PowConstant", kNot, [](B& b) -> Values { return {Pow(X(b), C(b, 2))}; }},
      {"PowConstant", kNot, [](B& b) -> Values { return {Pow(X(b), C(b, 0.5))}; },
       Numerics::kStandard},
      {"RemoveStopGradient", kApplies, [](B& b) -> Values { return {StopGradient(X(b)) * 2}; }},
      {"RemoveStopGradient", kNot, [](B& b) -> Values { return {X(b) * 2}; }},
      {"FoldConstants", kApplies, [](B& b) -> Values { return {X(b) * Exp(b.Scalar(F32, 0.3))}; }},
      {"FoldConstants", kApplies,
       [](B& b) -> Values {
         const float values[] = {3, 1, 2};
         return {X(b) + Sort({b.Constant(Literal::FromSpan<float>({3}, values))}, 0)[0]};
       }},
      {"FoldConstants", kNot, [](B& b) -> Values { return {Exp(C(b, 1)) + X(b)}; }},
      {"SplatConstant", kApplies,
       [](B& b) -> Values {
         return {X(b) + b.Constant(Literal::Filled(F32, {4, 3}, 2.5))};
       }},
      {"SplatConstant", kNot,
       [](B& b) -> Values {
         const float values[] = {0.0f, -0.0f, 0.0f};
         return {X(b) + b.Constant(Literal::FromSpan<float>({3}, values))};
       }},
  };
}

}  // namespace tenon::passes
