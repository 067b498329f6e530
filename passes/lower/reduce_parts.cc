// Few, long rows: their reduction in parts, and the kernel that adds the parts up.
#include <cmath>
#include <string>

#include "tenon/passes/fuse/cost.h"
#include "tenon/passes/lower/combine.h"
#include "tenon/passes/lower/reduce_emitter.h"
#include "tenon/passes/lower/schedules.h"

namespace tenon::lower {

using fuse::Nest;
using ir::Dim;
using KValue = kernel::ValueId;
using KValues = std::vector<KValue>;

// Below so many rows (by column: tiles of columns) a kernel is cut for the sake of threads.
constexpr double kFewRows = 16;

ReduceEmitter::Cut ReduceEmitter::CutOf() {
  auto parts = [](const Dim& extent, int64_t length) {
    return length == 0 ? Dim(1) : FloorDiv(extent + Dim(length - 1), length);
  };
  Cut cut;
  cut.inner = parts(ExtentOf(inner_), order_.part_of_rest);
  if (!by_column_) cut.lane = parts(ExtentOf(lane_), order_.part_of_row);
  return cut;
}

ReduceEmitter::Range ReduceEmitter::WholeRange() {
  const KValue zero = k_.ConstI64(0);
  Range range{zero, k_.DimValue(ExtentOf(inner_)), zero, {}};
  if (!by_column_) range.lane_high = k_.DimValue(ExtentOf(lane_));
  return range;
}

// The part that `part` (of the inner loop and that of lanes) numbers.
ReduceEmitter::Range ReduceEmitter::PartRange(const ElementIndex& part) {
  Range range = WholeRange();
  auto limit = [&](const IndexExpr& number, int64_t length, KValue* low, KValue* high) {
    if (length == 0) return;
    *low = k_.Mul(e_.IndexValue(number, Tile{}), k_.ConstI64(length));
    *high = k_.Min(k_.Add(*low, k_.ConstI64(length)), *high);
  };
  limit(part[0], order_.part_of_rest, &range.low, &range.high);
  if (!by_column_) limit(part[1], order_.part_of_row, &range.lane_low, &range.lane_high);
  return range;
}

// The sums of one row, or of a tile of columns: part by part, and the parts' sums in order.
KValues ReduceEmitter::ReduceInParts(const std::vector<int>& which, const Tile& kept) {
  if (!order_.is_cut()) return Reduce(which, kept, WholeRange());
  const Cut cut = CutOf();
  const VarId part = e_.space().AddLoop(cut.inner * cut.lane);
  const ElementIndex number = e_.space().Delinearize(IndexExpr::Var(part), {cut.inner, cut.lane});
  return ForEach(e_, part, k_.ConstI64(0), k_.DimValue(ExtentOf(part)),
                 Identities(which, 1, by_column_ ? kept.lanes : 1), [&](const KValues& in) {
                   return Both(which, in, Reduce(which, kept, PartRange(number)));
                 });
}

// Whether the parts' sums go through memory: where rows are few, and not needed again.
bool ReduceEmitter::WantsSecondKernel() {
  if (!order_.is_cut() || passes_ != 1) return false;
  for (const fuse::Placed& p : nest_.stored) {
    if (IsFull(p.index)) return false;
  }
  const double rows = SizeOf(nest_.kept);
  return (by_column_ ? std::ceil(rows / lanes_) : rows) < kFewRows;
}

// Part p of the reduction i of row k goes to buffers[i][p, k], of `rows` rows.
void ReduceEmitter::EmitParts(const std::vector<Place>& buffers, const Dim& rows) {
  const Cut cut = CutOf();
  const VarId chunk = e_.space().AddLoop(cut.inner * cut.lane * ExtentOf(outer_));
  const ElementIndex number =
      e_.space().Delinearize(IndexExpr::Var(chunk), {cut.inner, cut.lane, ExtentOf(outer_)});
  const IndexExpr part = number[0] * cut.lane + number[1];
  std::vector<int> which;
  for (size_t i = 0; i < accumulators_.size(); ++i) which.push_back(static_cast<int>(i));
  k_.Parallel(k_.DimValue(ExtentOf(chunk)), [&](KValue value) {
    ElementEmitter::Scope scope(e_);
    e_.Bind(chunk, value);
    e_.Bind(outer_, e_.IndexValue(number[2], Tile{}));
    const Range range = PartRange(number);
    auto emit = [&](const Tile& tile) {
      const KValues sums = Reduce(which, tile, range);
      IndexExpr row = IndexExpr::Var(outer_);
      if (by_column_) row = row * ExtentOf(lane_) + IndexExpr::Var(lane_);
      for (size_t i = 0; i < sums.size(); ++i) {
        e_.StoreAt(kernel_.BufferParam(buffers[i], true), part * rows + row, tile, sums[i]);
      }
    };
    if (!by_column_) return emit(Tile{});
    ForTiles(e_, lane_, k_.ConstI64(0), k_.DimValue(ExtentOf(lane_)), lanes_, 1, {},
             [&](const Tile& tile, KValues) {
               emit(tile);
               return KValues();
             });
  });
  context_.Launch(kernel_);
}

void EmitCombineParts(LowerContext& context, const fuse::Group& group, const Nest& original,
                      const std::vector<PartsOfReduction>& reductions) {
  KernelContext kernel(context, group, "combine_parts");
  Nest nest = original;
  nest.reductions.clear();
  nest.columns.clear();
  EmitMapNest(
      kernel, nest, 8,
      [&](ElementEmitter& e, const Translation& translate, const Tile& tile,
          const IndexExpr& position) {
        kernel::KernelBuilder& k = e.builder();
        const VarId part = e.space().AddLoop(reductions[0].parts.count);
        KValues sums;
        for (const PartsOfReduction& r : reductions) {
          const Accumulator& a = *r.sum;
          sums.push_back(k.Splat(IdentityOf(k, a.combiner, a.dtype), tile.rows, tile.lanes));
        }
        const KValue count = k.DimValue(reductions[0].parts.count);
        const ElementEmitter::LookAhead ahead(e, part, FarSteps());
        sums = ForEach(e, part, k.ConstI64(0), count, sums, [&](KValues in) {
          for (size_t i = 0; i < in.size(); ++i) {
            const PartsOfReduction& r = reductions[i];
            const KValue x = e.LoadAt(kernel.BufferParam(r.parts.place, false), r.sum->dtype,
                                      IndexExpr::Var(part) * r.parts.elements + position, tile);
            in[i] = k.Scalar(CombineOp(r.sum->combiner), {in[i], x});
          }
          return in;
        });
        for (size_t i = 0; i < sums.size(); ++i) {
          const Accumulator& a = *reductions[i].sum;
          const ir::ValueId v = a.node->results[0];
          e.Provide(v, translate(a.reduction.index),
                    k.Cast(context.graph().type(v).dtype, sums[i]));
        }
      });
  context.Launch(kernel);
}

void ReduceEmitter::EmitInParts(const fuse::Group& group) {
  const Cut cut = CutOf();
  const Dim parts = cut.inner * cut.lane;
  const Dim rows = by_column_ ? ExtentOf(outer_) * ExtentOf(lane_) : ExtentOf(outer_);
  std::vector<Place> buffers;
  std::vector<PartsOfReduction> sums;
  for (const Accumulator& a : accumulators_) {
    buffers.push_back({context_.AddBuffer("parts", a.dtype, parts * rows)});
    sums.push_back({&a, {buffers.back(), parts, rows}});
  }
  EmitParts(buffers, rows);
  EmitCombineParts(context_, group, nest_, sums);
}

void ReduceEmitter::Lower(const fuse::Group& group) {
  Analyse();
  if (!columns_.empty()) return EmitRowsWithColumns();
  if (WantsSecondKernel()) return EmitInParts(group);
  kernel_.set_streams();
  EmitRows();
  context_.Launch(kernel_);
}

}  // namespace tenon::lower
