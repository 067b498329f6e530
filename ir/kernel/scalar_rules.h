// Which element types each scalar op and combiner of the kernel IR works on (invariants 4 and 6 of
// ir/kernel/verifier.h), and what a combiner is as a scalar op.
#ifndef TENON_IR_KERNEL_SCALAR_RULES_H_
#define TENON_IR_KERNEL_SCALAR_RULES_H_

#include <vector>

#include "tenon/ir/compute.h"
#include "tenon/ir/dtype.h"

namespace tenon::kernel {

// Whether `op` takes arguments of these element types (as many as its arity) and gives `result`.
bool FitsScalarOp(ir::ScalarOp op, const std::vector<ir::DType>& args, ir::DType result);

bool FitsCombiner(ir::Combiner combiner, ir::DType dtype);

// The scalar op that combines two elements; not of kNone.
ir::ScalarOp CombineOp(ir::Combiner combiner);

}  // namespace tenon::kernel

#endif  // TENON_IR_KERNEL_SCALAR_RULES_H_
