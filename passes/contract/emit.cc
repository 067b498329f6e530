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
  const ElementIndex index = points.space.Delinearize(points.Position(), type.dims);
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
  Places places{a, b, {}, {}};
  if (schedule.prepacked) {
    const Dim columns =
        FloorDiv(PanelColumns(nest, schedule) + Dim(schedule.lanes - 1), schedule.lanes);
    const Dim others = *ir::ExactDiv(nest.N(), nest.n.back().extent) * nest.Batch();
    places.packed.buffer = context.AddBuffer("packed", nest.step_dtype(),
                                             others * columns * nest.K() * Dim(schedule.lanes));
    context.program().buffers[places.packed.buffer].kind = kernel::BufferKind::kPrepared;
    ContractEmitter(context, group, nest, schedule, places, "pack").EmitPacking();
  }
  if (schedule.split == 0) {
    ContractEmitter(context, group, nest, schedule, places, "contract").Emit();
    return;
  }
  places.pieces.buffer =
      context.AddBuffer("pieces", nest.accumulator, Pieces(nest, schedule) * Results(nest));
  ContractEmitter(context, group, nest, schedule, places, "contract_pieces").Emit();
  EmitSumOfPieces(context, group, nest, schedule, places.pieces);
}

}  // namespace tenon::contract
