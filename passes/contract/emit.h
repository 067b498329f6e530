// The kernels of a scheduled contraction. See contract/contract.h.
#ifndef TENON_PASSES_CONTRACT_EMIT_H_
#define TENON_PASSES_CONTRACT_EMIT_H_

#include "tenon/passes/contract/nest.h"
#include "tenon/passes/contract/schedule.h"
#include "tenon/passes/lower/context.h"

namespace tenon::contract {

// A kernel that copies an operand, with zeros where its access is outside, converted to `dtype`;
// gives the copy's place.
lower::Place CopyOperand(lower::LowerContext& context, const fuse::Group& group,
                         const Operand& operand, ir::DType dtype);

// The contraction itself; `a` and `b` are where the operands (or their copies) lie, invalid where
// the kernel evaluates them. Where the schedule has B prepacked, a kernel in `prepare` packs it;
// where it splits k, a second kernel adds the pieces.
void EmitContraction(lower::LowerContext& context, const fuse::Group& group,
                     const ContractNest& nest, const Schedule& schedule, const lower::Place& a,
                     const lower::Place& b);

}  // namespace tenon::contract

#endif  // TENON_PASSES_CONTRACT_EMIT_H_
