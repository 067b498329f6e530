// Delta debugging on models: from one that shows something to a small one that still does.
#ifndef TENON_TOOLS_REDUCER_H_
#define TENON_TOOLS_REDUCER_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "tenon/ir/binary.h"
#include "tools/reduce_moves.h"

namespace tenon::tools {

struct Reduction {
  // Whether a candidate shows it. An error ends the reduction.
  std::function<absl::StatusOr<bool>(const ir::Model&)> is_interesting;
  // Called with each smaller model that does, and what led to it.
  std::function<absl::Status(const ir::Model&, const Move& move)> on_smaller;
  // Called before each test.
  std::function<void(const ir::Model&, const Move& move, int64_t tests)> on_test;
};

// A model for which no single place of any move (reduce_moves.def) leads to a smaller one that is
// interesting. `model` itself must be. Moves change many places at first, then ever fewer, so that
// a thousand ops take some hundred tests. The same for the same model and answers.
absl::StatusOr<ir::Model> Reduce(ir::Model model, const Reduction& reduction);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_REDUCER_H_
