// What happens to a panel of B while the tiles of the one before it run: a row of it, or a piece
// of one, is copied every few steps of k. A line of the last cache level takes as long as thirty
// steps, and a core has a dozen of them on their way at a time: asked for one after the other they
// are waited for, one by one beside the arithmetic they are not.
#include "tenon/passes/contract/emitter.h"

namespace tenon::contract {

using ir::ScalarOp;

namespace {

// A copied row is asked for so many rows before: enough for its lines to be there in time, and few
// enough for the first level where all of them share a set.
constexpr int64_t kRowsAhead = 4;

// Steps of k that are written out behind each other beside what is copied: with more of them the
// loop is longer, and two lines come better than four at a time.
constexpr int kMostSteps = 8;

}  // namespace

int ContractEmitter::PiecesOfRow() const {
  // Values of more than sixteen lanes have a multiple of that.
  return s_.steps_per_copied_row > kMostSteps && s_.lanes % 32 == 0 ? 2 : 1;
}

int ContractEmitter::StepsPerPiece() const { return s_.steps_per_copied_row / PiecesOfRow(); }

KValue ContractEmitter::PanelNumber(KValue k_low) {
  if (!s_.several_k_blocks) return panel_index_;
  return k_.Add(k_.Mul(k_.Div(k_low, s_.k_block), num_panels_), panel_index_);
}

KValue ContractEmitter::IsWhole(KValue panel) {
  if (s_.tail_lanes == 0) return k_.Const(ir::DType::kBool, 1);
  const KValue behind = k_.Add(k_.Add(first_panel_, panel), k_.ConstI64(1));
  return k_.Scalar(ScalarOp::kLe,
                   {k_.Mul(behind, k_.ConstI64(s_.lanes)), k_.DimValue(PanelColumns(nest_, s_))});
}

KValue ContractEmitter::WasCopied(const KRange& range) {
  const KValue none = k_.ConstI64(0);
  const KValue has_one_before = k_.Scalar(ScalarOp::kGt, {panel_index_, none});
  if (!s_.several_k_blocks) return has_one_before;
  const KValue has_block_before = k_.Scalar(ScalarOp::kGt, {range.low, none});
  const KValue last_is_whole = IsWhole(k_.Sub(num_panels_, k_.ConstI64(1)));
  return k_.Scalar(ScalarOp::kOr,
                   {has_one_before, k_.Scalar(ScalarOp::kAnd, {has_block_before, last_is_whole})});
}

ContractEmitter::NextPanel ContractEmitter::FindNext(const KRange& range, KValue first_row) {
  const NestDim &n = nest_.n.back(), &k = nest_.k.back();
  const KValue one = k_.ConstI64(1), lanes = k_.ConstI64(s_.lanes), none = k_.ConstI64(0);
  const KValue following = k_.Add(panel_index_, one);
  const KValue is_last = k_.Scalar(ScalarOp::kGe, {following, num_panels_});
  const auto select = [&](KValue condition, KValue yes, KValue no) {
    return k_.Scalar(ScalarOp::kSelect, {condition, yes, no});
  };
  // Behind the chunk's last one comes the first one again, of the next block of k.
  KValue steps_behind = none;
  if (s_.several_k_blocks) {
    const KValue left = k_.Sub(k_.DimValue(nest_.k[0].extent), range.high);
    steps_behind = k_.Min(left, k_.ConstI64(s_.k_block));
  }
  const KValue steps_here = select(IsWhole(following), k_.Sub(range.high, range.low), none);
  const KValue first_column = k_.Add(b_base_, Scaled(k_.Mul(first_panel_, lanes), n.b));
  const KValue next_column = k_.Add(b_at_, Scaled(lanes, n.b));
  return {
      .count = select(is_last, steps_behind, steps_here),
      .from = select(is_last, k_.Add(first_column, Scaled(range.high, k.b)),
                     k_.Add(next_column, Scaled(range.low, k.b))),
      .to = k_.Mul(k_.Rem(k_.Add(PanelNumber(range.low), one), 2), k_.ConstI64(PanelSize())),
      .first_row = first_row,
  };
}

void ContractEmitter::CopyOfNext(KValue row, KValue column, int lanes) {
  const ir::Dim& step = nest_.k.back().b;
  const KValue at = k_.Add(k_.Add(next_.from, Scaled(row, step)), column);
  k_.Prefetch(b_buffer_, k_.Add(at, Scaled(k_.ConstI64(kRowsAhead), step)), lanes, 1);
  const KValue to = k_.Add(next_.to, k_.Mul(row, k_.ConstI64(s_.lanes)));
  k_.Store(LoadB({s_.rows, lanes, {}}, at), {.buffer = panel_, .offset = k_.Add(to, column)});
}

void ContractEmitter::CopyPieceIfAny(KValue piece) {
  const int pieces = PiecesOfRow(), lanes = s_.lanes / pieces;
  const KValue row = k_.Div(piece, pieces);
  k_.If(
      k_.Scalar(ScalarOp::kLt, {row, next_.count}),
      [&] {
        CopyOfNext(row, k_.Mul(k_.Rem(piece, pieces), k_.ConstI64(lanes)), lanes);
        return std::vector<KValue>();
      },
      [] { return std::vector<KValue>(); });
}

KValue ContractEmitter::FirstPieceToCopy(KValue groups) {
  // The last tile may begin before all others do.
  const KValue rows_before = k_.Max(k_.ConstI64(0), k_.Sub(tile_row_, next_.first_row));
  return k_.Mul(k_.Div(rows_before, s_.rows), groups);
}

void ContractEmitter::CopyRestOfNext(const KRange& range, KValue high) {
  // Tiles cut short copy none.
  const KValue count = k_.Max(k_.ConstI64(0), k_.Sub(high, next_.first_row));
  const KValue groups = k_.Div(k_.Sub(range.high, range.low), StepsPerPiece());
  const KValue pieces = k_.Mul(k_.Div(count, s_.rows), groups);
  const KValue copied = k_.Min(next_.count, k_.Div(pieces, PiecesOfRow()));
  k_.For(copied, next_.count, 1, {}, [&](KValue row, std::vector<KValue>) {
    CopyOfNext(row, k_.ConstI64(0), s_.lanes);
    return std::vector<KValue>();
  });
}

}  // namespace tenon::contract
