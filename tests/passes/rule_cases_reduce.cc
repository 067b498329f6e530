#include <limits>

#include "tests/passes/rule_cases.h"

namespace tenon::passes {

using namespace ir;  // NOLINT: cases read like mathematics

namespace {
constexpr bool kApplies = true;
constexpr bool kNot = false;
constexpr Numerics kStandard = Numerics::kStandard;
using B = GraphBuilder;

Dim N() { return Dim("n").AtMost(8); }
Value X(B& b, Shape shape = {4, 3}, DType dtype = F32) {
  return b.Input("x", dtype, std::move(shape));
}
Value Y(B& b, Shape shape = {4, 3}) { return b.Input("y", F32, std::move(shape)); }

WindowAttrs Pool(Combiner kind) { return {kind, {2}, {1}, {1}, {1}, {0}, {0}}; }
ConvAttrs Plain2d() { return {{1, 1}, {1, 1}, {0, 0}, {0, 0}, 1, {}}; }
}  // namespace

std::vector<RuleCase> ReduceCases() {
  const double inf = std::numeric_limits<double>::infinity();
  return {
      {"ReduceNothing", kApplies,
       [](B& b) -> Values {
         return {ReduceMax(X(b, {4, 1}), {1}), ReduceSum(Y(b, {2, 1, 3}), {1, 2})};
       }},
      {"ReduceNothing", kApplies,
       [](B& b) -> Values {
         return {ReduceSum(X(b, {4, 1}), {1})};
       },
       kStandard},
      {"ReduceNothing", kNot,
       [](B& b) -> Values {
         return {ReduceSum(X(b, {4, 1}), {1})};
       }},
      {"ReduceReduce", kApplies,
       [](B& b) -> Values {
         return {ReduceSum(ReduceSum(X(b, {2, 3, 4}), {1}), {1})};
       },
       kStandard},
      {"ReduceReduce", kApplies,
       [](B& b) -> Values {
         return {ReduceMax(ReduceMax(X(b, {2, 3, 4}, I32), {0}), {1})};
       }},
      {"ReduceReduce", kNot,
       [](B& b) -> Values {
         return {ReduceSum(ReduceSum(X(b, {2, 3, 4}), {1}), {1})};
       }},
      {"ReduceReduce", kNot,  // what is summed waits for another reduction of the rows
       [](B& b) -> Values {
         Value x = X(b);
         Value exponentials = Exp(x - Broadcast(ReduceMax(x, {1}), {4, 3}, {0}));
         return {ReduceSum(ReduceSum(exponentials, {1}), {0})};
       },
       kStandard},
      {"ReduceReduce", kNot,
       [](B& b) -> Values {
         return {ReduceSum(ReduceMax(X(b, {2, 3, 4}), {1}), {1})};
       },
       kStandard},
      {"ReduceNeg", kApplies, [](B& b) -> Values { return {ReduceSum(-X(b), {1})}; }, kStandard},
      {"ReduceNeg", kNot, [](B& b) -> Values { return {ReduceSum(-X(b), {1})}; }},
      {"ReduceNeg", kNot, [](B& b) -> Values { return {ReduceMax(-X(b), {1})}; }, kStandard},
      {"ReduceBroadcast", kApplies,
       [](B& b) -> Values {
         return {ReduceMax(Broadcast(X(b, {3}), {4, 3}, {1}), {0})};
       }},
      {"ReduceBroadcast", kApplies,
       [](B& b) -> Values {
         return {ReduceSum(Broadcast(X(b, {3, 2}), {4, 3, 2}, {1, 2}), {0, 2})};
       },
       kStandard},
      {"ReduceBroadcast", kNot,
       [](B& b) -> Values {
         return {ReduceMax(Broadcast(X(b, {3}), {N(), 3}, {1}), {0})};
       },
       kStandard},
      {"ReduceBroadcast", kNot,
       [](B& b) -> Values {
         return {ReduceSum(Broadcast(X(b, {3}), {4, 3}, {1}), {0})};
       }},
      {"ReduceTranspose", kApplies,
       [](B& b) -> Values {
         return {ReduceSum(Transpose(X(b, {2, 3, 4}), {2, 0, 1}), {2}),
                 ReduceMax(Transpose(Y(b, {2, 3, 4}), {2, 0, 1}), {1})};
       }},
      {"ReduceTranspose", kNot,
       [](B& b) -> Values {
         return {ReduceSum(Transpose(X(b, {2, 3, 4}), {2, 0, 1}), {0, 1})};
       }},
      {"ReduceReshape", kApplies,
       [](B& b) -> Values {
         return {ReduceSum(Reshape(X(b), {4, 1, 3}), {1, 2})};
       }},
      {"ReduceReshape", kNot,
       [](B& b) -> Values {
         return {ReduceSum(Reshape(X(b), {2, 6}), {1})};
       },
       kStandard},
      {"SumProduct", kApplies,
       [](B& b) -> Values {
         Value x = X(b);
         return {ReduceSum(Y(b) * Broadcast(Sqrt(ReduceSum(x * x, {1})), {4, 3}, {0}), {1})};
       },
       kStandard},
      {"SumProduct", kApplies,  // by extents of 1, and over several axes
       [](B& b) -> Values {
         Value x = X(b, {2, 3, 4});
         Value r = Reshape(ReduceSum(x * x, {1, 2}), {2, 1, 1});
         return {ReduceSum(Broadcast(r, {2, 3, 4}, {0, 1, 2}) * x, {1, 2})};
       },
       kStandard},
      {"SumProduct", kNot,  // the factor waits for nothing
       [](B& b) -> Values {
         return {ReduceSum(X(b) * Broadcast(Y(b, {4}), {4, 3}, {0}), {1})};
       },
       kStandard},
      {"SumProduct", kNot,  // of nothing the sum is 0, whatever the factor
       [](B& b) -> Values {
         Value x = X(b, {4, N()});
         Value r = Broadcast(1 / ReduceSum(x * x, {1}), {4, N()}, {0});
         return {ReduceSum(x * r, {1})};
       },
       kStandard},
      {"SumProduct", kNot,  // columns, which no kernel goes over again
       [](B& b) -> Values {
         Value x = X(b);
         Value r = Broadcast(ReduceSum(x * x, {0}), {4, 3}, {1});
         return {ReduceSum(x * r, {0})};
       },
       kStandard},
      {"SumProduct", kApplies,
       [](B& b) -> Values {
         Value r = Broadcast(b.Input("r", I32, {3}), {4, 3}, {1});
         return {ReduceSum(X(b, {4, 3}, I32) * r, {0})};
       }},
      {"SumProduct", kApplies,  // used twice, but the factor waits for a sum
       [](B& b) -> Values {
         Value x = X(b);
         Value y = Y(b) * Broadcast(ReduceSum(x * x, {1}), {4, 3}, {0});
         return {y, ReduceSum(y, {1})};
       },
       kStandard},
      {"SumProduct", kNot,
       [](B& b) -> Values {
         Value x = X(b);
         return {ReduceSum(Y(b) * Broadcast(ReduceSum(x * x, {1}), {4, 3}, {0}), {1})};
       }},
      {"SumProduct", kNot,  // not the same along the axis
       [](B& b) -> Values {
         return {ReduceSum(X(b) * Broadcast(Y(b, {3}), {4, 3}, {1}), {1})};
       },
       kStandard},
      {"SumProduct", kNot,  // along one of the axes only
       [](B& b) -> Values {
         return {ReduceSum(X(b) * Broadcast(Y(b, {4}), {4, 3}, {0}), {0, 1})};
       },
       kStandard},
      {"SumProduct", kNot,  // used twice
       [](B& b) -> Values {
         Value y = X(b) * Broadcast(Y(b, {4}), {4, 3}, {0});
         return {y, ReduceSum(y, {1})};
       },
       kStandard},
      {"SumProduct", kNot,  // used twice, and what is summed waits as long as the factor
       [](B& b) -> Values {
         Value x = X(b);
         Value r = Broadcast(ReduceSum(x * x, {1}), {4, 3}, {0});
         Value y = (x - r) * r;
         return {y, ReduceSum(y, {1})};
       },
       kStandard},
      {"SumProduct", kNot,  // a narrow float
       [](B& b) -> Values {
         Value x = X(b, {4, 3}, BF16);
         return {ReduceSum(x * Broadcast(ReduceSum(x * x, {1}), {4, 3}, {0}), {1})};
       },
       kStandard},
      {"SumProduct", kNot,
       [](B& b) -> Values {
         return {ReduceMax(X(b) * Broadcast(Y(b, {4}), {4, 3}, {0}), {1})};
       },
       kStandard},
      {"SumProducts", kApplies,
       [](B& b) -> Values {
         Value x = X(b), y = Y(b);
         Value r = Broadcast(ReduceSum(x * x, {1}), {4, 3}, {0});
         Value s = Broadcast(b.Input("s", F32, {4}), {4, 3}, {0});
         return {ReduceSum(x * r - (s * y + y * r), {1})};
       },
       kStandard},
      {"SumProducts", kNot,  // several sums would save no pass
       [](B& b) -> Values {
         Value r = Broadcast(b.Input("r", F32, {4}), {4, 3}, {0});
         return {ReduceSum(X(b) * r + Y(b) * r, {1})};
       },
       kStandard},
      {"SumProducts", kNot,  // a term without such a factor
       [](B& b) -> Values {
         Value x = X(b);
         Value r = Broadcast(ReduceSum(x * x, {1}), {4, 3}, {0});
         return {ReduceSum(x * r + Exp(x), {1})};
       },
       kStandard},
      {"SumProducts", kNot,  // a reduction of something else: it is there before
       [](B& b) -> Values {
         Value x = X(b), y = Y(b, {4, 2});
         Value r = Broadcast(ReduceSum(y, {1}), {4, 3}, {0});
         return {ReduceSum(x * r + Exp(x) * r, {1})};
       },
       kStandard},
      {"WindowOfPad", kApplies,
       [inf](B& b) -> Values {
         return {WindowReduce(Pad(X(b, {6}), -inf, {1}, {2}), Pool(Combiner::kMax))};
       }},
      {"WindowOfPad", kNot,
       [](B& b) -> Values {
         return {WindowReduce(Pad(X(b, {6}), 0, {1}, {2}), Pool(Combiner::kMax))};
       }},
      {"ContractTranspose", kApplies,
       [](B& b) -> Values {
         return {Contract("mk,kn->mn", Transpose(X(b), {1, 0}), Transpose(Y(b, {5, 4}), {1, 0}))};
       }},
      {"ContractTranspose", kNot,
       [](B& b) -> Values {
         // Two letters are summed over: their order is x's.
         return {Contract("kl,kl->", Transpose(X(b), {1, 0}), Y(b, {3, 4}))};
       }},
      {"TransposeContract", kApplies,
       [](B& b) -> Values {
         return {Transpose(Contract("bmk,bkn->bmn", X(b, {2, 3, 4}), Y(b, {2, 4, 5})), {2, 0, 1})};
       }},
      {"TransposeContract", kNot,
       [](B& b) -> Values {
         Value y = Contract("mk,nk->mn", X(b), Y(b));
         return {Transpose(y, {1, 0}), y};
       }},
      {"ContractUnit", kApplies,
       [](B& b) -> Values {
         return {Contract("mk,kn->mn", X(b, {N(), 3}), Y(b, {3, 1}))};
       }},
      {"ContractUnit", kApplies,
       [](B& b) -> Values {
         return {Contract("mk,kn->mn", X(b, {4, 1}), Y(b, {1, 5}))};
       },
       kStandard},
      {"ContractUnit", kNot,
       [](B& b) -> Values {
         return {Contract("mk,kn->mn", X(b, {4, 1}), Y(b, {1, 5}))};
       }},
      {"ContractBroadcast", kApplies,
       [](B& b) -> Values {
         Value x = Broadcast(X(b, {3, 4}), {2, 3, 4}, {1, 2});
         return {Contract("bmk,bkn->bmn", x, Y(b, {2, 4, 5})),
                 Contract("bmk,kn->bmn", x, b.Input("z", F32, {4, 2}))};
       }},
      {"ContractBroadcast", kNot,
       [](B& b) -> Values {
         return {Contract("mk,kn->mn", Broadcast(X(b, {4}), {4, 3}, {0}), Y(b, {3, 2}))};
       }},
      {"ReduceContract", kApplies,
       [](B& b) -> Values {
         return {ReduceSum(Contract("bmk,bkn->bmn", X(b, {2, 3, 4}), Y(b, {2, 4, 5})), {0})};
       },
       kStandard},
      {"ReduceContract", kNot,
       [](B& b) -> Values {
         return {ReduceSum(Contract("mk,kn->mn", X(b), Y(b, {3, 5})), {0})};
       },
       kStandard},
      {"ConvOfPad", kApplies,
       [](B& b) -> Values {
         Value x = Pad(X(b, {2, 5, 5, 3}), 0, {0, 1, 0, 0}, {0, 2, 1, 0});
         return {Conv(x, Y(b, {3, 3, 3, 4}), Plain2d())};
       }},
      {"ConvOfPad", kNot,
       [](B& b) -> Values {
         Value x = Pad(X(b, {2, 5, 5, 2}), 0, {0, 1, 0, 0}, {0, 2, 1, 1});
         return {Conv(x, Y(b, {3, 3, 3, 4}), Plain2d())};
       }},
      {"ContractSummed", kApplies,
       [](B& b) -> Values {
         return {Contract("mks,kn->mn", X(b, {2, 3, 4}), Y(b, {3, 2}))};
       },
       kStandard},
      {"ContractSummed", kNot,
       [](B& b) -> Values {
         return {Contract("mk,kn->mn", X(b), Y(b, {3, 2}))};
       },
       kStandard},
      {"ContractProduct", kApplies,
       [](B& b) -> Values {
         return {Contract("bm,nb->nbm", X(b), Y(b, {5, 4}))};
       }},
      {"ContractProduct", kNot,
       [](B& b) -> Values {
         return {Contract("bm,nb->nm", X(b), Y(b, {5, 4}))};
       }},
      {"ContractVector", kApplies,
       [](B& b) -> Values {
         return {Contract("mk,k->m", X(b), Y(b, {3})),
                 Contract("k,knb->bn", b.Input("z", F32, {2}), b.Input("w", F32, {2, 3, 4}))};
       },
       kStandard},
      {"ContractVector", kNot, [](B& b) -> Values { return {Contract("mk,nk->mn", X(b), Y(b))}; },
       kStandard},
      {"ContractVector", kNot,
       [](B& b) -> Values {
         return {Contract("mk,k->m", X(b, {4, 3}, BF16), b.Input("y", BF16, {3}))};
       },
       kStandard},
      {"ContractVector", kNot,
       [](B& b) -> Values {
         return {Contract("k,kn->n", b.Input("z", F32, {512}), b.Input("w", F32, {512, 64}))};
       },
       kStandard},
      {"ConvPointwise", kApplies,
       [](B& b) -> Values {
         return {Conv(X(b, {2, 5, 5, 3}), Y(b, {1, 1, 3, 4}), Plain2d())};
       }},
      {"ConvPointwise", kNot,
       [](B& b) -> Values {
         ConvAttrs strided = Plain2d();
         strided.stride = {2, 2};
         return {Conv(X(b, {2, 5, 5, 3}), Y(b, {1, 1, 3, 4}), strided)};
       }},
  };
}

}  // namespace tenon::passes
