#include "tests/passes/rule_cases.h"

namespace tenon::passes {

using namespace ir;  // NOLINT: cases read like mathematics

namespace {
constexpr bool kApplies = true;
constexpr bool kNot = false;
using B = GraphBuilder;

Value P(B& b) { return b.Input("p", Bool, {4}); }
Value X(B& b, DType dtype = F32) { return b.Input("x", dtype, {4}); }
Value Y(B& b, DType dtype = F32) { return b.Input("y", dtype, {4}); }
Value C(B& b, double number, DType dtype) { return b.Full({dtype, {4}}, number); }
}  // namespace

std::vector<RuleCase> LogicCases() {
  return {
      {"NotNot", kApplies, [](B& b) -> Values { return {Not(Not(P(b)))}; }},
      {"NotNot", kNot, [](B& b) -> Values { return {Not(P(b))}; }},
      {"NotCompare", kApplies, [](B& b) -> Values { return {Not(Eq(X(b), Y(b)))}; }},
      {"NotCompare", kApplies, [](B& b) -> Values { return {Not(Lt(X(b, I32), Y(b, I32)))}; }},
      {"NotCompare", kNot, [](B& b) -> Values { return {Not(Lt(X(b), Y(b)))}; }},
      {"AndIdentity", kApplies,
       [](B& b) -> Values {
         Value x = X(b, I32);
         return {And(x, x), And(x, C(b, -1, I32)), And(C(b, 0, I32), x)};
       }},
      {"AndIdentity", kNot, [](B& b) -> Values { return {And(X(b, I32), C(b, 1, I32))}; }},
      {"OrIdentity", kApplies,
       [](B& b) -> Values {
         return {Or(P(b), C(b, 1, Bool)), Or(X(b, U8), C(b, 0, U8))};
       }},
      {"OrIdentity", kNot, [](B& b) -> Values { return {Or(X(b, U8), C(b, 1, U8))}; }},
      {"XorIdentity", kApplies,
       [](B& b) -> Values {
         Value x = X(b, I64);
         return {Xor(x, x), Xor(x, C(b, 0, I64))};
       }},
      {"XorIdentity", kNot, [](B& b) -> Values { return {Xor(P(b), C(b, 1, Bool))}; }},
      {"ShiftZero", kApplies, [](B& b) -> Values { return {Shl(X(b, I32), C(b, 0, I32))}; }},
      {"ShiftZero", kNot, [](B& b) -> Values { return {Shl(C(b, 0, I32), X(b, I32))}; }},
      {"CompareSelf", kApplies,
       [](B& b) -> Values {
         Value x = X(b), i = Y(b, I32);
         return {Lt(x, x), Eq(i, i)};
       }},
      {"CompareSelf", kNot,
       [](B& b) -> Values {
         Value x = X(b);
         return {Eq(x, x), Ne(x, x), Le(x, x)};
       }},
      {"CompareBool", kApplies,
       [](B& b) -> Values {
         Value p = P(b);
         return {Eq(p, C(b, 1, Bool)), Ne(C(b, 1, Bool), p)};
       }},
      {"CompareBool", kNot, [](B& b) -> Values { return {Lt(P(b), C(b, 1, Bool))}; }},
      {"SelectConstant", kApplies,
       [](B& b) -> Values {
         Value x = X(b), y = Y(b);
         return {Select(C(b, 0, Bool), x, y), Select(P(b), x, x)};
       }},
      {"SelectConstant", kNot, [](B& b) -> Values { return {Select(P(b), X(b), Y(b))}; }},
      {"SelectNot", kApplies, [](B& b) -> Values { return {Select(Not(P(b)), X(b), Y(b))}; }},
      {"SelectNot", kNot, [](B& b) -> Values { return {Select(P(b), X(b), Y(b))}; }},
      {"SelectNested", kApplies,
       [](B& b) -> Values {
         Value p = P(b), x = X(b), y = Y(b);
         return {Select(p, Select(p, x, y), x + y), Select(p, x + y, Select(p, x, y))};
       }},
      {"SelectNested", kNot,
       [](B& b) -> Values {
         Value p = P(b), x = X(b), y = Y(b);
         return {Select(p, Select(Gt(x, 0), x, y), y)};
       }},
      {"SelectBool", kApplies,
       [](B& b) -> Values {
         Value p = P(b);
         return {Select(p, C(b, 1, Bool), C(b, 0, Bool)), Select(p, C(b, 0, Bool), C(b, 1, Bool))};
       }},
      {"SelectBool", kNot,
       [](B& b) -> Values { return {Select(P(b), C(b, 1, I32), C(b, 0, I32))}; }},
      {"CastSame", kApplies,
       [](B& b) -> Values { return {b.Apply(OpCode::kCast, CastAttrs{F32}, {X(b)})[0]}; }},
      {"CastSame", kNot, [](B& b) -> Values { return {Cast(X(b), F64)}; }},
      {"CastCast", kApplies,
       [](B& b) -> Values {
         return {Cast(Cast(X(b), F64), F32), Cast(Cast(Y(b, I8), I64), F32)};
       }},
      {"CastCast", kApplies, [](B& b) -> Values { return {Cast(Cast(P(b), F16), I32)}; }},
      {"CastCast", kNot,
       [](B& b) -> Values {
         return {Cast(Cast(X(b), BF16), F32), Cast(Cast(Y(b, I32), F32), I64)};
       }},
      {"BitcastBitcast", kApplies,
       [](B& b) -> Values { return {Bitcast(Bitcast(X(b), I32), F32)}; }},
      {"BitcastBitcast", kNot, [](B& b) -> Values { return {Bitcast(X(b), I32)}; }},
  };
}

}  // namespace tenon::passes
