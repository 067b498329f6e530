#include "tenon/passes/lower/loops.h"

#include <algorithm>
#include <cmath>

#include "tenon/ir/check.h"
#include "tenon/passes/fuse/cost.h"

namespace tenon::lower {

using ir::Dim;
using ir::ScalarOp;
using KValue = kernel::ValueId;

IndexExpr Translation::operator()(const IndexExpr& e) const {
  IndexExpr result = IndexExpr::Constant(e.offset);
  for (const auto& [v, coefficient] : e.terms) {
    auto it = map_.find(v);
    if (it != map_.end()) {
      result = result + it->second * coefficient;
      continue;
    }
    const IndexSpace::Var var = from_.var(v);
    TENON_CHECK(var.kind == IndexSpace::VarKind::kDigit);
    result = result + to_.Digit((*this)(var.of), var.divisor, var.extent) * coefficient;
  }
  return result;
}

ElementIndex Translation::operator()(const ElementIndex& index) const {
  ElementIndex result;
  for (const IndexExpr& e : index) result.push_back((*this)(e));
  return result;
}

void AddPoints(const fuse::Nest& nest, Trace* trace) {
  for (const fuse::Nest::Reduction& r : nest.reductions) {
    if (!r.hosted) trace->AddPoint(r.node, r.point);
  }
  for (const fuse::Nest::Reduction& r : nest.columns) trace->AddPoint(r.node, r.point);
}

std::vector<IndexExpr> NestExpressions(KernelContext& kernel, fuse::Nest& nest) {
  LowerContext& context = kernel.context();
  Trace trace(
      nest.space, context.graph(), [&](ir::NodeId id) { return context.Def(id); },
      [&](ir::NodeId id) {
        return kernel.IsFused(id) || context.IsUniform(context.graph().node(id).results[0]);
      });
  std::vector<IndexExpr> expressions;
  for (const fuse::Placed& placed : nest.stored) {
    expressions.push_back(
        nest.space.Linearize(placed.index, context.graph().type(placed.value).dims));
    trace.AddValue(placed.value, placed.index);
  }
  AddPoints(nest, &trace);
  expressions.insert(expressions.end(), trace.positions().begin(), trace.positions().end());
  expressions.insert(expressions.end(), trace.tests().begin(), trace.tests().end());
  return expressions;
}

namespace {

// Whether `outer` and `inner` may be one loop over outer * extent(inner) + inner.
bool Mergeable(const IndexSpace& space, VarId outer, VarId inner,
               const std::vector<IndexExpr>& expressions) {
  const Dim extent = space.var(inner).extent;
  return std::all_of(expressions.begin(), expressions.end(), [&](const IndexExpr& e) {
    for (const auto& [v, coefficient] : e.terms) {
      if (space.var(v).kind == IndexSpace::VarKind::kLoop) continue;
      const IndexExpr& of = space.var(v).of;
      if (space.DependsOn(of, outer) || space.DependsOn(of, inner)) return false;
    }
    return e.Coefficient(outer) == e.Coefficient(inner) * extent;
  });
}

}  // namespace

size_t CollapsibleSuffix(const IndexSpace& space, const std::vector<VarId>& loops,
                         const std::vector<IndexExpr>& expressions) {
  if (loops.empty()) return 0;
  size_t begin = loops.size() - 1;
  while (begin > 0 && Mergeable(space, loops[begin - 1], loops[begin], expressions)) --begin;
  return begin;
}

VarId Flatten(const IndexSpace& space, const std::vector<VarId>& loops, size_t begin, size_t end,
              ElementEmitter& e, Translation* translation) {
  ir::Shape extents;
  for (size_t i = begin; i < end; ++i) extents.push_back(space.var(loops[i]).extent);
  const VarId flat = e.space().AddLoop(ir::Product(extents));
  const ElementIndex parts = e.space().Delinearize(IndexExpr::Var(flat), extents);
  for (size_t i = begin; i < end; ++i) translation->Set(loops[i], parts[i - begin]);
  return flat;
}

int LanesFor(const ElementEmitter& e, const Dim& extent) {
  const int most = std::min(16, 4 * std::max(1, e.target().Lanes(/*bytes=*/4)));
  if (!extent.is_constant()) return most;
  int lanes = 1;
  while (lanes < most && lanes < extent.constant()) lanes *= 2;
  return lanes;
}

std::vector<KValue> ForTiles(ElementEmitter& e, VarId lane_var, KValue low, KValue count, int lanes,
                             int unroll, std::vector<KValue> carried, const TileBody& body) {
  kernel::KernelBuilder& k = e.builder();
  const Tile whole{.lanes = lanes, .lane_var = lanes > 1 ? lane_var : -1};
  const KValue main = k.Mul(k.Div(count, lanes), k.ConstI64(lanes));
  carried = k.For(
      k.ConstI64(0), main, lanes, std::move(carried),
      [&](KValue i, std::vector<KValue> inner) {
        ElementEmitter::Scope scope(e);
        e.Bind(lane_var, k.Add(low, i));
        return body(whole, std::move(inner));
      },
      unroll);
  if (lanes == 1) return carried;
  const KValue rest = k.Sub(count, main);
  return k.If(
      k.Scalar(ScalarOp::kGt, {rest, k.ConstI64(0)}),
      [&] {
        ElementEmitter::Scope scope(e);
        e.Bind(lane_var, k.Add(low, main));
        Tile cut = whole;
        cut.lane_count = rest;
        return body(cut, carried);
      },
      [&] { return carried; });
}

Sets ForTilesInTurn(ElementEmitter& e, VarId lane_var, KValue low, KValue count, int lanes,
                    Turn turn, Sets sets, const TileBody& body) {
  kernel::KernelBuilder& k = e.builder();
  const Tile whole{.lanes = lanes, .lane_var = lanes > 1 ? lane_var : -1};
  const auto width = static_cast<int64_t>(sets[0].size());
  const int64_t step = int64_t{lanes} * turn.sets;
  const KValue main = k.Mul(k.Div(count, step), k.ConstI64(step));
  std::vector<KValue> all;
  for (const auto& set : sets) all.insert(all.end(), set.begin(), set.end());
  // A turn of fewer tiles than there are sets moves the sets round: after all of them each is back
  // in its place.
  all = k.For(k.ConstI64(0), main, int64_t{lanes} * turn.tiles, std::move(all),
              [&](KValue i, std::vector<KValue> inner) {
                std::vector<KValue> next(inner.begin() + turn.tiles * width, inner.end());
                for (int t = 0; t < turn.tiles; ++t) {
                  ElementEmitter::Scope scope(e);
                  e.Bind(lane_var, k.Add(k.Add(low, i), k.ConstI64(int64_t{t} * lanes)));
                  const auto first = inner.begin() + t * width;
                  const std::vector<KValue> sums = body(whole, {first, first + width});
                  next.insert(next.end(), sums.begin(), sums.end());
                }
                return next;
              });
  for (int s = 0; s < turn.sets; ++s) {
    sets[s].assign(all.begin() + s * width, all.begin() + (s + 1) * width);
  }
  sets[0] = ForTiles(e, lane_var, k.Add(low, main), k.Sub(count, main), lanes, 1, sets[0], body);
  return sets;
}

std::vector<KValue> ForEach(ElementEmitter& e, VarId var, KValue low, KValue high,
                            std::vector<KValue> carried,
                            const std::function<std::vector<KValue>(std::vector<KValue>)>& body) {
  return e.builder().For(low, high, 1, std::move(carried),
                         [&](KValue i, std::vector<KValue> inner) {
                           ElementEmitter::Scope scope(e);
                           e.Bind(var, i);
                           return body(std::move(inner));
                         });
}

void ParallelChunks(ElementEmitter& e, const Dim& extent, int64_t chunk,
                    const std::function<void(KValue low, KValue count)>& body) {
  kernel::KernelBuilder& k = e.builder();
  const KValue n = k.DimValue(extent);
  const bool whole = extent.is_constant() && extent.constant() % chunk == 0;
  k.Parallel(k.CeilDiv(n, chunk), [&](KValue number) {
    ElementEmitter::Scope scope(e);
    const bool single = extent.is_constant() && extent.constant() <= chunk;
    if (single) return body(k.ConstI64(0), n);
    const KValue low = k.Mul(number, k.ConstI64(chunk));
    body(low, whole ? k.ConstI64(chunk) : k.Min(k.ConstI64(chunk), k.Sub(n, low)));
  });
}

int64_t ChunkSize(const Dim& iterations, double work, int64_t multiple) {
  const double total = fuse::Size(iterations);
  // A kernel that is worth fewer than two chunks stays whole.
  double size = std::max(1.0, std::ceil(fuse::kWorkOfChunk / std::max(1.0, work)));
  if (total < 2 * size) size = total;
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(size / multiple))) * multiple;
}

double WorkPerPoint(KernelContext& kernel) {
  double work = 1;
  for (ir::NodeId id : kernel.group().members) {
    const ir::ComputeDef* def = kernel.context().Def(id);
    if (def != nullptr && kernel.IsFused(id)) work += fuse::BodyCost(*def);
  }
  return work;
}

}  // namespace tenon::lower
