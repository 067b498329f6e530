// How a ContractNest is computed: numbers that follow from its shape and the target alone.
//
// The register tile is `rows` of A by `lanes` of B. Work is split into chunks for `parallel`; a
// chunk takes some panels of `lanes` columns and a block of rows, packs the panels of B where their
// rows lie far apart, and runs the tiles over them. The result's bits do not depend on any of this
// but `split` and `dot_columns`: every other element is one chain over k from zero.
#ifndef TENON_PASSES_CONTRACT_SCHEDULE_H_
#define TENON_PASSES_CONTRACT_SCHEDULE_H_

#include <cstdint>

#include "tenon/ir/target.h"
#include "tenon/passes/contract/nest.h"
#include "tenon/passes/options.h"

namespace tenon::contract {

struct Schedule {
  int rows = 1;
  int lanes = 1;       // a power of two up to 16, or a multiple of 16
  int tail_lanes = 0;  // of the last panel; 0 where all panels are full
  // Whether tiles may take some of their rows from registers that hold kHeldSteps steps of a row,
  // where loads would hold them up (HeldRows says how many).
  static constexpr int kHeldSteps = 4;
  bool holds_rows = false;
  // Whether the tile is one of matrix registers (matrix_tile.cc): rows and lanes are 16 or 32, the
  // sums go through memory, and what follows on them is computed behind each tile.
  bool matrix = false;
  // Above 0: what follows on a tile's sums is computed within the next tile's loop over k, so many
  // rows a step: the vectors' units have nothing else to do meanwhile.
  int rows_per_step = 0;

  // So many of the last columns are in no panel: each is summed up along k, in kDotLanes
  // accumulators that take its products in turn and a tree over them, as reductions along a
  // contiguous axis. Blocks of k are whole turns.
  // Follows from the shape alone, whatever vectors the target has. `dot_rows`: how many rows of
  // them at a time, a divisor of `rows`.
  static constexpr int kDotLanes = 16;
  int dot_columns = 0;
  int dot_rows = 1;

  // B's panel: read where it lies, copied lane by lane, or copied by transposing blocks (where k is
  // what lies next to each other). A computed B is always packed.
  enum class Panel : uint8_t { kDirect, kPacked, kTransposed } panel = Panel::kDirect;
  // Whether `prepare` packs all of B's panels, once for a set of weights.
  bool prepacked = false;
  // Above 0: in so many steps of k the tiles of a panel copy a row of the next one, in one or two
  // pieces, to one of two places that take turns (next_panel.cc). Else the first tile that reads a
  // panel copies it, or it is copied before.
  int steps_per_copied_row = 0;
  // A block of A's rows: read where they lie, packed row by row (where k lies next to each other,
  // for an A that is computed), or packed tile by tile, a step's rows side by side (where m does),
  // or transposed, rows of pairs (where m does, for matrix registers). With several m loops A is
  // never packed.
  enum class Rows : uint8_t { kDirect, kByRow, kByTile, kTransposed } a_rows = Rows::kDirect;
  // Iterations of the outermost k loop for which a panel is packed at a time. With more than one
  // block, sums wait in memory between them.
  int64_t k_block = 0;
  bool several_k_blocks = false;

  // Whether tiles only leave their sums in memory, and the group's stored values are computed row
  // by row once a chunk's sums are complete. For epilogues of many operations, which would be
  // written out for each row of a tile, and where the count of rows is not known: then the last
  // tile may overlap the one before it (the sums are the same) and no other tiles are needed.
  bool deferred = false;

  // Rows (of the innermost m loop), or iterations of the outer m loops together, a chunk; and
  // panels.
  int64_t rows_per_chunk = 0;
  int64_t outer_per_chunk = 0;
  int64_t panels_per_chunk = 1;
  // Rows that are taken at a time, where there is one m loop: against all panels of the chunk, so
  // that they stay in the second level's cache meanwhile.
  int64_t rows_per_block = 0;

  // Above 0: k's outermost loop is cut into pieces of this many iterations, whose sums are stored
  // and added up afterwards, piece by piece. Follows from the shape alone, whatever the target.
  int64_t split = 0;
};

// Up to so many rows a product takes as long as reading B.
inline constexpr int64_t kFewRows = 8;

// Columns of the innermost n loop that panels hold.
ir::Dim PanelColumns(const ContractNest& nest, const Schedule& s);

// What a schedule depends on beside shape and target.
struct Surroundings {
  bool exact = false;       // every sum is one chain
  int epilogue = 0;         // operations that follow on each result
  bool b_is_fixed = false;  // `prepare` could pack B, and may
};
// Whether `prepare` may keep packed copies of what depends on parameters alone.
bool MayPrepack(const ir::TargetDesc& target, passes::Prepack prepack);
Schedule MakeSchedule(const ContractNest& nest, const ir::TargetDesc& target,
                      const Surroundings& around);

}  // namespace tenon::contract

#endif  // TENON_PASSES_CONTRACT_SCHEDULE_H_
