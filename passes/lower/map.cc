// Maps: every point of the nest once, lanes along the innermost loops that collapse into one.
#include "tenon/ir/op.h"
#include "tenon/passes/lower/loops.h"
#include "tenon/passes/lower/schedules.h"

namespace tenon::lower {

using ir::Dim;
using KValue = kernel::ValueId;

namespace {

struct MapLoops {
  VarId outer, lane;
  Dim outer_extent, lane_extent;
  IndexExpr position;  // of the point, in row-major order of the kept loops
};

// Stores see values that are all computed: one may overwrite what another reads.
void EmitPoint(ElementEmitter& e, const fuse::Nest& nest, const Translation& translate,
               const Tile& tile) {
  std::vector<KValue> values;
  for (const fuse::Placed& p : nest.stored) {
    values.push_back(e.Eval(p.value, translate(p.index), tile));
  }
  for (size_t i = 0; i < values.size(); ++i) {
    e.Store(nest.stored[i].value, translate(nest.stored[i].index), tile, values[i]);
  }
}

}  // namespace

void EmitMapNest(KernelContext& kernel, const fuse::Nest& original, double work,
                 const BeforeTile& before) {
  fuse::Nest nest = original;
  ElementEmitter e(kernel);
  kernel::KernelBuilder& k = e.builder();
  const std::vector<IndexExpr> expressions = NestExpressions(kernel, nest);
  const size_t split = CollapsibleSuffix(nest.space, nest.kept, expressions);
  Translation translate(nest.space, e.space());
  MapLoops loops;
  loops.outer = Flatten(nest.space, nest.kept, 0, split, e, &translate);
  loops.lane = Flatten(nest.space, nest.kept, split, nest.kept.size(), e, &translate);
  loops.outer_extent = e.space().var(loops.outer).extent;
  loops.lane_extent = e.space().var(loops.lane).extent;
  loops.position = IndexExpr::Var(loops.outer) * loops.lane_extent + IndexExpr::Var(loops.lane);
  const int lanes = LanesFor(e, loops.lane_extent);
  auto hoist = [&](const std::vector<VarId>& inner) {
    for (const fuse::Placed& p : nest.stored) e.Hoist(p.value, translate(p.index), inner);
  };
  auto run = [&](KValue low, KValue count) {
    const ElementEmitter::LookAhead ahead(e, loops.lane, AlongStreams(kernel.context().target()));
    ForTiles(e, loops.lane, low, count, lanes, work <= 8 ? 4 : 1, {},
             [&](const Tile& tile, std::vector<KValue>) {
               if (before) before(e, translate, tile, loops.position);
               EmitPoint(e, nest, translate, tile);
               return std::vector<KValue>();
             });
  };
  if (split == 0) {
    e.Bind(loops.outer, k.ConstI64(0));
    ParallelChunks(e, loops.lane_extent, ChunkSize(loops.lane_extent, work, 64),
                   [&](KValue low, KValue count) {
                     hoist({loops.lane});
                     run(low, count);
                   });
    return;
  }
  const double row_work = work * static_cast<double>(loops.lane_extent.UpperBound().value_or(1));
  ParallelChunks(e, loops.outer_extent, ChunkSize(loops.outer_extent, row_work, 1),
                 [&](KValue low, KValue count) {
                   hoist({loops.outer, loops.lane});
                   ForEach(e, loops.outer, low, k.Add(low, count), {}, [&](std::vector<KValue>) {
                     hoist({loops.lane});
                     run(k.ConstI64(0), k.DimValue(loops.lane_extent));
                     return std::vector<KValue>();
                   });
                 });
}

void LowerMap(LowerContext& context, const fuse::Group& group) {
  const ir::Node& last = context.graph().node(group.anchor);
  KernelContext kernel(context, group, std::string(ir::OpName(last.op)));
  kernel.set_streams();
  const double work = WorkPerPoint(kernel) / static_cast<double>(group.nests.size());
  for (const fuse::Nest& nest : group.nests) EmitMapNest(kernel, nest, work);
  context.Launch(kernel);
}

}  // namespace tenon::lower
