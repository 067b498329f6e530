// Combiners as kernel code.
#ifndef TENON_PASSES_LOWER_COMBINE_H_
#define TENON_PASSES_LOWER_COMBINE_H_

#include "tenon/ir/compute.h"
#include "tenon/ir/kernel/builder.h"
#include "tenon/ir/kernel/scalar_rules.h"

namespace tenon::lower {

using kernel::CombineOp;

// What a reduction starts from: 0, 1, the least, the greatest, true, false. A scalar.
kernel::ValueId IdentityOf(kernel::KernelBuilder& k, ir::Combiner combiner, ir::DType dtype);

}  // namespace tenon::lower

#endif  // TENON_PASSES_LOWER_COMBINE_H_
