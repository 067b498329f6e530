// In which order a reduction adds up at the levels above `exact`: from its own shape alone, so that
// neither its neighbours nor how it is fused change a bit. docs/numerics.md states the rule.
#ifndef TENON_PASSES_FUSE_REDUCTION_ORDER_H_
#define TENON_PASSES_FUSE_REDUCTION_ORDER_H_

#include <cstdint>

#include "tenon/ir/compute.h"

namespace tenon::fuse {

struct ReductionOrder {
  // Along the operand's contiguous axis, by `lanes * sets` accumulators in turn and a tree over
  // them; otherwise in order.
  bool by_row = false;
  // By row: how many of the reduced dimensions (those of one element do not count) make a row, the
  // innermost ones. Accumulators start anew with the first at each row.
  int row_dims = 0;
  int lanes = 1, sets = 1;
  // Where the reduction is cut into parts, whose sums are added up in order: by so many elements of
  // the row, and so many of what is reduced around it (by column: of all that is reduced). 0:
  // whole.
  int64_t part_of_row = 0, part_of_rest = 0;

  bool is_cut() const { return part_of_row > 0 || part_of_rest > 0; }
};

// Whether the operand's contiguous axis is reduced.
bool IsRowType(const ir::ComputeDef& def);

ReductionOrder OrderOf(const ir::ComputeDef& def);

}  // namespace tenon::fuse

#endif  // TENON_PASSES_FUSE_REDUCTION_ORDER_H_
