#include "tenon/passes/contract/emit.h"

#include "tenon/passes/contract/emitter.h"
#include "tenon/passes/lower/schedules.h"

namespace tenon::contract {

using ir::Dim;
using ir::ScalarOp;
using kernel::KernelBuilder;
using lower::ElementIndex;
using lower::IndexExpr;
using lower::Place;
using lower::Tile;
using lower::VarId;

namespace {

// Adds up the pieces, in their order, and computes the group's stored values from the sums.
void EmitSumOfPieces(lower::LowerContext& context, const fuse::Group& group,
                     const ContractNest& nest, const Schedule& schedule, const Place& pieces) {
  lower::KernelContext kernel(context, group, "contract_sum");
  const int buffer = kernel.BufferParam(pieces, /*written=*/false);
  const ir::ValueId result = context.graph().node(group.anchor).results[0];
  const ir::TensorType& type = context.graph().type(result);
  const double count = static_cast<double>(Pieces(nest, schedule).UpperBound().value_or(16));
  fuse::Nest points = group.nests[0];
  IndexExpr kept;
  Dim stride = 1;
  for (size_t i = points.kept.size(); i-- > 0;) {
    kept = kept + IndexExpr::Var(points.kept[i]) * stride;
    stride = stride * points.space.var(points.kept[i]).extent;
  }
  const ElementIndex index = points.space.Delinearize(kept, type.dims);
  lower::EmitMapNest(kernel, points, count + lower::WorkPerPoint(kernel),
                     [&](lower::ElementEmitter& e, const lower::Translation& translate,
                         const Tile& tile, const IndexExpr& position) {
                       KernelBuilder& k = e.builder();
                       const VarId piece = e.space().AddLoop(Pieces(nest, schedule));
                       const IndexExpr place = IndexExpr::Var(piece) * Results(nest) + position;
                       const KValue sum = k.For(
                           k.ConstI64(0), k.DimValue(Pieces(nest, schedule)), 1,
                           {k.Const(nest.accumulator, 0, tile.rows, tile.lanes)},
                           [&](KValue i, std::vector<KValue> carried) -> std::vector<KValue> {
                             e.Bind(piece, i);
                             const KValue next = e.LoadAt(buffer, nest.accumulator, place, tile);
                             return {k.Scalar(ScalarOp::kAdd, {carried[0], next})};
                           })[0];
                       e.Provide(result, translate(index), k.Cast(type.dtype, sum));
                     });
  context.Launch(kernel);
}

}  // namespace

void EmitContraction(lower::LowerContext& context, const fuse::Group& group,
                     const ContractNest& nest, const Schedule& schedule, const Place& a,
                     const Place& b) {
  if (schedule.split == 0) {
    ContractEmitter(context, group, nest, schedule, a, b, nullptr).Emit();
    return;
  }
  const Place pieces{
      context.AddBuffer("pieces", nest.accumulator, Pieces(nest, schedule) * Results(nest))};
  ContractEmitter(context, group, nest, schedule, a, b, &pieces).Emit();
  EmitSumOfPieces(context, group, nest, schedule, pieces);
}

}  // namespace tenon::contract
