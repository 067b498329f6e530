// What is alive at a timeline's peak, as text: for errors and for people.
#ifndef TENON_PASSES_MEMORY_PEAK_H_
#define TENON_PASSES_MEMORY_PEAK_H_

#include <string>

#include "tenon/ir/graph.h"
#include "tenon/passes/memory/timeline.h"

namespace tenon::memory {

// One line a tensor, the largest first: bytes, type, op and the user's line; beyond `most` of them
// a sum.
std::string TensorsAtPeak(const ir::Graph& graph, const Timeline& timeline, int most);

// "1536 bytes", "1.5 MiB".
std::string BytesText(int64_t bytes);

}  // namespace tenon::memory

#endif  // TENON_PASSES_MEMORY_PEAK_H_
