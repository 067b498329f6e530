// Copies of operands whose accesses are guarded or need converting.
#include <utility>

#include "tenon/passes/contract/emit.h"
#include "tenon/passes/lower/element.h"
#include "tenon/passes/lower/loops.h"

namespace tenon::contract {

using ir::Dim;
using lower::ElementIndex;
using lower::IndexExpr;
using lower::Tile;
using lower::VarId;
using KValue = kernel::ValueId;

namespace {

// The copy as a map: element p is the access of the original at p + first.
ir::ComputeDef CopyDef(const ir::Access& original, const Operand& operand) {
  ir::ComputeDef def;
  def.domain = operand.shape;
  def.num_parallel = static_cast<int>(def.domain.size());
  ir::Access access{original.operand, {}, original.guarded};
  for (size_t d = 0; d < def.domain.size(); ++d) {
    ir::Affine affine = ir::Affine::Iterator(static_cast<int>(d));
    affine.offset = operand.first[d];
    affine.divisor = original.index[d].affine.divisor;
    ir::Index index;
    index.affine = std::move(affine);
    access.index.push_back(std::move(index));
  }
  def.accesses.push_back(std::move(access));
  return def;
}

}  // namespace

lower::Place CopyOperand(lower::LowerContext& context, const fuse::Group& group,
                         const Operand& operand, ir::DType dtype) {
  const ir::Node& node = context.graph().node(group.anchor);
  const ir::ComputeDef& original = *context.Def(group.anchor);
  const ir::ComputeDef def = CopyDef(original.accesses[operand.access], operand);
  const lower::Place place{context.AddBuffer("padded", dtype, ir::Product(operand.shape))};

  lower::KernelContext kernel(context, group, "pad");
  lower::ElementEmitter e(kernel);
  kernel::KernelBuilder& k = e.builder();
  const int target = kernel.BufferParam(place, /*written=*/true);
  // Lanes along the last dimension that is one; all before it in one loop.
  size_t last = operand.shape.size();
  while (last > 1 && operand.shape[last - 1] == Dim(1)) --last;
  const Dim lane_extent = last == 0 ? Dim(1) : operand.shape[last - 1];
  const ir::Shape outer_shape(operand.shape.begin(),
                              operand.shape.begin() + (last == 0 ? 0 : last - 1));
  const Dim outer_extent = ir::Product(outer_shape);
  const VarId outer = e.space().AddLoop(outer_extent), lane = e.space().AddLoop(lane_extent);
  ElementIndex point = e.space().Delinearize(IndexExpr::Var(outer), outer_shape);
  if (last > 0) point.push_back(IndexExpr::Var(lane));
  while (point.size() < operand.shape.size()) point.push_back(IndexExpr());
  const IndexExpr position = IndexExpr::Var(outer) * lane_extent + IndexExpr::Var(lane);

  const double row_work = 8.0 * static_cast<double>(lane_extent.UpperBound().value_or(1));
  lower::ParallelChunks(
      e, outer_extent, lower::ChunkSize(outer_extent, row_work, 1), [&](KValue low, KValue count) {
        lower::ForEach(e, outer, low, k.Add(low, count), {}, [&](std::vector<KValue>) {
          const int lanes = lower::LanesFor(e, lane_extent);
          return lower::ForTiles(e, lane, k.ConstI64(0), k.DimValue(lane_extent), lanes, 1, {},
                                 [&](const Tile& tile, std::vector<KValue>) {
                                   const KValue value = e.EvalAccess(node, def, 0, point, tile);
                                   e.StoreAt(target, position, tile, k.Cast(dtype, value));
                                   return std::vector<KValue>();
                                 });
        });
      });
  context.Launch(kernel);
  return place;
}

}  // namespace tenon::contract
