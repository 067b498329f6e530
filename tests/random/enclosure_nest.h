// Loop nests over intervals. Private to enclosure.cc.
#ifndef TENON_TESTS_RANDOM_ENCLOSURE_NEST_H_
#define TENON_TESTS_RANDOM_ENCLOSURE_NEST_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tenon/ir/compute.h"
#include "tenon/ir/extents.h"
#include "tests/random/enclosure.h"

namespace tenon::tests {

// A running reduction. `units` is how many roundings its sum or product may have: its terms and
// those that a merger with others could add.
class Reducer {
 public:
  Reducer(ir::Combiner combiner, ir::DType dtype, double units);
  void Take(const Interval& x);
  Interval Result() const;

 private:
  ir::Combiner combiner_;
  ir::DType dtype_;
  double units_;
  Interval value_;
  double magnitude_ = 0;  // sums: of all terms
};

absl::Status EncloseNest(const ir::ComputeDef& def, absl::Span<const Enclosure* const> operands,
                         const ir::Extents& extents, Enclosure& result);

}  // namespace tenon::tests

#endif  // TENON_TESTS_RANDOM_ENCLOSURE_NEST_H_
