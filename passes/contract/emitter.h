// ContractEmitter: the main kernel of a contraction, loop by loop. Internal to passes/contract.
//
//   parallel chunks: batch, piece of k, outer columns, block of rows, group of panels of B
//     blocks of k (mostly one)                 panels of B packed for each, sums wait between them
//       blocks of the chunk's rows             of A, packed or in the cache of the second level
//         panels of the group
//           rows of the block, a register tile at a time
//             loops over k: load A's column and B's row, one fma on the tile
//             the group's stored values, computed on the tile
#ifndef TENON_PASSES_CONTRACT_EMITTER_H_
#define TENON_PASSES_CONTRACT_EMITTER_H_

#include <functional>
#include <utility>
#include <vector>

#include "tenon/passes/contract/nest.h"
#include "tenon/passes/contract/schedule.h"
#include "tenon/passes/lower/context.h"
#include "tenon/passes/lower/element.h"

namespace tenon::contract {

using KValue = kernel::ValueId;

// Pieces into which the schedule cuts k, and elements of the result.
ir::Dim Pieces(const ContractNest& nest, const Schedule& s);
ir::Dim Results(const ContractNest& nest);

// A register tile's shape and what of its lanes are columns.
struct TileShape {
  int rows;
  int lanes;
  KValue lane_count;      // absent: all
  KValue row_count = {};  // likewise, of tiles of matrix registers
};

// Where a contraction's tensors lie. Of operands that the kernel evaluates `a` and `b` are invalid.
struct Places {
  lower::Place a, b;
  lower::Place packed;  // B's panels, of a schedule that is `prepacked`
  lower::Place pieces;  // the sums of pieces of k, where the schedule cuts it
};

// Writes the main kernel, or the one that packs B beforehand. Member functions emit into the
// builder, outermost loops first.
class ContractEmitter {
 public:
  ContractEmitter(lower::LowerContext& context, const fuse::Group& group, const ContractNest& nest,
                  const Schedule& schedule, const Places& places, const char* name);

  void Emit();
  // Writes all panels of B to places.packed, in `prepare`.
  void EmitPacking();

 private:
  KValue Quotient(KValue v, const ir::Dim& d);
  KValue Rem(KValue v, const ir::Dim& d);
  KValue Scaled(KValue v, const ir::Dim& stride) { return k_.Mul(v, k_.DimValue(stride)); }

  // The index in each dimension of element `number` of a tensor of these extents.
  std::vector<KValue> Indices(KValue number, const std::vector<ir::Dim>& extents);

  // The rows that a chunk takes: block number `block` of the innermost m loop's rows where there is
  // no other m loop, else of the outer ones' `outer` iterations.
  struct RowBlock {
    KValue block;
    ir::Dim outer;
    bool by_rows;
  };
  // A block of the outermost k loop; which one, where there are several.
  struct KRange {
    KValue low, high;
    KValue is_first, is_last;
  };

  // An operand as the graph has it: for packing to evaluate its elements.
  struct Evaluated {
    ir::ComputeDef def;         // with the operand's access alone
    lower::ElementIndex point;  // of its domain, over the nest's variables
  };

  // The k loops inside the outermost one, as one number.
  ir::Dim InnerK() const;
  // Steps of k that are packed at a time.
  int64_t BlockSteps() const;

  void AddBuffers();
  // Rows of a panel's waiting sums.
  int64_t SumRows() const;

  // `at`: batch indices, piece, outer column indices, block of rows, group of panels.
  void EmitChunk(const std::vector<KValue>& at, const ir::Dim& outer);
  // A chunk's rows against its panels, for each block of k.
  void EmitKBlocks(const RowBlock& rows);
  // The same for one block of k: the rows in blocks.
  void EmitRowBlocks(const RowBlock& rows, const KRange& range);
  // `body` for each panel of the chunk, whole or the last of all columns.
  void ForPanels(const std::function<void(const TileShape&)>& body);
  // Rows of outer m loops against one panel.
  void EmitOuterRows(const TileShape& shape, const RowBlock& rows, const KRange& range);
  // Rows low .. high where there is one m loop. `is_first` (absent: yes) says whether they are the
  // chunk's first, which fill the panel.
  void EmitRowRange(const TileShape& shape, KValue low, KValue high, const KRange& range,
                    KValue is_first);
  // A tile at `row` of the innermost m loop; `a_base` is A's offset at row 0, `sums_row` the tile's
  // place among the waiting sums.
  void EmitTileAt(const TileShape& tile, KValue row, KValue sums_row, KValue a_base,
                  const KRange& range);

  // The chunk's first and last (exclusive) row, or iteration of the outer m loops.
  std::pair<KValue, KValue> Bounds(const RowBlock& rows);
  // Binds the outer m loops' variables to iteration `i` of them together; A's offset there.
  KValue BindOuter(KValue i);
  // The stored values of a chunk whose sums are complete, row by row.
  void EmitDeferred(const TileShape& shape, const RowBlock& rows);

  // Rows start .. high of a block that begins at `low`: whole tiles, then what is left: in one tile
  // where its count is known, else in tiles of powers of two.
  using TileBody = std::function<void(KValue row, const TileShape& shape)>;
  void EmitTiles(const TileShape& shape, KValue low, KValue start, KValue high,
                 const TileBody& body);
  // The same with one kind of tile, the last of which overlaps the one before; single rows where
  // the block is smaller than a tile. Only sums may be computed twice.
  void EmitOverlapping(const TileShape& shape, KValue low, KValue start, KValue high,
                       const TileBody& body);

  // One register tile: accumulators from zero (or from the block before) over k, then the epilogue
  // (or a place to wait).
  void EmitTile(const TileShape& shape, KValue a, KValue sums, const KRange& range);

  // Where the current panel's row for k = 0 would be, the first one being that of `k_low`.
  KValue PanelStart(KValue k_low);
  // Elements of one packed panel.
  int64_t PanelSize() const;
  // Panels of the innermost n loop, and the groups that chunks take of them.
  ir::Dim NumPanels() const;
  ir::Dim NumGroups() const;
  // Row-major stride of k dimension `d` in the panel.
  ir::Dim PanelStride(size_t d) const;

  // Element offsets of a step of k: in A, in B as it lies, and in the panel.
  struct StepOffsets {
    KValue a, b, panel;
  };

  KValue EmitK(size_t d, const TileShape& shape, KValue low, KValue high, const StepOffsets& at,
               KValue acc);

  // The panel behind the one at hand (next_panel.cc): how many steps of k it has, none where there
  // is no such panel or its first tile is to copy it; where the first one lies in B, and where it
  // belongs; and the first row of A whose tile copies some of it.
  struct NextPanel {
    KValue count, from, to, first_row;
  };
  NextPanel FindNext(const KRange& range, KValue first_row);
  void CopyOfNext(KValue row, KValue column, int lanes);
  // A tile copies a piece of a row, an equal part of it, once in so many steps.
  int PiecesOfRow() const;
  int StepsPerPiece() const;
  // Counted from the panel's first row on.
  void CopyPieceIfAny(KValue piece);
  // The first one that the tile at hand copies, each of which has so many groups of steps.
  KValue FirstPieceToCopy(KValue groups);
  // Copies what the tiles of A's rows up to `high` had no time for.
  void CopyRestOfNext(const KRange& range, KValue high);
  // Whether the panel at hand, a whole one, was copied while the one before was at hand.
  KValue WasCopied(const KRange& range);
  // The number of the panel at hand among all that the chunk fills.
  KValue PanelNumber(KValue k_low);
  // Whether a panel of the chunk has all its columns.
  KValue IsWhole(KValue panel);

  // A row of B as it lies; of pairs, two.
  KValue LoadB(const TileShape& shape, KValue offset);
  // Asks for the rows of B that follow the one at `offset`, where steps read B as it lies and each
  // is on another page, or lies across lines.
  void AskAhead(const TileShape& shape, KValue offset);
  // Pairs along k, lanes along n.
  KValue LoadPairs(int rows, const TileShape& shape, KValue offset);
  // Two bf16 rows as one of pairs.
  KValue Interleave(KValue low, KValue high);

  // Evaluation of operands (operands.cc).
  Evaluated MakeEvaluated(const Operand& operand);
  KValue EvalOperand(const Evaluated& operand, const lower::Tile& tile);
  // A row of computed B (of pairs, two), the innermost k loop being at `step`.
  KValue EvalRow(const TileShape& shape, KValue step);
  // Stores the columns of B from `column` of the panel on for up to 16 elements along k from the
  // innermost loop's `step`, `steps` of them (absent: all), to the panel at `to`.
  void EvalBlock(const TileShape& shape, KValue column, KValue step, KValue steps, KValue to);

  // A's block of rows in the cache (rows.cc): rows low .. high of the innermost m loop.
  void PackA(KValue low, KValue high, const KRange& range);
  void PackARow(size_t d, KValue low, KValue high, KValue to);
  // Some tiles side by side: their first row, how many, and how many rows each has.
  struct TilesOfA {
    KValue row;
    int count;
    KValue row_count;
  };
  void PackATiles(size_t d, KValue low, KValue high, const TilesOfA& tiles, KValue to);
  void PackAStep(KValue step, const TilesOfA& tiles, KValue to);
  // Of 16 rows that lie next to each other (in matrix_tile.cc).
  void PackATransposed(size_t d, KValue low, KValue high, KValue row_count, KValue to);
  // Elements between packed rows, and steps of k dimension `d` in packed A or in A as it lies.
  int64_t RowPitch() const;
  ir::Dim AStride(size_t d) const;
  // Where a tile's steps begin, were they to begin at k = 0.
  KValue ATile(const TileShape& tile, KValue row, KValue a_base, const KRange& range);

  // Offsets at iteration `i` of k dimension `d`.
  StepOffsets AtStep(size_t d, const StepOffsets& at, KValue i);
  // Steps of the innermost k loop on a tile that holds `held` rows: in groups of
  // Schedule::kHeldSteps, and what is left one by one.
  KValue EmitHeldSteps(const TileShape& shape, int held, KValue low, KValue high,
                       const StepOffsets& at, KValue acc, int unroll);
  // One step, whose operand from A is `a`.
  KValue EmitStep(const TileShape& shape, KValue a, const StepOffsets& at, KValue acc);
  // Steps of the innermost k loop in groups of so many, written out, and what is left one by one.
  // Where there is a next panel, each group copies a piece of it.
  KValue EmitGroups(const TileShape& shape, int group, KValue low, KValue high,
                    const StepOffsets& at, KValue acc);
  bool KeepsBusy(const TileShape& shape) const;
  bool IsShort() const;
  // `rows` rows of A from the one at `offset` on, `steps` steps of k of each.
  KValue LoadA(int rows, int steps, KValue offset);
  KValue RowStrideOfA();

  // A tile whose sums are complete and that waits for its results to be computed: where it begins
  // in the result and among the sums, and how many rows and columns of it there are.
  struct WaitingTile {
    KValue row, column, rows, columns, sums;
  };

  // Tiles of matrix registers (matrix_tile.cc): rows low .. high, one tile, its loops over k and
  // one step of them, and the group's stored values of a tile whose sums are complete.
  void EmitMatrixTiles(const TileShape& shape, KValue low, KValue high, const TileBody& body);
  void EmitMatrixTile(const TileShape& shape, KValue a, KValue sums, const KRange& range);
  std::vector<KValue> EmitMatrixK(size_t d, const TileShape& shape, KValue low, KValue high,
                                  const StepOffsets& at, const std::vector<KValue>& acc,
                                  const WaitingTile* waiting);
  std::vector<KValue> EmitMatrixStep(const TileShape& shape, const StepOffsets& at, KValue steps,
                                     std::vector<KValue> acc);
  void EmitMatrixResults(const TileShape& shape, KValue sums);

  WaitingTile LoadWaiting();
  void StoreWaiting(const WaitingTile& tile);
  // The results of some of its rows from `next` on.
  void EmitWaitingRows(const WaitingTile& tile, KValue next);
  void EmitRestOfWaiting(const WaitingTile& tile, KValue next);

  // Columns that are in no panel (dots.cc): rows low .. high of them.
  void EmitDotColumns(KValue low, KValue high, const KRange& range, KValue is_first);
  void PackDotColumns(const KRange& range);
  void EmitDotTile(const TileShape& tile, KValue row, KValue column, const KRange& range);
  KValue EmitDotSteps(const TileShape& tile, KValue row, KValue column, const KRange& range,
                      KValue acc);
  void EmitDotResults(const TileShape& tile, KValue row, KValue column, KValue acc);
  // Their stored values, where these are deferred.
  void EmitDeferredDots(const RowBlock& rows);
  // Whether the kernel reads them where they lie.
  bool DotsInPlace() const;
  // `body` where the chunk has these columns: in the last group of panels.
  void IfDots(const std::function<void()>& body);

  // Copies rows k_low .. k_high of the panel's columns, zeros behind the last column.
  void PackPanel(const TileShape& shape, KValue k_low, KValue k_high);

  void PackDim(size_t d, const TileShape& shape, KValue low, KValue high, KValue from, KValue to);

  void PackRows(const TileShape& shape, KValue low, KValue count, KValue from, KValue to);

  // Blocks of up to 16 columns by 16 steps of k, which lie next to each other.
  void PackTransposed(const TileShape& shape, KValue low, KValue count, KValue from, KValue to);

  // What the epilogue needs that is the same for every element: once a chunk, not once a tile.
  void HoistInvariants();

  // The group's stored values on the tile whose sums are `acc`; of a piece, the sums themselves.
  void EmitResults(const TileShape& shape, KValue acc);

  lower::LowerContext& context_;
  const fuse::Group& group_;
  const ContractNest& nest_;
  const Schedule& s_;
  const Places& places_;
  lower::KernelContext kernel_;
  lower::ElementEmitter e_;
  kernel::KernelBuilder& k_;
  bool filling_ = false;  // whether steps copy B's rows into the panel
  int a_buffer_ = -1, b_buffer_ = -1, pieces_ = -1, panel_ = -1, sums_ = -1, rows_ = -1;
  int waiting_ = -1;
  int columns_ = -1, dots_ = -1;  // columns in no panel, and their waiting accumulators
  std::vector<lower::VarId> batch_vars_, m_vars_, n_vars_, k_vars_;
  Evaluated a_, b_;
  lower::VarId piece_var_ = -1;
  lower::IndexExpr position_;  // of the result's element, over those but piece_var_
  KValue a_base_, b_base_, piece_;
  // The chunk's first row (or outer iteration), its first panel and how many it has; the panel at
  // hand, counted within the chunk, and where its columns begin in B.
  KValue row_low_, first_panel_, num_panels_, panel_index_, b_at_;
  NextPanel next_;     // invalid where tiles copy none
  KValue tile_row_;    // the first row of the tile at hand
  KValue block_low_;   // the first row of the block at hand
  KValue has_dots_;    // whether the chunk's group of panels is the last one; absent: yes
  KValue first_of_n_;  // of prepacked panels: the number of this batch's and outer column's first
};

}  // namespace tenon::contract

#endif  // TENON_PASSES_CONTRACT_EMITTER_H_
