#include "tests/passes/rule_cases.h"

namespace tenon::passes {

using namespace ir;  // NOLINT: cases read like mathematics

namespace {
constexpr bool kApplies = true;
constexpr bool kNot = false;
using B = GraphBuilder;

Value X(B& b, Shape shape = {3}) { return b.Input("x", F32, std::move(shape)); }
Value Y(B& b, Shape shape = {3}) { return b.Input("y", F32, std::move(shape)); }
Value P(B& b) { return b.Input("p", Bool, {}); }

Values Branch(B& b, Value predicate) {
  Value x = X(b), y = Y(b);
  return Cond(
      predicate, {x},
      [&](B&, Values a) -> Values {
        return {a[0] + y, a[0]};
      },
      [&](B&, Values a) -> Values {
        return {a[0] * y, -a[0]};
      });
}

// Carries s (a sum), k (never changed) and dead (feeds itself only); stacks s and -s.
Values Loop(B& b, Dim length, bool keep_everything) {
  Value x = X(b, {length, 3}), y = Y(b);
  Value dead = b.Input("dead", F32, {3});
  return Scan({y, b.Input("k", F32, {3}), dead}, {x}, length, [&](B&, Values a) -> Values {
    Value s = a[0] + a[3] * a[1];
    Value d = keep_everything ? a[2] + s : a[2] * 2;
    return {s, a[1], d, s, -s};
  });
}

Values Rounds(B& b) {
  return While(
      {X(b), b.Scalar(I32, 0), Y(b), b.Input("dead", F32, {3})},
      [](B&, Values a) -> Values { return {Lt(a[1], 3)}; },
      [](B&, Values a) -> Values {
        return {a[0] * a[2], a[1] + 1, a[2], a[3] * 2};
      });
}
}  // namespace

std::vector<RuleCase> ControlCases() {
  return {
      {"CondConstant", kApplies, [](B& b) { return Branch(b, b.Scalar(Bool, 1)); }},
      {"CondConstant", kApplies, [](B& b) { return Branch(b, b.Scalar(Bool, 0)); }},
      {"CondConstant", kApplies,
       [](B& b) {
         auto same = [](B&, Values a) -> Values { return {Exp(a[0])}; };
         return Cond(P(b), {X(b)}, same, same);
       }},
      {"CondConstant", kNot, [](B& b) { return Branch(b, P(b)); }},
      {"CondNot", kApplies, [](B& b) { return Branch(b, Not(P(b))); }},
      {"CondNot", kNot, [](B& b) { return Branch(b, P(b)); }},
      {"CondUnused", kApplies, [](B& b) -> Values { return {Branch(b, P(b))[1]}; }},
      {"CondUnused", kNot, [](B& b) { return Branch(b, P(b)); }},
      {"ScanShort", kApplies, [](B& b) { return Loop(b, 1, true); }},
      {"ScanShort", kApplies, [](B& b) { return Loop(b, 0, true); }},
      {"ScanShort", kNot, [](B& b) { return Loop(b, Dim("n").AtMost(8), true); }},
      {"ScanInvariant", kApplies, [](B& b) { return Loop(b, 4, true); }},
      {"ScanInvariant",
       kApplies,
       [](B& b) { return Loop(b, Dim("n").AtMost(8), true); },
       Numerics::kExact,
       {{"n", 0}}},
      {"ScanInvariant", kNot,
       [](B& b) {
         return Scan({X(b), Y(b)}, {}, 3, [](B&, Values a) -> Values { return {a[1], a[0]}; });
       }},
      {"ScanUnused", kApplies, [](B& b) -> Values { return {Loop(b, 4, false)[0]}; }},
      {"ScanUnused", kApplies, [](B& b) -> Values { return {Loop(b, 4, false)[4]}; }},
      {"ScanUnused", kNot, [](B& b) { return Loop(b, 4, true); }},
      {"ScanHoist", kApplies,
       [](B& b) {
         Value w = b.Input("w", F32, {3}), y = Y(b);
         return Scan({X(b)}, {}, 4, [&](B& r, Values a) -> Values {
           Value bias = Broadcast(Exp(w), {2, 3}, {1});
           return {a[0] + ReduceSum(bias, {0}), Sin(y) * r.Full(y.type(), 2), w};
         });
       }},
      {"ScanHoist", kNot,
       [](B& b) {
         Value w = b.Input("w", F32, {1});
         return Scan({X(b)}, {}, 4,
                     [&](B&, Values a) -> Values { return {a[0] * Broadcast(w, {3}, {0})}; });
       }},
      {"WhileInvariant", kApplies, [](B& b) { return Rounds(b); }},
      {"WhileInvariant", kNot,
       [](B& b) {
         return While(
             {b.Scalar(I32, 0)}, [](B&, Values a) -> Values { return {Lt(a[0], 3)}; },
             [](B&, Values a) -> Values { return {a[0] + 1}; });
       }},
      {"WhileUnused", kApplies, [](B& b) -> Values { return {Rounds(b)[0]}; }},
      {"WhileUnused", kNot, [](B& b) { return Rounds(b); }},
      {"SinkConstants", kApplies,
       [](B& b) {
         Value two = b.Full({F32, {3}}, 2);
         return Scan({X(b)}, {}, 4, [&](B&, Values a) -> Values { return {a[0] * two}; });
       }},
      {"SinkConstants", kApplies,
       [](B& b) {
         Value two = b.Scalar(F32, 2);
         return Cond(
             P(b), {X(b)}, [&](B&, Values a) -> Values { return {a[0] * two}; },
             [](B&, Values a) -> Values { return {a[0]}; });
       }},
      {"SinkConstants", kNot,
       [](B& b) {
         return Scan({b.Full({F32, {3}}, 2)}, {X(b, {4, 3})}, 4,
                     [](B&, Values a) -> Values { return {a[0] + a[1]}; });
       }},
  };
}

}  // namespace tenon::passes
