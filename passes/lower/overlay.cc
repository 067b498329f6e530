// Overlays: maps that keep a tensor but for a window of another one (dynamic_update), where the
// result lies in the tensor's own memory. Only the window is written then.
#include <optional>

#include "tenon/ir/op.h"
#include "tenon/passes/fuse/cost.h"
#include "tenon/passes/lower/loops.h"
#include "tenon/passes/lower/schedules.h"

namespace tenon::lower {

using ir::Dim;
using ir::ScalarInstr;
using ir::ScalarOp;
using KValue = kernel::ValueId;

namespace {

// The accesses of a map that reads select(in_bounds(part), part, whole).
struct Overlay {
  int whole = 0, part = 0;
};

bool IsIdentity(const ir::Access& access) {
  for (size_t d = 0; d < access.index.size(); ++d) {
    const ir::Index& index = access.index[d];
    const bool plain = index.indirect < 0 && index.affine.divisor == 1 &&
                       index.affine.offset == Dim(0) && index.affine.terms.size() == 1;
    if (!plain || index.affine.terms[0].iterator != static_cast<int>(d) ||
        !(index.affine.terms[0].coefficient == Dim(1))) {
      return false;
    }
  }
  return !access.guarded;
}

// Element p minus a start that is clamped so that the window lies inside.
bool IsWindow(const ir::Access& access) {
  for (size_t d = 0; d < access.index.size(); ++d) {
    const ir::Index& index = access.index[d];
    const bool plain = index.indirect >= 0 && index.indirect_sign == -1 && index.clamp &&
                       index.affine.divisor == 1 && index.affine.offset == Dim(0) &&
                       index.affine.terms.size() == 1;
    if (!plain || index.affine.terms[0].iterator != static_cast<int>(d) ||
        !(index.affine.terms[0].coefficient == Dim(1))) {
      return false;
    }
  }
  return access.guarded && !access.index.empty();
}

std::optional<Overlay> FindOverlay(const ir::ComputeDef& def) {
  const ScalarInstr& last = def.body.instrs.back();
  if (last.kind != ScalarInstr::Kind::kOp || last.op != ScalarOp::kSelect) return std::nullopt;
  const ScalarInstr& condition = def.body.instrs[last.args[0]];
  const ScalarInstr& fresh = def.body.instrs[last.args[1]];
  const ScalarInstr& old = def.body.instrs[last.args[2]];
  if (condition.kind != ScalarInstr::Kind::kInBounds || fresh.kind != ScalarInstr::Kind::kAccess ||
      old.kind != ScalarInstr::Kind::kAccess || condition.index != fresh.index) {
    return std::nullopt;
  }
  const Overlay overlay{old.index, fresh.index};
  if (!IsIdentity(def.accesses[overlay.whole]) || !IsWindow(def.accesses[overlay.part])) {
    return std::nullopt;
  }
  return overlay;
}

}  // namespace

bool LowerOverlay(LowerContext& context, const fuse::Group& group) {
  if (group.nests.size() != 1 || group.nests[0].stored.size() != 1) return false;
  const ir::Graph& graph = context.graph();
  const ir::ValueId result = group.nests[0].stored[0].value;
  const ir::NodeId id = graph.producer(result);
  const ir::ComputeDef* def = context.Def(id);
  if (def == nullptr || def->num_reduced() > 0) return false;
  const std::optional<Overlay> overlay = FindOverlay(*def);
  if (!overlay.has_value()) return false;
  const ir::Node& node = graph.node(id);
  const ir::Access& part = def->accesses[overlay->part];
  const ir::ValueId whole = node.operands[def->accesses[overlay->whole].operand];
  const ir::ValueId update = node.operands[part.operand];
  if (!(context.place(whole) == context.place(result))) return false;

  KernelContext kernel(context, group, std::string(ir::OpName(node.op)));
  if (graph.producer(whole).valid() && kernel.IsFused(graph.producer(whole))) return false;
  ElementEmitter e(kernel);
  kernel::KernelBuilder& k = e.builder();
  const int out = kernel.BufferParam(context.place(result), /*written=*/true);
  const ir::Shape& dims = graph.type(result).dims;
  const ir::Shape& window = graph.type(update).dims;
  const Dim lane_extent = window.back();
  const ir::Shape outer_shape(window.begin(), window.end() - 1);
  const Dim outer_extent = ir::Product(outer_shape);
  const VarId outer = e.space().AddLoop(outer_extent), lane = e.space().AddLoop(lane_extent);
  ElementIndex from = e.space().Delinearize(IndexExpr::Var(outer), outer_shape), to;
  from.push_back(IndexExpr::Var(lane));
  std::vector<VarId> starts;
  for (size_t d = 0; d < dims.size(); ++d) {
    starts.push_back(e.space().AddLoop(dims[d]));
    to.push_back(IndexExpr::Var(starts[d]) + from[d]);
  }
  const IndexExpr position = e.space().Linearize(to, dims);
  const ElementIndex origin(def->domain.size());
  const double row_work = WorkPerPoint(kernel) * fuse::Size(lane_extent);
  ParallelChunks(
      e, outer_extent, ChunkSize(outer_extent, row_work, 1), [&](KValue low, KValue count) {
        for (size_t d = 0; d < dims.size(); ++d) {
          const ir::Index& index = part.index[d];
          const KValue start =
              k.Cast(ir::DType::kI64, e.EvalAccess(node, *def, index.indirect, origin, Tile{}));
          const KValue most = k.DimValue(index.clamp_max);
          e.Bind(starts[d], k.Scalar(ScalarOp::kMax, {k.Min(start, most), k.ConstI64(0)}));
        }
        ForEach(e, outer, low, k.Add(low, count), {}, [&](std::vector<KValue>) {
          return ForTiles(e, lane, k.ConstI64(0), k.DimValue(lane_extent), LanesFor(e, lane_extent),
                          4, {}, [&](const Tile& tile, std::vector<KValue>) {
                            e.StoreAt(out, position, tile, e.Eval(update, from, tile));
                            return std::vector<KValue>();
                          });
        });
      });
  context.Launch(kernel);
  return true;
}

}  // namespace tenon::lower
