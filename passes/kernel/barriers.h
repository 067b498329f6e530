// PlaceBarriers: puts a barrier wherever two launches may meet on different threads, and nowhere
// else.
//
// Between barriers the pass keeps what has been touched: which bytes, whether written, and by whom.
// A launch that touches bytes touched before, where one of the two writes, gets a barrier before it
// unless both belong to one thread for certain: both kernels run a single chunk, which the last
// thread always takes. Bytes are those of the planned arena (two buffers that share memory in turn
// conflict like one), of the prepared area, or a binding; a donated pair is one binding. Predicates
// of loops and branches are read by every thread, as is what kernels read outside `parallel`.
//
// A loop's end meets its begin, so a body that conflicts with itself over the turn ends in a
// barrier of its own.
//
// Program with planned memory and without barriers -> the same with barriers. The kernel
// interpreter checks the result (ir/kernel/interpreter.h).
#ifndef TENON_PASSES_KERNEL_BARRIERS_H_
#define TENON_PASSES_KERNEL_BARRIERS_H_

#include "tenon/ir/kernel/kernel.h"

namespace tenon::passes {

void PlaceBarriers(kernel::Program* program);

}  // namespace tenon::passes

#endif  // TENON_PASSES_KERNEL_BARRIERS_H_
