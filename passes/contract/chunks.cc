// How a contraction is cut into chunks for `parallel`, and what of it stays near within one.
#include "tenon/passes/contract/chunks.h"

#include <algorithm>
#include <cmath>

#include "tenon/ir/dtype.h"
#include "tenon/passes/contract/tile_cost.h"
#include "tenon/passes/lower/ahead.h"

namespace tenon::contract {

using ir::Dim;

namespace {

// Whether panels may be copied while the tiles of others run: a row of B is then a load and a
// store. Not where rows of A are packed, for these go against all panels in blocks.
bool MayCopyWithinTiles(const ContractNest& nest, const ir::TargetDesc& target, const Schedule& s) {
  const bool by_rows = nest.m.size() == 1 && nest.k.size() == 1 && nest.n.back().b == Dim(1);
  const bool as_they_lie = !nest.pairs && !nest.b.computed && s.a_rows == Schedule::Rows::kDirect;
  return s.panel == Schedule::Panel::kPacked && !s.prepacked && !s.matrix && by_rows &&
         as_they_lie && HeldRows(target, s, s.rows, s.lanes) == 0 &&
         Guess(PanelColumns(nest, s)) >= s.lanes;
}

// What is to be shared out where there is one m loop, in numbers.
struct Work {
  int64_t rows, panels, steps, vectors;
  int64_t repeats;  // batches and outer columns, each with chunks of its own
  int64_t step_bytes, result_pitch;
  int64_t k_blocks, steps_per_block;
  double bytes_of_b, bytes_of_results, operations;
  bool may_copy;  // panels within tiles
};

Work MeasureWork(const ContractNest& nest, const ir::TargetDesc& target, const Schedule& s) {
  const int64_t bytes = ir::ByteSize(nest.accumulator);
  const int64_t width = std::max(1, target.Lanes(bytes));
  const int64_t n = AtLeastOne(PanelColumns(nest, s)), outer_k = AtLeastOne(nest.k[0].extent);
  Work work;
  work.rows = AtLeastOne(nest.m.back().extent);
  work.panels = CeilDiv(n, s.lanes);
  work.steps = AtLeastOne(nest.K());
  work.vectors = CeilDiv(s.lanes, width);
  work.repeats = std::max<int64_t>(1, Guess(nest.N()) / Guess(nest.n.back().extent)) *
                 AtLeastOne(nest.Batch());
  work.step_bytes = bytes;
  work.k_blocks = CeilDiv(outer_k, s.k_block);
  work.steps_per_block = s.k_block * std::max<int64_t>(1, work.steps / outer_k);
  const double of_b = static_cast<double>(n) * static_cast<double>(work.steps * work.repeats);
  work.bytes_of_b = of_b * ir::ByteSize(nest.operand_dtype());
  work.result_pitch = AtLeastOne(nest.N()) * bytes;
  work.bytes_of_results = static_cast<double>(work.rows * n * work.repeats * bytes);
  work.may_copy = MayCopyWithinTiles(nest, target, s);
  // A byte of B takes as long as some operations do where few rows share it.
  constexpr double kOperationsPerByte = 4;
  work.operations =
      std::max(2.0 * of_b * static_cast<double>(work.rows), kOperationsPerByte * work.bytes_of_b);
  return work;
}

// Steps of k after which a tile of these chunks copies a row of the next panel: so few that about
// all of it is copied by the last tile, and so many that few rows follow each other. 0 where
// waiting for the lines of B costs less, as they come from the second level.
int StepsPerCopiedRow(const ir::TargetDesc& target, const Schedule& s, const Work& work) {
  if (!work.may_copy) return 0;
  constexpr int64_t kMost = 16, kLeast = 4;
  const int64_t rows = std::min(work.rows, s.rows_per_chunk), tiles = rows / s.rows;
  if (work.bytes_of_b <= static_cast<double>(target.l2_bytes) / 2 || tiles < kLeast) return 0;
  if (s.panels_per_chunk < 2 && !s.several_k_blocks) return 0;
  int steps = kMost;
  while (steps > tiles) steps /= 2;
  return steps;
}

// What it costs to begin with a run of results, next to each other, where they lie far away: on a
// page that was not at hand, whose lines nobody has asked for. (In units of one FMA.)
constexpr int64_t kFarRun = 90;

// Whether results lie so far away, and their rows so far apart, that each run is such a one.
bool AreFar(const ir::TargetDesc& target, const Work& work) {
  return work.bytes_of_results > static_cast<double>(target.l2_bytes) / 2 &&
         work.result_pitch > lower::kFarBytes;
}

// Whether few rows at a time go against all panels of a chunk, so that results are written row by
// row, not in as many runs as there are panels: where all of these stay in the second level, sums
// are so short that it counts, and tiles write the results themselves.
bool WritesByRow(const ir::TargetDesc& target, const Schedule& s, const Work& work) {
  const int64_t panel = work.steps_per_block * s.lanes * work.step_bytes;
  return AreFar(target, work) && work.steps * work.vectors <= 10 * kFarRun &&
         s.steps_per_copied_row == 0 && !s.matrix && !s.deferred && s.panels_per_chunk > 1 &&
         s.panels_per_chunk * panel <= target.l2_bytes / 2;
}

// Cycles, in units of one FMA, that a chunk of so many rows and panels takes: the tiles; copying
// the panels of B, whose lines come from afar and one by one, or within tiles; reading panels that
// `prepare` packed, and A, for which the hardware looks ahead, or copying A likewise; and writing
// results far away.
double ChunkCost(const ir::TargetDesc& target, const Schedule& s, const Work& work, double rows,
                 double panels) {
  // Fitted to what schedules were found to take (docs/hunts/contractions.md). What is evaluated or
  // transposed on the way is waited for less than plain copies are. A line that is copied within
  // tiles is not, but takes from what all threads share, as often as rows are cut.
  const double near_line = 4, far_line = work.may_copy ? 40 : 16, copied_line = 20;
  const int64_t tile_rows = std::min<int64_t>(s.rows, s.rows_per_chunk);
  const double tiles =
      std::ceil(rows / s.rows) * (s.matrix ? MatrixTileCost(target, tile_rows, work.vectors)
                                           : TileCost(target, s, tile_rows, work.vectors));
  const bool copies_next = s.steps_per_copied_row > 0;
  // The first one is waited for in any case.
  const double waited_for = copies_next ? 1.0 / static_cast<double>(work.k_blocks) : panels;
  double lines_of_b = 0;
  if (s.prepacked && !s.matrix) {
    lines_of_b = near_line * panels;
  } else if (s.panel != Schedule::Panel::kDirect && !s.prepacked) {
    lines_of_b = far_line * waited_for + copied_line * (panels - waited_for);
  }
  const double lines_of_a =
      rows * static_cast<double>(work.step_bytes) / static_cast<double>(target.cache_line);
  const double read_a = near_line * lines_of_a;
  const double pack_a = s.a_rows == Schedule::Rows::kDirect ? 0 : far_line * lines_of_a;
  const double runs = rows * (WritesByRow(target, s, work) ? 1 : panels);
  const double write = AreFar(target, work) ? static_cast<double>(kFarRun) * runs : 0;
  const double start = 500;
  return start + write +
         static_cast<double>(work.steps) *
             (panels * tiles + static_cast<double>(work.vectors) * lines_of_b + read_a + pack_a);
}

int64_t Chunks(const Schedule& s, const Work& work) {
  return work.repeats * CeilDiv(work.rows, s.rows_per_chunk) *
         CeilDiv(work.panels, s.panels_per_chunk);
}

// What `threads` threads take together with the schedule's chunks, as if all were whole. Where
// panels are copied one thread, which goes through all of them, counts those that are not.
double CostOfAll(const ir::TargetDesc& target, const Schedule& s, const Work& work, int threads) {
  const int64_t chunks = Chunks(s, work);
  if (threads == 1 && s.steps_per_copied_row > 0) {
    const auto mean = [](int64_t all, int64_t each) {
      return static_cast<double>(all) / static_cast<double>(CeilDiv(all, each));
    };
    return ChunkCost(target, s, work, mean(work.rows, s.rows_per_chunk),
                     mean(work.panels, s.panels_per_chunk)) *
           static_cast<double>(chunks);
  }
  const double whole = ChunkCost(target, s, work, static_cast<double>(s.rows_per_chunk),
                                 static_cast<double>(s.panels_per_chunk));
  return whole * static_cast<double>(CeilDiv(chunks, threads)) * threads;
}

// Whether a chunk's panels, or the sums that wait in it, are more than should be near at a time.
bool Overflows(const ir::TargetDesc& target, const Schedule& s, const Work& work) {
  const int64_t panel = work.steps_per_block * s.lanes * work.step_bytes;
  if (s.steps_per_copied_row == 0 && s.panels_per_chunk * panel > target.l3_bytes / 2) return true;
  const int64_t sums = s.rows_per_chunk * s.panels_per_chunk * s.lanes * work.step_bytes;
  const int64_t between_blocks = s.matrix ? target.l2_bytes / 2 : 4 << 20;
  const int64_t before_epilogue = std::min<int64_t>(1 << 18, target.l2_bytes / 2);
  return (s.several_k_blocks && sums > between_blocks) || (s.deferred && sums > before_epilogue);
}

// Rows that are taken against all panels before the next ones: of a chunk with several panels as
// many as half of the second level holds; few where results are written row by row, which then lie
// on few pages. Where panels are copied within tiles each goes against all rows before the next.
int64_t ChooseRowBlock(const ir::TargetDesc& target, const Schedule& s, const Work& work) {
  constexpr int64_t kRowsWritten = 24;
  const bool again =
      s.panels_per_chunk > 1 && s.panel != Schedule::Panel::kDirect && s.steps_per_copied_row == 0;
  const bool by_row = WritesByRow(target, s, work);
  if (!again && !by_row && s.a_rows == Schedule::Rows::kDirect) return s.rows_per_chunk;
  const int64_t row_bytes = work.steps_per_block * work.step_bytes;
  int64_t fits = s.matrix ? s.rows : std::max<int64_t>(4 * s.rows, target.l2_bytes / 2 / row_bytes);
  if (by_row) fits = std::max<int64_t>(s.rows, kRowsWritten);
  const int64_t blocks = CeilDiv(s.rows_per_chunk, fits);
  return CeilDiv(CeilDiv(s.rows_per_chunk, blocks), s.rows) * s.rows;
}

}  // namespace

void ChooseRowChunks(const ContractNest& nest, const ir::TargetDesc& target, Schedule* s) {
  const Work work = MeasureWork(nest, target, *s);
  // None below some 10 microseconds; nor, where panels are copied, above some 10 milliseconds.
  const double least = s->matrix ? 1e7 : 1e6, most = 2e9;
  const int64_t most_chunks = std::max(work.repeats, static_cast<int64_t>(work.operations / least));
  const auto fewest_chunks = work.may_copy ? static_cast<int64_t>(work.operations / most) : 0;
  double best = -1;
  Schedule tried = *s;
  for (int64_t row_parts = 1; row_parts <= 64; ++row_parts) {
    tried.rows_per_chunk = CeilDiv(CeilDiv(work.rows, row_parts), s->rows) * s->rows;
    for (int64_t panel_parts = 1; panel_parts <= std::min<int64_t>(64, work.panels);
         ++panel_parts) {
      tried.panels_per_chunk = CeilDiv(work.panels, panel_parts);
      const int64_t chunks = Chunks(tried, work);
      if (chunks > most_chunks) continue;
      tried.steps_per_copied_row = StepsPerCopiedRow(target, tried, work);
      const bool big = chunks < fewest_chunks || Overflows(target, tried, work);
      // Where panels are copied large chunks are free, but for those who wait for their part.
      const double of_many = work.may_copy ? 0.05 * CostOfAll(target, tried, work, 8) : 0;
      const double cost = CostOfAll(target, tried, work, 1) + CostOfAll(target, tried, work, 2) +
                          0.1 * CostOfAll(target, tried, work, 4) + of_many + (big ? 1e18 : 0);
      if (best >= 0 && cost >= best) continue;
      best = cost;
      *s = tried;
    }
  }
  s->rows_per_block = ChooseRowBlock(target, *s, work);
}

void ChooseOuterChunks(const ContractNest& nest, Schedule* s) {
  const int64_t rows = AtLeastOne(nest.m.back().extent);
  const int64_t outer = std::max<int64_t>(1, Guess(nest.M()) / rows);
  const int64_t panels = CeilDiv(AtLeastOne(nest.N()), s->lanes) * AtLeastOne(nest.Batch());
  const double row_work = 2.0 * static_cast<double>(AtLeastOne(nest.K())) * s->lanes;
  // None below some 10 microseconds; a packed panel wants to be used for some time; waiting sums
  // should stay in cache.
  const double least = 1e6;
  int64_t wanted = std::max<int64_t>(1, CeilDiv(16, panels));
  const double work = row_work * static_cast<double>(rows * outer);
  wanted = std::clamp<int64_t>(wanted, 1, std::max<int64_t>(1, static_cast<int64_t>(work / least)));
  int64_t block = CeilDiv(rows * outer, wanted);
  if (s->panel != Schedule::Panel::kDirect) block = std::max<int64_t>(block, 8 * s->rows);
  if (s->several_k_blocks) block = std::min<int64_t>(block, 512);
  if (s->deferred) block = std::min<int64_t>(block, 256);
  s->rows_per_chunk = CeilDiv(rows, s->rows) * s->rows;
  s->rows_per_block = s->rows_per_chunk;
  s->outer_per_chunk = std::max<int64_t>(1, block / rows);
}

}  // namespace tenon::contract
