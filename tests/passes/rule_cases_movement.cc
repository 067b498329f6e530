#include "tests/passes/rule_cases.h"

namespace tenon::passes {

using namespace ir;  // NOLINT: cases read like mathematics

namespace {
constexpr bool kApplies = true;
constexpr bool kNot = false;
using B = GraphBuilder;

Dim N() { return Dim("n").AtMost(8); }
Value X(B& b, Shape shape = {4, 3}) { return b.Input("x", F32, std::move(shape)); }
Value Y(B& b, Shape shape = {4, 3}) { return b.Input("y", F32, std::move(shape)); }
Value T(Value x, std::vector<int64_t> permutation = {1, 0}) { return Transpose(x, permutation); }
}  // namespace

std::vector<RuleCase> MovementCases() {
  return {
      {"ElementwiseOfBroadcast", kApplies,
       [](B& b) -> Values {
         return {Exp(Broadcast(X(b, {3}), {4, 3}, {1})) * Broadcast(Y(b, {3}), {4, 3}, {1})};
       }},
      {"ElementwiseOfBroadcast", kApplies,
       [](B& b) -> Values {
         Value x = Broadcast(X(b, {1, 3}), {N(), 3}, {0, 1});
         return {Select(Gt(x, 0), x, 0)};
       }},
      {"ElementwiseOfBroadcast", kNot,
       [](B& b) -> Values {
         return {Broadcast(X(b, {3}), {3, 3}, {1}) * Broadcast(Y(b, {3}), {3, 3}, {0})};
       }},
      {"ElementwiseOfTranspose", kApplies, [](B& b) -> Values { return {T(X(b)) * T(Y(b))}; }},
      {"ElementwiseOfTranspose", kNot,
       [](B& b) -> Values {
         return {T(X(b)) * Y(b, {3, 4})};
       }},
      {"ElementwiseOfTranspose", kNot,
       [](B& b) -> Values {
         Value t = T(X(b));
         return {Exp(t), t};
       }},
      {"ElementwiseOfReshape", kApplies,
       [](B& b) -> Values { return {Max(Reshape(X(b), {12}) - Reshape(Y(b), {12}), 0)}; }},
      {"ElementwiseOfReshape", kApplies,
       [](B& b) -> Values {
         Value x = Reshape(X(b, {N()}), {N(), 1});
         return {Log(x), x / x};
       }},
      {"ElementwiseOfReshape", kNot,
       [](B& b) -> Values {
         Value x = Reshape(X(b), {12});
         return {Exp(x), x};
       }},
      {"ElementwiseOfReshape", kNot,
       [](B& b) -> Values {
         return {Reshape(X(b), {12}) + Reshape(Y(b, {3, 4}), {12})};
       }},
      {"ReshapeSame", kApplies,
       [](B& b) -> Values {
         return {b.Apply(OpCode::kReshape, ReshapeAttrs{{4, 3}}, {X(b)})[0]};
       }},
      {"ReshapeSame", kNot,
       [](B& b) -> Values {
         return {Reshape(X(b), {3, 4})};
       }},
      {"ReshapeReshape", kApplies,
       [](B& b) -> Values {
         return {Reshape(Reshape(X(b, {N(), 6}), {N() * 6}), {N(), 2, 3})};
       }},
      {"ReshapeReshape", kNot, [](B& b) -> Values { return {Reshape(T(X(b)), {12})}; }},
      {"ReshapeBroadcast", kApplies,
       [](B& b) -> Values {
         return {Reshape(Broadcast(X(b, {3, 1}), {5, 3, 1}, {1, 2}), {5, 1, 3}),
                 Reshape(Broadcast(Y(b, {}), {4, 3}, {}), {6, 2})};
       }},
      {"ReshapeBroadcast", kNot,
       [](B& b) -> Values {
         return {Reshape(Broadcast(X(b, {3}), {4, 3}, {1}), {12})};
       }},
      {"TransposeIdentity", kApplies,
       [](B& b) -> Values {
         return {b.Apply(OpCode::kTranspose, TransposeAttrs{{0, 1}}, {X(b)})[0]};
       }},
      {"TransposeIdentity", kNot, [](B& b) -> Values { return {T(X(b))}; }},
      {"TransposeTranspose", kApplies,
       [](B& b) -> Values {
         return {T(T(X(b, {2, 3, 4}), {1, 2, 0}), {2, 1, 0})};
       }},
      {"TransposeTranspose", kNot, [](B& b) -> Values { return {T(Exp(T(X(b))))}; }},
      {"TransposeUnit", kApplies,
       [](B& b) -> Values {
         return {T(X(b, {1, N(), 1, 3}), {1, 0, 3, 2})};
       }},
      {"TransposeUnit", kNot,
       [](B& b) -> Values {
         return {T(X(b, {1, N(), 3}), {0, 2, 1})};
       }},
      {"TransposeBroadcast", kApplies,
       [](B& b) -> Values {
         return {T(Broadcast(X(b, {3}), {4, 3}, {1})),
                 T(Broadcast(Y(b, {2, 3}), {4, 2, 3}, {1, 2}), {2, 0, 1})};
       }},
      {"TransposeBroadcast", kNot,
       [](B& b) -> Values {
         return {T(Broadcast(X(b), {4, 1, 3}, {0, 2}), {2, 1, 0})};
       }},
      {"BroadcastSame", kApplies,
       [](B& b) -> Values {
         return {b.Apply(OpCode::kBroadcast, BroadcastAttrs{{4, 3}, {0, 1}}, {X(b)})[0]};
       }},
      {"BroadcastSame", kNot,
       [](B& b) -> Values {
         return {Broadcast(X(b), {1, 4, 3}, {1, 2})};
       }},
      {"BroadcastBroadcast", kApplies,
       [](B& b) -> Values {
         return {Broadcast(Broadcast(X(b, {3}), {1, 3}, {1}), {2, 4, 3}, {1, 2})};
       }},
      {"BroadcastBroadcast", kNot,
       [](B& b) -> Values {
         return {Broadcast(Exp(Broadcast(X(b, {3}), {2, 3}, {1})), {4, 2, 3}, {1, 2})};
       }},
      {"BroadcastReshape", kApplies,
       [](B& b) -> Values {
         return {Broadcast(Reshape(X(b, {4}), {4, 1}), {4, 3}, {0, 1})};
       }},
      {"BroadcastReshape", kNot,
       [](B& b) -> Values {
         return {Broadcast(Reshape(X(b), {12}), {2, 12}, {1})};
       }},
      {"BroadcastTranspose", kApplies,
       [](B& b) -> Values {
         Value x = b.Apply(OpCode::kTranspose, TransposeAttrs{{0, 1}}, {X(b)})[0];
         return {Broadcast(x, {4, 2, 3}, {0, 2})};
       }},
      {"BroadcastTranspose", kNot,
       [](B& b) -> Values {
         return {Broadcast(T(X(b)), {2, 3, 4}, {1, 2})};
       }},
      {"ReverseTrivial", kApplies,
       [](B& b) -> Values {
         return {Reverse(X(b, {1, 3}), {0}), Reverse(Reverse(Y(b), {0, 1}), {1}),
                 Reverse(Broadcast(b.Input("z", F32, {3}), {4, 3}, {1}), {0, 1})};
       }},
      {"ReverseTrivial", kNot, [](B& b) -> Values { return {Reverse(X(b), {1})}; }},
      {"SliceAll", kApplies,
       [](B& b) -> Values {
         return {
             b.Apply(OpCode::kSlice, SliceAttrs{{0, 0}, {N(), 3}, {1, 1}}, {X(b, {N(), 3})})[0]};
       }},
      {"SliceAll", kNot,
       [](B& b) -> Values {
         return {Slice(X(b), {0, 0}, {4, 2})};
       }},
      {"SliceSlice", kApplies,
       [](B& b) -> Values {
         return {Slice(Slice(X(b, {12}), {2}, {12}), {1}, {9}, {2}),
                 Slice(Slice(Y(b, {12}), {1}, {12}, {3}), {1}, {4}, {2})};
       }},
      {"SliceSlice", kNot,
       [](B& b) -> Values { return {Slice(Exp(Slice(X(b, {12}), {2}, {12})), {1}, {9})}; }},
      {"SliceSlice", kNot,
       [](B& b) -> Values {
         const int64_t huge = int64_t{1} << 62;
         return {Slice(Slice(X(b, {12}), {2}, {12}, {huge}), {0}, {1}, {huge})};
       }},
      {"SliceConcat", kApplies,
       [](B& b) -> Values {
         return {Slice(Concat({X(b, {4}), Y(b, {6})}, 0), {5}, {10}, {2})};
       }},
      {"SliceConcat", kNot,
       [](B& b) -> Values {
         return {Slice(Concat({X(b, {4}), Y(b, {6})}, 0), {3}, {5})};
       }},
      {"SlicePad", kApplies,
       [](B& b) -> Values { return {Slice(Pad(X(b, {6}), 7, {2}, {1}), {3}, {8}, {2})}; }},
      {"SlicePad", kNot,
       [](B& b) -> Values { return {Slice(Pad(X(b, {6}), 7, {2}, {1}), {1}, {8})}; }},
      {"SliceBroadcast", kApplies,
       [](B& b) -> Values {
         return {Slice(Broadcast(X(b, {5}), {4, 5}, {1}), {1, 1}, {3, 5}, {1, 2})};
       }},
      {"SliceBroadcast", kNot,
       [](B& b) -> Values {
         return {Slice(X(b), {1, 1}, {3, 3})};
       }},
      {"PadNothing", kApplies,
       [](B& b) -> Values {
         return {
             b.Apply(OpCode::kPad, PadAttrs{{0, 0}, {0, 0}, {0, 0}}, {X(b), b.Scalar(F32, 1)})[0]};
       }},
      {"PadNothing", kNot, [](B& b) -> Values { return {Pad(X(b, {4}), 1, {0}, {0}, {1})}; }},
      {"PadPad", kApplies,
       [](B& b) -> Values {
         Value zero = b.Scalar(F32, 0);
         return {Pad(Pad(X(b, {4}), zero, {1}, {0}), zero, {2}, {3})};
       }},
      {"PadPad", kNot,
       [](B& b) -> Values {
         Value zero = b.Scalar(F32, 0);
         return {Pad(Pad(X(b, {4}), zero, {-1}, {0}), zero, {2}, {3}),
                 Pad(Pad(Y(b, {4}), zero, {1}, {0}), b.Scalar(F32, 1), {2}, {3})};
       }},
      {"ConcatOne", kApplies,
       [](B& b) -> Values {
         return {Concat({X(b, {4})}, 0), Concat({Y(b, {0}), b.Input("z", F32, {4})}, 0)};
       }},
      {"ConcatOne", kNot,
       [](B& b) -> Values {
         return {Concat({X(b), Y(b)}, 0)};
       }},
      {"ConcatConcat", kApplies,
       [](B& b) -> Values {
         return {Concat({Concat({X(b), Y(b)}, 0), b.Input("z", F32, {1, 3})}, 0)};
       }},
      {"ConcatConcat", kNot,
       [](B& b) -> Values {
         return {Concat({Concat({X(b), Y(b)}, 1), b.Input("z", F32, {1, 6})}, 0)};
       }},
      {"ConcatSlices", kApplies,
       [](B& b) -> Values {
         Value x = X(b);
         return {Concat({Slice(x, {0, 0}, {1, 3}), Slice(x, {1, 0}, {4, 3})}, 0)};
       }},
      {"ConcatSlices", kNot,
       [](B& b) -> Values {
         Value x = X(b);
         return {Concat({Slice(x, {1, 0}, {4, 3}), Slice(x, {0, 0}, {1, 3})}, 0)};
       }},
      {"DynamicSliceConstant", kApplies,
       [](B& b) -> Values {
         return {DynamicSlice(X(b), {b.Scalar(I64, 9), b.Scalar(I64, -1)}, {2, 2})};
       }},
      {"DynamicSliceConstant", kNot,
       [](B& b) -> Values {
         Value start = b.Input("i", I64, {});
         return {DynamicSlice(X(b), {start, start}, {2, 3})};
       }},
      {"DynamicUpdateAll", kApplies,
       [](B& b) -> Values {
         Value start = b.Input("i", I64, {});
         return {DynamicUpdate(X(b), Y(b), {start, start})};
       }},
      {"DynamicUpdateAll", kNot,
       [](B& b) -> Values {
         Value start = b.Input("i", I64, {});
         return {DynamicUpdate(X(b), Y(b, {4, 2}), {start, start})};
       }},
  };
}

}  // namespace tenon::passes
