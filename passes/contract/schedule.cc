#include "tenon/passes/contract/schedule.h"

#include <algorithm>
#include <numeric>

#include "tenon/ir/check.h"
#include "tenon/ir/dtype.h"
#include "tenon/passes/contract/chunks.h"
#include "tenon/passes/contract/tile_cost.h"
#include "tenon/passes/lower/ahead.h"

namespace tenon::contract {

using ir::Dim;

namespace {

// Lanes that a kernel value may have, at least `wanted`.
int AllowedLanes(int64_t wanted) {
  if (wanted > 16) return static_cast<int>(CeilDiv(wanted, 16) * 16);
  int lanes = 1;
  while (lanes < wanted) lanes *= 2;
  return lanes;
}

// Vectors of B that a tile may have, and how many rows then fit the registers: accumulators, B's
// vectors, and two for broadcasts (three where a product needs a register of its own), or as many
// as B's next vectors, which LLVM loads early where several steps are written out.
int MaxRows(const ir::TargetDesc& target, int vectors) {
  const int spare = std::max(target.has_fma ? 2 : 3, vectors);
  const int rows = (target.vector_registers - spare - vectors) / vectors;
  // With few registers LLVM needs some more of them for broadcasts and masks.
  const int most = target.vector_registers >= 32 ? (vectors == 1 ? 16 : 12) : vectors == 1 ? 8 : 5;
  return std::clamp(rows, 1, most);
}

// How many lines `pitch` bytes apart the first level holds side by side: its sets repeat every 4
// KiB, so lines a multiple of that apart share one, of as many lines as the cache has times 4 KiB.
int64_t LinesBesideEachOther(int64_t pitch, const ir::TargetDesc& target) {
  constexpr int64_t kSets = 4096;
  const int64_t all = target.l1_bytes / target.cache_line;
  if (pitch % target.cache_line != 0) return all;
  const int64_t ways = std::max<int64_t>(1, target.l1_bytes / kSets);
  return std::min(all, kSets / std::gcd(pitch, kSets) * ways);
}

// Rows that a tile may have if A's lines are to stay while its steps use them up; the faster these
// are, the more it costs to fetch one again.
int64_t RowsBesideEachOther(const ContractNest& nest, const ir::TargetDesc& target,
                            const Schedule& s) {
  const bool along_k = nest.k.back().a == nest.unit_step();
  if (s.a_rows != Schedule::Rows::kDirect || !along_k) return target.l1_bytes;
  const int64_t pitch = Guess(nest.m.back().a) * ir::ByteSize(nest.operand_dtype());
  return std::max<int64_t>(1, LinesBesideEachOther(pitch, target) / target.fma_per_cycle);
}

// An A that is computed is evaluated once a block of rows and group of panels; one whose rows are
// strided (m next to each other) has every step's rows in one line only once it is packed. Where it
// lies in memory that is worth the trouble if several panels read it, and the lines of a tile's
// steps do not stay in the first level for the next tile, which reads what follows in them. Pairs
// have to be put side by side in any case.
Schedule::Rows ChooseRows(const ContractNest& nest, const ir::TargetDesc& target) {
  const NestDim &m = nest.m.back(), &k = nest.k.back();
  if (nest.m.size() > 1) return Schedule::Rows::kDirect;
  const bool along_m = m.a == Dim(1) && !(k.a == nest.unit_step());
  if (nest.pairs && along_m) return Schedule::Rows::kByTile;
  if (nest.a.computed) return along_m ? Schedule::Rows::kByTile : Schedule::Rows::kByRow;
  constexpr int64_t kTwoPanels = 96;
  const int64_t pitch = Guess(k.a) * ir::ByteSize(nest.operand_dtype());
  const bool far = Guess(nest.K()) > LinesBesideEachOther(pitch, target) / 2;
  const bool again = Guess(nest.n.back().extent) >= kTwoPanels;
  return along_m && m.extent.is_constant() && far && again ? Schedule::Rows::kByTile
                                                           : Schedule::Rows::kDirect;
}

// A step's operand in one lane of all groups of 16 bytes, where k lies next to each other, is one
// instruction on x86's long vectors. Where these can be loaded as often as they are multiplied it
// saves nothing.
bool CanHoldRows(const ContractNest& nest, const ir::TargetDesc& target, const Schedule& s) {
  const bool along_k = s.a_rows == Schedule::Rows::kByRow ||
                       (s.a_rows == Schedule::Rows::kDirect && nest.k.back().a == Dim(1));
  return along_k && nest.step_dtype() == ir::DType::kF32 && target.vector_bits >= 256 &&
         target.vector_loads_per_cycle < target.fma_per_cycle;
}

double RowsCost(const ir::TargetDesc& target, const Schedule& s, int64_t total, int rows,
                int64_t vectors, bool far) {
  if (vectors == 0) return 0;
  double cost = static_cast<double>(total / rows) * TileCost(target, s, rows, vectors, far);
  if (total % rows != 0) cost += TileCost(target, s, total % rows, vectors, far);
  return cost;
}

// Columns beyond whole vectors, where they are few and their sums long: a vector of their own would
// be mostly empty, and along k it is full. Each costs a sixteenth of such a vector's steps, and the
// tree that adds up its lanes as much as some ten steps. Machines without vectors have no use for
// it.
int ChooseDotColumns(const ContractNest& nest, const ir::TargetDesc& target) {
  constexpr int64_t kTree = 10, kMost = 8, kMostColumns = 512;
  const NestDim& k = nest.k.back();
  const Dim& n = nest.n.back().extent;
  if (target.vector_bits < 128 || nest.pairs || !ir::IsFloat(nest.accumulator) ||
      nest.m.size() > 1 || nest.k.size() > 1 || !n.is_constant() || n.constant() > kMostColumns ||
      !k.extent.is_constant() || !(k.a == Dim(1))) {
    return 0;
  }
  const int64_t columns = n.constant() % Schedule::kDotLanes, steps = k.extent.constant();
  const bool pays = columns <= kMost && columns * (steps + kTree * Schedule::kDotLanes) <=
                                            steps * Schedule::kDotLanes * 5 / 8;
  return pays ? static_cast<int>(columns) : 0;
}

// The largest divisor of a tile's rows that leaves room for sixteen accumulators a row, and whose
// rows stay in the first level from column to column.
int ChooseDotRows(const ContractNest& nest, const ir::TargetDesc& target, int rows) {
  const int width = std::max(1, target.Lanes(ir::ByteSize(nest.accumulator)));
  const int64_t row_bytes = Guess(nest.K()) * ir::ByteSize(nest.accumulator);
  const int64_t near = std::max<int64_t>(4, target.l1_bytes / 2 / std::max<int64_t>(1, row_bytes));
  int most = static_cast<int>(
      std::min<int64_t>(near, MaxRows(target, static_cast<int>(CeilDiv(16, width)))));
  while (rows % most != 0) --most;
  return most;
}

// What each panel costs for a row and a step of A, in multiply-adds, as it reads all of A once
// more: a line that the second level does not hold costs ten. Nothing where A is packed, or taken
// in blocks that stay near as B is not copied panel by panel; and with few registers wider panels
// would be lower tiles, which cost more than this.
double RereadRowOfA(const ContractNest& nest, const ir::TargetDesc& target, bool b_is_fixed,
                    const Schedule& s) {
  constexpr double kLine = 10;
  constexpr int kManyRegisters = 32;
  const bool copied = !b_is_fixed && !nest.b.computed && nest.n.back().b == Dim(1);
  const int64_t bytes = ir::ByteSize(nest.operand_dtype());
  const bool far =
      AtLeastOne(nest.m.back().extent) * AtLeastOne(nest.K()) * bytes > target.l2_bytes / 2;
  const bool by_lines = s.a_rows == Schedule::Rows::kDirect && nest.k.back().a == Dim(1);
  if (!copied || !far || !by_lines || target.vector_registers < kManyRegisters) return 0;
  return kLine * static_cast<double>(bytes) / static_cast<double>(target.cache_line);
}

void ChooseTile(const ContractNest& nest, const ir::TargetDesc& target, bool b_is_fixed,
                Schedule* s) {
  const int width = std::max(1, target.Lanes(ir::ByteSize(nest.accumulator)));
  const int64_t m = AtLeastOne(nest.m.back().extent);
  // Columns in no panel have their sums wait in rows of as many lanes.
  const int64_t n = std::max<int64_t>({1, Guess(PanelColumns(nest, *s)), s->dot_columns});
  const int64_t k = AtLeastOne(nest.K()), bytes = ir::ByteSize(nest.accumulator);
  const int64_t beside = RowsBesideEachOther(nest, target, *s);
  const double row_of_a = RereadRowOfA(nest, target, b_is_fixed, *s);
  double best = -1;
  for (int vectors = 1; vectors <= 4; ++vectors) {
    const int lanes = AllowedLanes(std::min<int64_t>(vectors * width, AllowedLanes(n)));
    if ((CeilDiv(lanes, width) != vectors && vectors > 1) || lanes < s->dot_columns) continue;
    const int64_t used = CeilDiv(lanes, width);
    const int64_t most = std::min<int64_t>({MaxRows(target, vectors), m, beside});
    for (int rows = 1; rows <= most; ++rows) {
      const bool far = k * lanes * bytes > target.l1_bytes / 2;
      const double cost =
          static_cast<double>(n / lanes) * RowsCost(target, *s, m, rows, used, far) +
          RowsCost(target, *s, m, rows, CeilDiv(n % lanes, width), far) +
          row_of_a * static_cast<double>(m * CeilDiv(n, lanes));
      if (best >= 0 && cost >= best) continue;
      best = cost;
      s->rows = rows;
      s->lanes = lanes;
    }
  }
  // One row has few accumulators to hide the latency with: take more lanes.
  if (m == 1 && n >= 8 * width) s->lanes = AllowedLanes(4 * width);
  const Dim extent = PanelColumns(nest, *s);
  if (!extent.is_constant()) {
    s->tail_lanes = s->lanes;
  } else if (extent.constant() % s->lanes != 0) {
    s->tail_lanes = AllowedLanes(extent.constant() % s->lanes);
  }
}

// Whether tile_dot takes less than dot2: cycles of both, by the pairs that each multiplies, those
// of rows, columns and steps that are not there included, and what a tile costs besides.
bool MatrixPays(const ContractNest& nest, const ir::TargetDesc& target) {
  if (!nest.pairs || !target.has_bf16_tiles) return false;
  const int64_t m = AtLeastOne(nest.m.back().extent), n = AtLeastOne(nest.n.back().extent);
  const int64_t inner = AtLeastOne(nest.k.back().extent);
  const int64_t outer = std::max<int64_t>(1, AtLeastOne(nest.K()) / inner);
  const auto columns = static_cast<double>(CeilDiv(n, kMatrixSide));
  const double a_tile = 60;
  const double tiles = static_cast<double>(CeilDiv(m, kMatrixSide)) * columns *
                       (a_tile + static_cast<double>(outer * CeilDiv(inner, kMatrixSide) * 16));
  const double dots = static_cast<double>(m) * columns * static_cast<double>(outer * inner);
  return tiles < dots / target.fma_per_cycle;
}

void ChooseMatrixTile(const ContractNest& nest, const ir::TargetDesc& target, Schedule* s) {
  const NestDim &m = nest.m.back(), &k = nest.k.back();
  const Dim& n = nest.n.back().extent;
  s->matrix = true;
  s->rows = Guess(m.extent) > kMatrixSide ? 2 * kMatrixSide : kMatrixSide;
  s->lanes = Guess(n) > kMatrixSide ? 2 * kMatrixSide : kMatrixSide;
  s->tail_lanes = s->lanes;
  if (n.is_constant()) {
    s->tail_lanes = static_cast<int>(CeilDiv(n.constant() % s->lanes, kMatrixSide)) * kMatrixSide;
  }
  const int64_t pitch = Guess(m.a) * ir::ByteSize(nest.operand_dtype());
  if (!(k.a == nest.unit_step())) {
    s->a_rows = Schedule::Rows::kTransposed;
  } else if (nest.m.size() == 1 && LinesBesideEachOther(pitch, target) < s->rows) {
    s->a_rows = Schedule::Rows::kByRow;
  }
}

// Whether it takes as long as reading B, which lies far away, its rows on a page each: a panel's
// lines are then in pieces, and the translations of its pages gone when the next panel comes.
bool ReadsFarPages(const ContractNest& nest, const ir::TargetDesc& target) {
  const int64_t bytes = ir::ByteSize(nest.operand_dtype());
  return nest.m.size() == 1 && nest.k.size() == 1 && nest.n.size() == 1 &&
         Guess(nest.M()) <= kFewRows && Guess(nest.k[0].b) * bytes >= lower::kFarBytes &&
         Guess(nest.K()) * Guess(nest.N()) * bytes > target.l2_bytes;
}

void ChoosePanel(const ContractNest& nest, const ir::TargetDesc& target, bool b_is_fixed,
                 Schedule* s) {
  const int64_t bytes = ir::ByteSize(nest.accumulator);
  const int64_t tiles = CeilDiv(AtLeastOne(nest.M()), s->rows);
  const NestDim &n = nest.n.back(), &k = nest.k.back();
  const bool along_n = n.b == Dim(1);
  const int64_t pitch = Guess(k.b) * ir::ByteSize(nest.operand_dtype());
  int64_t inner = 1;
  for (size_t i = 1; i < nest.k.size(); ++i) inner *= AtLeastOne(nest.k[i].extent);
  const int64_t outer = AtLeastOne(nest.k[0].extent);
  s->k_block = outer;
  // Few rows take as long as it takes to read B, and memory gives most to who reads on and on: a
  // panel that lies in one piece, whenever it costs nothing to have it so.
  if (b_is_fixed && tiles <= 2 && along_n && Guess(n.extent) > s->lanes) {
    s->panel = Schedule::Panel::kPacked;
    return;
  }
  // Rows of B that are near each other stay in cache as they are, if their vectors do not lie
  // across lines; and what is read once or twice is not worth copying.
  const bool across_lines = pitch > 4 * target.cache_line && pitch % target.cache_line != 0;
  const bool near = pitch <= 1024 && !across_lines;
  // Pairs have to be put side by side first, and what is computed has to lie somewhere.
  const bool as_it_lies = !nest.pairs && !nest.b.computed;
  // Where copies of weights are not worth their memory all of it is as near: nor are panels.
  if (as_it_lies && !target.prepacks && !b_is_fixed) return;
  if (along_n && as_it_lies && (tiles <= 2 || near)) {
    if (ReadsFarPages(nest, target)) {
      // Few rows of B at a time, from end to end; as few as sums that wait in between allow.
      // Columns that are summed along k need whole turns of their accumulators.
      s->k_block = Guess(nest.M()) <= 2 && s->dot_columns == 0 ? 8 : Schedule::kDotLanes;
      s->several_k_blocks = s->k_block < outer;
      return;
    }
    // Both operands are read again by every tile: in blocks of k that stay in cache meanwhile.
    const int64_t reach = std::min<int64_t>(Guess(nest.M()), 64) + s->lanes;
    const int64_t fits = std::max<int64_t>(1, target.l2_bytes / 2 / (inner * reach * bytes));
    if (tiles <= 2 || fits >= outer) return;
    s->k_block = nest.k.size() == 1 ? std::max<int64_t>(256, fits / 16 * 16) : fits;
    s->several_k_blocks = s->k_block < outer;
    return;
  }
  s->panel =
      !along_n && k.b == nest.unit_step() ? Schedule::Panel::kTransposed : Schedule::Panel::kPacked;
  const int64_t row_bytes = inner * s->lanes * bytes;
  // Matrix registers take 64 bytes a cycle: more than the second level gives, so that a block of
  // A's rows or a panel should be in the first.
  const int64_t panel_bytes = s->matrix ? target.l1_bytes * 2 / 3 : target.l2_bytes / 4;
  int64_t fits = std::max<int64_t>(1, panel_bytes / row_bytes);
  if (fits < outer) {
    // As k is cut anyway, few rows of A may stay near as well, beside a panel and the next one.
    constexpr int64_t kLeast = 512;
    const int64_t of_all = target.l2_bytes / 2 / ((Guess(nest.M()) + 2 * s->lanes) * bytes);
    const bool by_rows = nest.m.size() == 1 && nest.k.size() == 1 && !s->matrix && !b_is_fixed;
    if (by_rows && along_n && of_all >= kLeast) fits = std::min(fits, of_all);
    const int64_t even = CeilDiv(outer, CeilDiv(outer, fits));
    s->k_block = nest.k.size() == 1 ? CeilDiv(even, 16) * 16 : even;
    s->several_k_blocks = s->k_block < outer;
  }
}

// Few results of long sums (a filter's gradient: k is all pixels): 16 pieces or so.
void ChooseSplit(const ContractNest& nest, Schedule* s) {
  const int64_t results = Guess(nest.M()) * Guess(nest.N()) * Guess(nest.Batch());
  const int64_t outer = Guess(nest.k[0].extent), total = Guess(nest.K());
  if (results > 8192 || total < 4096 || outer < 2) return;
  const int64_t inner = std::max<int64_t>(1, total / std::max<int64_t>(1, outer));
  s->split = std::max<int64_t>(CeilDiv(outer, 16), CeilDiv(512, inner));
  if (s->split >= outer) s->split = 0;
}

}  // namespace

Dim PanelColumns(const ContractNest& nest, const Schedule& s) {
  return nest.n.back().extent - Dim(s.dot_columns);
}

bool MayPrepack(const ir::TargetDesc& target, passes::Prepack prepack) {
  switch (prepack) {
    case passes::Prepack::kTarget:
      return target.prepacks;
    case passes::Prepack::kAlways:
      return true;
    case passes::Prepack::kNever:
      return false;
  }
  return false;
}

Schedule MakeSchedule(const ContractNest& nest, const ir::TargetDesc& target,
                      const Surroundings& around) {
  Schedule s;
  if (!around.exact) {
    ChooseSplit(nest, &s);
    s.dot_columns = ChooseDotColumns(nest, target);
  }
  s.a_rows = ChooseRows(nest, target);
  s.holds_rows = CanHoldRows(nest, target, s);
  if (MatrixPays(nest, target)) {
    ChooseMatrixTile(nest, target, &s);
  } else {
    ChooseTile(nest, target, around.b_is_fixed, &s);
  }
  s.dot_rows = ChooseDotRows(nest, target, s.rows);
  ChoosePanel(nest, target, around.b_is_fixed, &s);
  s.prepacked = around.b_is_fixed && s.panel != Schedule::Panel::kDirect &&
                !(PanelColumns(nest, s) == Dim(0));
  if (s.split > 0) {
    s.k_block = s.split;
    s.several_k_blocks = false;
  }
  s.deferred =
      s.split == 0 && !s.matrix && (around.epilogue > 6 || !nest.m.back().extent.is_constant());
  if (s.matrix && s.split == 0 && nest.m.size() == 1 && nest.k.size() == 1 &&
      around.epilogue >= 4) {
    // Registers hold some rows at a time; those that are left over follow behind the loop.
    const int64_t steps = std::max<int64_t>(1, std::min(s.k_block, Guess(nest.K())) / kMatrixSide);
    for (s.rows_per_step = 1; s.rows_per_step * steps < s.rows && s.rows_per_step < 8;) {
      s.rows_per_step *= 2;
    }
  }
  TENON_CHECK(s.dot_columns == 0 || !s.several_k_blocks || s.k_block % Schedule::kDotLanes == 0);
  s.outer_per_chunk = 1;
  if (nest.m.size() == 1) {
    ChooseRowChunks(nest, target, &s);
  } else {
    ChooseOuterChunks(nest, &s);
  }
  return s;
}

}  // namespace tenon::contract
