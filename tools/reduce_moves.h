// The moves of `tenon reduce` (reduce_moves.def). Each makes a model smaller, and knows nothing of
// why.
#ifndef TENON_TOOLS_REDUCE_MOVES_H_
#define TENON_TOOLS_REDUCE_MOVES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "tenon/ir/binary.h"

namespace tenon::tools {

struct Move {
  const char* name;
  bool many;  // whether places may change together
  const char* summary;
  // How many places of the model it could change.
  int64_t (*count)(const ir::Model& model);
  // The model changed at the places from `begin` to before `end`; nullopt where that is no model.
  // Its graph is well formed, but not necessarily verified.
  std::optional<ir::Model> (*apply)(const ir::Model& model, int64_t begin, int64_t end);
};
absl::Span<const Move> AllMoves();

// What moves make smaller, the most important first; compared in this order.
struct ModelSize {
  double ops = 0;  // weighted: a constant is half of an op
  double outputs = 0, kinds = 0, inputs = 0;
  double elements = 0;  // of all values, at the symbols' bounds
  double symbols = 0, weights = 0;
  auto operator<=>(const ModelSize&) const = default;
};
ModelSize SizeOf(const ir::Model& model);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_REDUCE_MOVES_H_
