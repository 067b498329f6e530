// Loops of schedules: how a nest's variables become few, long loops, and how those are vectorised.
#ifndef TENON_PASSES_LOWER_LOOPS_H_
#define TENON_PASSES_LOWER_LOOPS_H_

#include <functional>
#include <map>
#include <vector>

#include "tenon/passes/fuse/plan.h"
#include "tenon/passes/lower/element.h"
#include "tenon/passes/lower/trace.h"

namespace tenon::lower {

// A nest's variables in terms of a kernel's.
class Translation {
 public:
  Translation(const IndexSpace& from, IndexSpace& to) : from_(from), to_(to) {}
  void Set(VarId v, IndexExpr e) { map_[v] = std::move(e); }
  IndexExpr operator()(const IndexExpr& e) const;
  ElementIndex operator()(const ElementIndex& index) const;

 private:
  const IndexSpace& from_;
  IndexSpace& to_;
  std::map<VarId, IndexExpr> map_;
};

// Adds what the nest's reductions read.
void AddPoints(const fuse::Nest& nest, Trace* trace);

// Every linear position that the nest loads from or stores to and every test, over its own
// variables. (`space` is the nest's, and grows by the digits that are met.)
std::vector<IndexExpr> NestExpressions(KernelContext& kernel, fuse::Nest& nest);

// Where the longest suffix of `loops` begins that one loop can replace: all expressions see its
// loops as one number.
size_t CollapsibleSuffix(const IndexSpace& space, const std::vector<VarId>& loops,
                         const std::vector<IndexExpr>& expressions);

// Replaces loops[begin, end) by one variable of the emitter's space and says so in `translation`.
// No loops: the variable has extent 1.
VarId Flatten(const IndexSpace& space, const std::vector<VarId>& loops, size_t begin, size_t end,
              ElementEmitter& e, Translation* translation);

// Lanes for a loop of this extent: a power of two up to 16, and up to four of the target's vectors
// (without any, what is written out for 16 lanes would be sixteen times as long, and no faster).
int LanesFor(const ElementEmitter& e, const ir::Dim& extent);

// for lane_var = low .. low + count: whole tiles of `lanes`, then one that is cut short.
using TileBody =
    std::function<std::vector<kernel::ValueId>(const Tile&, std::vector<kernel::ValueId>)>;
std::vector<kernel::ValueId> ForTiles(ElementEmitter& e, VarId lane_var, kernel::ValueId low,
                                      kernel::ValueId count, int lanes, int unroll,
                                      std::vector<kernel::ValueId> carried, const TileBody& body);
// The same for sums, where one set of values would make each tile wait for the one before: `sets`
// take the whole tiles in turn, and the first one what is left of the last turn.
struct Turn {
  int sets = 1;
  int tiles = 1;  // that one turn of the loop writes out: a divisor of `sets`
};
using Sets = std::vector<std::vector<kernel::ValueId>>;
Sets ForTilesInTurn(ElementEmitter& e, VarId lane_var, kernel::ValueId low, kernel::ValueId count,
                    int lanes, Turn turn, Sets sets, const TileBody& body);
// for var = low .. high, one at a time.
std::vector<kernel::ValueId> ForEach(
    ElementEmitter& e, VarId var, kernel::ValueId low, kernel::ValueId high,
    std::vector<kernel::ValueId> carried,
    const std::function<std::vector<kernel::ValueId>(std::vector<kernel::ValueId>)>& body);

// Splits 0 .. extent into chunks of `chunk` iterations among threads: body(low, count).
void ParallelChunks(ElementEmitter& e, const ir::Dim& extent, int64_t chunk,
                    const std::function<void(kernel::ValueId low, kernel::ValueId count)>& body);

// Iterations a chunk, for `iterations` of `work` element-operations each; a multiple of `multiple`.
int64_t ChunkSize(const ir::Dim& iterations, double work, int64_t multiple);

// Element-operations of one point of a kernel of this group.
double WorkPerPoint(KernelContext& kernel);

}  // namespace tenon::lower

#endif  // TENON_PASSES_LOWER_LOOPS_H_
