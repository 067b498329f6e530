// Checks gradients against central differences, in f64, through the graph interpreter.
#ifndef TENON_TESTS_PASSES_GRAD_CHECK_H_
#define TENON_TESTS_PASSES_GRAD_CHECK_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tenon/ir/interpreter.h"
#include "tenon/ir/literal.h"
#include "tenon/ir/text.h"
#include "tenon/ir/verifier.h"
#include "tenon/passes/grad/grad.h"

namespace tenon::passes {

struct GradCheckOptions {
  std::string loss = "loss";
  // The step, times max(1, |x|). Central differences err by O(step^2) f''' and by the rounding of
  // the loss over the step: 1e-5 balances both in f64 for losses of ordinary size.
  double step = 1e-5;
  // Relative to max(1, |gradient|): both errors above stay below 1e-9 times the derivatives' size,
  // and derivatives of a few tens are common.
  double tolerance = 1e-6;
  // At most so many elements of each input are moved, evenly spread.
  int64_t max_elements = 48;
};

// Differentiates `graph` with respect to the inputs `wrt` (f64), evaluates it at `inputs`, and
// compares with differences of the loss. Where the loss has a kink near `inputs`, the comparison
// means nothing.
inline ::testing::AssertionResult CheckGradients(const ir::Graph& graph,
                                                 const std::vector<std::string>& wrt,
                                                 std::vector<ir::Literal> inputs,
                                                 const GradCheckOptions& options = {}) {
  const auto fail = [&](const std::string& message) {
    return ::testing::AssertionFailure() << message << "\n" << ir::Print(graph);
  };
  const absl::StatusOr<ir::Graph> differentiated =
      Differentiate(graph, {.loss = options.loss, .wrt = wrt, .prefix = "check/"});
  if (!differentiated.ok()) return fail(differentiated.status().ToString());
  if (const absl::Status status = ir::Verify(*differentiated); !status.ok()) {
    return fail(status.ToString());
  }
  const absl::StatusOr<std::vector<ir::Literal>> results = ir::Interpret(*differentiated, inputs);
  if (!results.ok()) return fail(results.status().ToString());
  const int loss = graph.FindOutput(options.loss);
  for (size_t w = 0; w < wrt.size(); ++w) {
    const int input = graph.FindInput(wrt[w]);
    const ir::Literal& gradient = (*results)[graph.outputs().size() + w];
    if (!(gradient.type() == inputs[input].type())) {
      return fail("the gradient is a " + gradient.type().ToString());
    }
    const int64_t size = inputs[input].size();
    const int64_t step = std::max<int64_t>(1, size / std::max<int64_t>(1, options.max_elements));
    for (int64_t i = 0; i < size; i += step) {
      const double x = inputs[input].GetAsDouble(i);
      const double h = options.step * std::max(1.0, std::abs(x));
      double sides[2];
      for (int side = 0; side < 2; ++side) {
        inputs[input].SetFromDouble(i, side == 0 ? x - h : x + h);
        const absl::StatusOr<std::vector<ir::Literal>> moved = ir::Interpret(graph, inputs);
        if (!moved.ok()) return fail(moved.status().ToString());
        sides[side] = (*moved)[loss].GetAsDouble(0);
      }
      inputs[input].SetFromDouble(i, x);
      const double expected = (sides[1] - sides[0]) / (2 * h);
      const double got = gradient.GetAsDouble(i);
      if (!(std::abs(got - expected) <= options.tolerance * std::max(1.0, std::abs(expected)))) {
        return fail("d " + options.loss + " / d " + wrt[w] + "[" + std::to_string(i) + "] is " +
                    std::to_string(got) + ", by differences " + std::to_string(expected));
      }
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace tenon::passes

#endif  // TENON_TESTS_PASSES_GRAD_CHECK_H_
