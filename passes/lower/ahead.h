// How far ahead of its reads a loop asks for memory (kernel IR's `prefetch`).
//
// The hardware follows a stream to the end of its page, and only while the stream is being read.
// Where every step of a loop reads another page, as a walk down the columns of a wide matrix does,
// nothing comes before it is asked for; and where a row is read and then computed with, memory
// stands still meanwhile. docs/hunts/contractions.md and rows.md have what the numbers gain.
#ifndef TENON_PASSES_LOWER_AHEAD_H_
#define TENON_PASSES_LOWER_AHEAD_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tenon/ir/target.h"

namespace tenon::lower {

// To be asked for `steps` values of the loop's variable before it is read, into the cache `level`.
struct Ahead {
  int64_t steps;
  int level;
};

struct LookAheadRule {
  std::vector<Ahead> ahead;
  // Only for what lies so many bytes apart from one step to the next, in buffers of more than so
  // many bytes. (Those whose size the run decides count by their bound.)
  int64_t step_bytes = 0;
  int64_t buffer_bytes = 0;
};

// Steps at least so many bytes apart are on pages of their own, or nearly.
inline constexpr int64_t kFarBytes = 2048;

// For loops of such steps. Only a few of their lines fit the first level side by side, where powers
// of two lie between them: the rest comes as near as the second.
inline LookAheadRule FarSteps() { return {{{6, 1}, {32, 2}}, kFarBytes}; }

// For those of contractions of few rows, which take as long as reading, where B is near or read
// from end to end: to ask for more than what comes next holds up what is wanted now.
inline LookAheadRule FarStepsInTurn() { return {{{6, 1}}, kFarBytes}; }

// For loops of nearer steps whose vectors lie across lines, of what the second level holds: the
// hardware follows them, but late.
inline LookAheadRule StepsAcrossLines() { return {{{6, 1}}}; }

// For kernels that go once through whole tensors, side by side: a kilobyte of each, beyond which
// the first level would hold less than comes. Only the hardware's own streams are not enough where
// four are read and three written. `lane` is one element.
inline LookAheadRule AlongStreams(const ir::TargetDesc& target) {
  return {{{256, 1}}, 1, target.l2_bytes};
}

// For kernels that go through rows of `row_bytes` more than once, `rows` at a time, in `streams` of
// them: what is next, and at least a page ahead, into the first level if that holds it beside what
// is being worked on. Nothing where the second level would not hold it until its turn comes.
inline LookAheadRule NextRows(double row_bytes, int rows, int streams,
                              const ir::TargetDesc& target) {
  constexpr double kBytesAhead = 4096;
  const double turn = std::max(1.0, row_bytes * rows);
  if (turn > static_cast<double>(target.l2_bytes) / 4) return {};
  const double turns = std::ceil(kBytesAhead / turn);
  const bool fits = (turns + 1) * turn * streams <= static_cast<double>(target.l1_bytes);
  return {{{static_cast<int64_t>(turns) * rows, fits ? 1 : 2}}, 1, target.l1_bytes};
}

// Whether a kernel that goes through rows is to ask for the lines of a buffer of so many bytes
// before it writes them: then a plain store waits for nothing, and pays for buffers half as large
// again as where it waits (docs/hunts/rows.md). Larger ones are stored past the caches.
inline bool AsksToStore(double buffer_bytes, const ir::TargetDesc& target) {
  return target.has_prefetch && buffer_bytes > static_cast<double>(target.l1_bytes) &&
         buffer_bytes <= 1.5 * static_cast<double>(target.stream_bytes);
}

}  // namespace tenon::lower

#endif  // TENON_PASSES_LOWER_AHEAD_H_
