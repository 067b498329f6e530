// Mutation of scheduled programs: a check of the checks.
//
// A mutant is the program with one mistake put in that a scheduler could have made: a barrier left
// out, a mask left out, an addition left out of an offset. The kernel interpreter must notice every
// one, by a report or by different outputs, unless the mistake is none for these inputs: the
// barrier was not reached, or the same bits were written to the same elements throughout (a mask
// that never bites, a second mask behind a first, lanes that are loaded and dropped).
#ifndef TENON_TESTS_MUTATE_MUTATE_H_
#define TENON_TESTS_MUTATE_MUTATE_H_

#include <string>
#include <vector>

#include "tenon/ir/kernel/kernel.h"
#include "tenon/ir/literal.h"

namespace tenon::kernel {

struct Mutation {
  enum class Kind {
    kBarrier,         // the barrier step number `site` removed
    kLaneCount,       // of the access number `site` in `kernel`, removed
    kRowCount,        // likewise
    kPredicate,       // likewise
    kOffsetAddition,  // the addition number `site` in `kernel` replaced by its operand `operand`
    kArgumentOffset,  // the moved argument number `site` of all launches not moved
  };
  Kind kind;
  int kernel = -1;
  int site = 0;
  int operand = 0;
};

// All mutations of the program. Additions are those that an offset depends on.
std::vector<Mutation> EnumerateMutations(const Program& program);

Program Mutate(const Program& program, const Mutation& mutation);

// "tile: lane_count removed from `%14 = load x[%11, lane_count %13] : f32<16>`".
std::string Describe(const Program& program, const Mutation& mutation);

// One run's extents and inputs, as Interpret takes them.
struct MutationInput {
  std::vector<int64_t> extents;
  std::vector<ir::Literal> inputs;
};

struct MutationReport {
  int total = 0;
  int harmless = 0;                 // not noticed, and nothing to notice
  std::vector<Mutation> survivors;  // not noticed, though something differs
  std::string ToString(const Program& program) const;
};

// Runs every mutant over all inputs, each chunk a thread of its own. The program itself must run
// without reports. A mutant's run ends after `max_instructions`, which counts as noticed.
MutationReport RunMutants(const Program& program, const std::vector<MutationInput>& inputs,
                          int64_t max_instructions = int64_t{1} << 26);

}  // namespace tenon::kernel

#endif  // TENON_TESTS_MUTATE_MUTATE_H_
