#include "tenon/passes/fuse/reduction_order.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tenon/passes/fuse/cost.h"

namespace tenon::fuse {

using ir::Dim;

namespace {

// Fewer elements than this do not make a row: the next dimension is taken as well.
constexpr double kShortRow = 8;
constexpr int kLanes = 16;
// Rows from this length on have several sets of accumulators: additions to one wait for another.
constexpr double kRowOfSets = 128;
constexpr int kSets = 4;

// Parts are at most so many: enough for any number of threads that a step is worth.
constexpr double kMaxParts = 64;
// Of few rows: rows that have a chunk of work in each part.
constexpr double kFewRows = 16;
constexpr double kElementsOfPart = 16384;
// Of columns: enough rows, and enough in all. A part has a few rows at least, since it costs a row
// of memory.
constexpr double kManyRows = 64;
constexpr double kManyElements = 65536;
constexpr double kRowsOfPart = 8;

int64_t CeilOf(double n, double parts) { return static_cast<int64_t>(std::ceil(n / parts)); }

void CutRows(double length, double rest, ReductionOrder* order) {
  const double parts = std::min(kMaxParts, std::floor(length * rest / kElementsOfPart));
  if (parts < 2) return;
  if (rest >= parts) {
    order->part_of_rest = CeilOf(rest, parts);
    return;
  }
  if (rest > 1) order->part_of_rest = 1;
  const int64_t unit = int64_t{order->lanes} * order->sets;
  const int64_t piece = CeilOf(length, std::ceil(parts / rest));
  order->part_of_row = (piece + unit - 1) / unit * unit;
}

}  // namespace

bool IsRowType(const ir::ComputeDef& def) {
  // The operand's last dimension that is more than one element long: who walks along it?
  const ir::Access& access = def.accesses.back();
  for (size_t d = access.index.size(); d-- > 0;) {
    for (const ir::Affine::Term& term : access.index[d].affine.terms) {
      if (def.domain[term.iterator] == Dim(1)) continue;
      return term.iterator >= def.num_parallel;
    }
  }
  return def.num_parallel == 0;
}

ReductionOrder OrderOf(const ir::ComputeDef& def) {
  ReductionOrder order;
  std::vector<double> reduced;
  double kept = 1, rest = 1, length = 1;
  for (int i = 0; i < static_cast<int>(def.domain.size()); ++i) {
    if (i < def.num_parallel) {
      kept *= Size(def.domain[i]);
    } else if (!(def.domain[i] == Dim(1))) {
      reduced.push_back(Size(def.domain[i]));
      rest *= reduced.back();
    }
  }
  order.by_row = IsRowType(def);
  if (!order.by_row) {
    if (rest < kManyRows || rest * kept < kManyElements) return order;
    order.part_of_rest = std::max(static_cast<int64_t>(kRowsOfPart), CeilOf(rest, kMaxParts));
    return order;
  }
  rest = 1;
  for (size_t i = reduced.size(); i-- > 0;) {
    if (length >= kShortRow) {
      rest *= reduced[i];
      continue;
    }
    length *= reduced[i];
    ++order.row_dims;
  }
  while (order.lanes < kLanes && order.lanes < length) order.lanes *= 2;
  if (length >= kRowOfSets) order.sets = kSets;
  if (kept < kFewRows) CutRows(length, rest, &order);
  return order;
}

}  // namespace tenon::fuse
