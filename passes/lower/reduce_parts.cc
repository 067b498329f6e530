// Few, long rows: their reduction in parts, and the kernel that adds the parts up.
#include <algorithm>
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

namespace {

// Parts of a long reduction: enough for any number of threads that a step is worth.
constexpr double kMaxParts = 64;

}  // namespace

// Into how many parts the reduced loops are cut; 1: not at all.
int ReduceEmitter::Parts() const {
  if (context_.numerics() == passes::Numerics::kExact || passes_ != 1) return 1;
  for (const fuse::Placed& p : nest_.stored) {
    if (IsFull(p.index)) return 1;
  }
  double rows = 1;
  for (VarId v : nest_.kept) rows *= fuse::Size(nest_.space.var(v).extent);
  const double independent = by_column_ ? std::ceil(rows / lanes_) : rows;
  const double total = Points() * work_;
  if (independent >= 16 || total < 4 * fuse::kWorkOfChunk) return 1;
  return static_cast<int>(
      std::min(kMaxParts, std::max(1.0, std::floor(total / fuse::kWorkOfChunk / 2))));
}

// How the reduced loop that is cut falls into `parts`: by whole tiles where it is that of the
// lanes.
ReduceEmitter::Cut ReduceEmitter::CutInto(int parts) {
  const bool by_lanes = !by_column_ && ExtentOf(inner_) == Dim(1);
  const int64_t unit = by_lanes ? 16 : 1;
  Cut cut;
  cut.extent = ExtentOf(by_lanes ? lane_ : inner_);
  const int64_t whole = static_cast<int64_t>(fuse::Size(cut.extent));
  cut.length = ((whole + parts - 1) / parts + unit - 1) / unit * unit;
  cut.parts = FloorDiv(cut.extent + Dim(cut.length - 1), cut.length);
  cut.rows = ExtentOf(outer_);
  if (by_column_) cut.rows = cut.rows * ExtentOf(lane_);
  return cut;
}

// Part p of the reduction i of row k goes to buffers[i][p, k].
void ReduceEmitter::EmitParts(const Cut& cut, const std::vector<Place>& buffers) {
  const VarId chunk = e_.space().AddLoop(cut.parts * ExtentOf(outer_));
  const ElementIndex parts_and_outer =
      e_.space().Delinearize(IndexExpr::Var(chunk), {cut.parts, ExtentOf(outer_)});
  k_.Parallel(k_.DimValue(ExtentOf(chunk)), [&](KValue number) {
    ElementEmitter::Scope scope(e_);
    e_.Bind(chunk, number);
    const KValue part = e_.IndexValue(parts_and_outer[0], Tile{});
    e_.Bind(outer_, e_.IndexValue(parts_and_outer[1], Tile{}));
    const KValue low = k_.Mul(part, k_.ConstI64(cut.length));
    const KValue high = k_.Min(k_.Add(low, k_.ConstI64(cut.length)), k_.DimValue(cut.extent));
    auto emit = [&](const Tile& tile) {
      std::vector<int> which;
      for (size_t i = 0; i < accumulators_.size(); ++i) which.push_back(static_cast<int>(i));
      const KValues sums = Reduce(which, tile, low, high);
      IndexExpr row = IndexExpr::Var(outer_);
      if (by_column_) row = row * ExtentOf(lane_) + IndexExpr::Var(lane_);
      for (size_t i = 0; i < sums.size(); ++i) {
        e_.StoreAt(kernel_.BufferParam(buffers[i], true), parts_and_outer[0] * cut.rows + row, tile,
                   sums[i]);
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

void ReduceEmitter::EmitSecondStage(const fuse::Group& group, const Cut& cut,
                                    const std::vector<Place>& buffers) {
  std::vector<PartsOfReduction> sums;
  for (size_t i = 0; i < buffers.size(); ++i) {
    sums.push_back({&accumulators_[i], {buffers[i], cut.parts, cut.rows}});
  }
  EmitCombineParts(context_, group, nest_, sums);
}

void ReduceEmitter::Lower(const fuse::Group& group) {
  Analyse();
  if (!columns_.empty()) return EmitRowsWithColumns();
  const int parts = Parts();
  if (parts <= 1) {
    kernel_.set_streams();
    EmitRows();
    context_.Launch(kernel_);
    return;
  }
  const Cut cut = CutInto(parts);
  std::vector<Place> buffers;
  for (const Accumulator& a : accumulators_) {
    buffers.push_back({context_.AddBuffer("parts", a.dtype, cut.parts * cut.rows)});
  }
  EmitParts(cut, buffers);
  EmitSecondStage(group, cut, buffers);
}

}  // namespace tenon::lower
