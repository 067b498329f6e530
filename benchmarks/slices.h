// Work that pinned threads do together, slice by slice: what peaks and streams are measured with.
#ifndef TENON_BENCHMARKS_SLICES_H_
#define TENON_BENCHMARKS_SLICES_H_

#include <functional>

namespace tenon::bench {

// body(thread) on every thread, pinned.
void OnThreads(int threads, const std::function<void(int)>& body);

// Seconds of the best of `slices` slices: slice(thread) on every thread at once.
double BestSlice(int threads, int slices, const std::function<void(int)>& slice);

}  // namespace tenon::bench

#endif  // TENON_BENCHMARKS_SLICES_H_
