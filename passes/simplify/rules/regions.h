// Surgery on control ops for the rules in control.cc.
#ifndef TENON_PASSES_SIMPLIFY_RULES_REGIONS_H_
#define TENON_PASSES_SIMPLIFY_RULES_REGIONS_H_

#include <vector>

#include "tenon/ir/graph.h"
#include "tenon/passes/simplify/rules.h"

namespace tenon::passes::rules {

// Which values of a region what remains of it depends on.
struct RegionUse {
  std::vector<bool> inputs;
};
// The inputs that the outputs in `outputs` depend on.
RegionUse UseOf(const ir::Graph& region, const std::vector<bool>& outputs);

// `region` with the inputs and outputs in the masks only, dead nodes dropped. Nothing that remains
// depends on an input that does not.
ir::Graph Restrict(const ir::Graph& region, const std::vector<bool>& inputs,
                   const std::vector<bool>& outputs);

// `region` with its inputs in the given order; as many outputs, all of them kept.
ir::Graph ReorderInputs(const ir::Graph& region, const std::vector<int>& order);

// Builds the body of `region` where the match stands, for these inputs.
std::vector<ir::Value> SpliceRegion(Match& m, const ir::Graph& region,
                                    const std::vector<ir::Value>& inputs);

// The elements of `values` whose entry in `mask` is set.
template <typename T>
std::vector<T> Keep(const std::vector<T>& values, const std::vector<bool>& mask) {
  std::vector<T> kept;
  for (size_t i = 0; i < values.size(); ++i) {
    if (mask[i]) kept.push_back(values[i]);
  }
  return kept;
}
inline int CountOf(const std::vector<bool>& mask, size_t begin, size_t end) {
  int count = 0;
  for (size_t i = begin; i < end; ++i) count += mask[i];
  return count;
}
inline bool All(const std::vector<bool>& mask) {
  return CountOf(mask, 0, mask.size()) == static_cast<int>(mask.size());
}

}  // namespace tenon::passes::rules

#endif  // TENON_PASSES_SIMPLIFY_RULES_REGIONS_H_
