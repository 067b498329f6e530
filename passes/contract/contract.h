// The schedule of contractions: packed, register-blocked loops with the group's epilogue.
//
//   contract/nest.h      what is computed: batch, m, n and k dimensions with strides
//   contract/schedule.h  how: tile, panels, chunks, splitting, from shape and target
//   contract/emit.h      the kernels
#ifndef TENON_PASSES_CONTRACT_CONTRACT_H_
#define TENON_PASSES_CONTRACT_CONTRACT_H_

#include "tenon/passes/lower/context.h"

namespace tenon::contract {

// Appends the launches of a contraction's group. False, and nothing is appended, where a plain
// reduction serves better (matrix times vector along k) or the body is no plain product.
bool LowerContraction(lower::LowerContext& context, const fuse::Group& group);

}  // namespace tenon::contract

#endif  // TENON_PASSES_CONTRACT_CONTRACT_H_
