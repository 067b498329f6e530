#include "tools/noise.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "tenon/ir/check.h"
#include "tenon/ir/interpreter.h"
#include "tenon/ir/op.h"
#include "tenon/ir/roundoff.h"

namespace tenon::tools {
namespace {

using ir::Literal;

// Of a scalar result one run in twenty is off by less than a twentieth of what is usual; of four
// all are once in 160,000 times.
constexpr int kRuns = 4;

class Noise {
 public:
  explicit Noise(uint64_t seed) : state_(seed) {}

  // Each element off by up to `units` in the last place.
  void Add(double units, Literal* value) {
    const double relative = 2 * units * ir::UnitRoundoff(value->dtype());
    if (relative == 0) return;
    for (int64_t i = 0; i < value->size(); ++i) {
      const double v = value->GetAsDouble(i);
      if (std::isfinite(v)) value->SetFromDouble(i, v + relative * Uniform() * v);
    }
  }

 private:
  // -1 to 1; Knuth's linear congruential generator (MMIX), its upper bits.
  double Uniform() {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return static_cast<double>(static_cast<int64_t>(state_) >> 11) * 0x1p-52;
  }

  uint64_t state_;
};

// Terms of each sum that the node takes; 0: it adds nothing up.
absl::StatusOr<double> Terms(const ir::Graph& graph, const ir::Node& node,
                             const ir::Extents& extents) {
  const ir::OpDef& op = ir::GetOpDef(node.op);
  if (op.compute == nullptr) return 0;
  const ir::ComputeDef def = op.compute(ir::ViewOf(graph, node));
  if (def.combiner != ir::Combiner::kSum) return 0;
  double terms = 1;
  for (size_t d = static_cast<size_t>(def.num_parallel); d < def.domain.size(); ++d) {
    TENON_ASSIGN_OR_RETURN(const int64_t extent, def.domain[d].Evaluate(extents));
    terms *= static_cast<double>(extent);
  }
  return terms;
}

// Whether the node's results are elements of its operands as they are.
bool OnlyMoves(const ir::Graph& graph, const ir::Node& node) {
  const ir::OpDef& op = ir::GetOpDef(node.op);
  if (op.compute_class == ir::ComputeClass::kConstant ||
      op.compute_class == ir::ComputeClass::kReshape ||
      op.compute_class == ir::ComputeClass::kSort) {
    return true;
  }
  if (op.compute == nullptr) return false;
  const std::vector<ir::ScalarInstr> body = op.compute(ir::ViewOf(graph, node)).body.instrs;
  return std::none_of(body.begin(), body.end(), [](const ir::ScalarInstr& instr) {
    return instr.kind == ir::ScalarInstr::Kind::kOp && ir::IsFloat(instr.dtype) &&
           instr.op != ir::ScalarOp::kSelect;
  });
}

}  // namespace

absl::StatusOr<std::vector<double>> RoundingNoise(const ir::Graph& graph,
                                                  absl::Span<const Literal> inputs,
                                                  const ir::Extents& extents,
                                                  absl::Span<const Literal> reference) {
  std::vector<double> worst(reference.size());
  for (int run = 0; run < kRuns; ++run) {
    Noise noise(static_cast<uint64_t>(run));
    ir::InterpretOptions plain{.extents = extents}, options = plain;
    options.evaluate =
        [&](const ir::Graph& g, const ir::Node& node,
            absl::Span<const Literal* const> operands) -> absl::StatusOr<std::vector<Literal>> {
      TENON_ASSIGN_OR_RETURN(const double terms, Terms(g, node, extents));
      std::vector<Literal> moved;
      if (terms > 1) {
        for (const Literal* operand : operands)
          noise.Add(std::sqrt(terms), &moved.emplace_back(*operand));
      }
      std::vector<const Literal*> pointers(operands.begin(), operands.end());
      for (size_t i = 0; i < moved.size(); ++i) pointers[i] = &moved[i];
      TENON_ASSIGN_OR_RETURN(std::vector<Literal> results,
                             ir::InterpretNode(g, node, pointers, plain));
      if (!OnlyMoves(g, node)) {
        for (Literal& result : results) noise.Add(1, &result);
      }
      return results;
    };
    TENON_ASSIGN_OR_RETURN(const std::vector<Literal> outputs,
                           ir::Interpret(graph, inputs, options));
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!ir::IsFloat(outputs[i].dtype())) continue;
      for (int64_t e = 0; e < outputs[i].size(); ++e) {
        const double deviation = std::abs(outputs[i].GetAsDouble(e) - reference[i].GetAsDouble(e));
        if (std::isfinite(deviation)) worst[i] = std::max(worst[i], deviation);
      }
    }
  }
  return worst;
}

}  // namespace tenon::tools
