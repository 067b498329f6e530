// StreamLargeStores: stores that bypass the caches, where the cache could not keep what they write.
//
// A plain store reads the line that it is about to overwrite, and pushes out what others will need;
// a non-temporal one does neither. It pays for a buffer of which the last level keeps too little,
// and costs where the next kernel would have found its input there (decision 0013 has the
// measurements). A kernel that also reads the buffer, or asks for its lines before it writes them,
// keeps plain stores: the line is there already.
#ifndef TENON_PASSES_LOWER_STREAM_H_
#define TENON_PASSES_LOWER_STREAM_H_

#include <cstdint>

#include "tenon/ir/kernel/kernel.h"

namespace tenon::lower {

// Marks the contiguous stores of `kernel`, launched as `launch` says, to buffers of more than
// `stream_bytes` that it only writes, and ends it with a fence. A buffer whose size is not constant
// counts as small: a run may use any part of it.
void StreamLargeStores(const kernel::Program& program, const kernel::Launch& launch,
                       int64_t stream_bytes, kernel::Kernel* kernel);

}  // namespace tenon::lower

#endif  // TENON_PASSES_LOWER_STREAM_H_
