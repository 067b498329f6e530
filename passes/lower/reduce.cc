// Reductions: one or several over the same points, with the element-wise work before and behind.
//
// A nest has kept loops (rows) and reduced ones. Reductions that need one another's results make
// levels: each level is a pass over a row, a last pass stores values at every point. Values that
// are expensive and needed in more than one pass wait in a local row buffer.
//
// Lanes run along the contiguous axis. Where that is reduced ("by row"), sixteen accumulators take
// the elements in turn and a tree adds them up; where it is kept ("by column"), every lane has its
// own accumulator and adds in order. Few, long rows are cut into parts that follow from the shape
// alone; a second kernel adds the parts up in order. At `exact` everything goes in order.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/op.h"
#include "tenon/passes/fuse/cost.h"
#include "tenon/passes/lower/combine.h"
#include "tenon/passes/lower/loops.h"
#include "tenon/passes/lower/schedules.h"

namespace tenon::lower {

using fuse::Nest;
using ir::ComputeClass;
using ir::Dim;
using ir::DType;
using ir::ScalarOp;
using KValue = kernel::ValueId;
using KValues = std::vector<KValue>;

namespace {

// A local row buffer holds up to this many elements, in all up to this many bytes.
constexpr double kMaxRowElements = 32768;
constexpr double kMaxRowBytes = 256 << 10;
// Parts of a long reduction: enough for any number of threads that a step is worth.
constexpr double kMaxParts = 64;
// Windows of up to this many positions are written out.
constexpr int64_t kSmallWindow = 16;

struct Accumulator {
  Nest::Reduction reduction;
  const ir::Node* node;
  const ir::ComputeDef* def;
  ir::Combiner combiner;
  DType dtype;  // in which it adds up
  int level = 0;
};

// A value that waits in a local buffer between passes.
struct RowValue {
  ir::ValueId value;
  ElementIndex index;
  int first_pass;
  int local = -1;
};

class ReduceEmitter {
 public:
  ReduceEmitter(LowerContext& context, const fuse::Group& group, const Nest& nest)
      : context_(context),
        kernel_(context, group, std::string(ir::OpName(context.graph().node(group.anchor).op))),
        nest_(nest),
        e_(kernel_),
        k_(e_.builder()),
        translate_(nest_.space, e_.space()) {}

  void Lower(const fuse::Group& group);

 private:
  void Analyse();
  void FindLevels();
  void FindRowValues();
  std::vector<Trace::Visit> ComputedInPass(int pass);
  bool IsFull(const ElementIndex& index) const;
  // Whether the value has an element at the visit's index at every point.
  bool IsInside(const Trace::Visit& visit) const;
  double Points() const;

  int Parts() const;
  void EmitRows();
  void EmitParts(int parts, const std::vector<Place>& buffers);
  void EmitSecondStage(const fuse::Group& group, const Dim& parts,
                       const std::vector<Place>& buffers);

  void EmitRow(const Tile& kept);
  KValues Reduce(const std::vector<int>& which, const Tile& kept, KValue low, KValue high);
  KValue Step(const Accumulator& a, const Tile& tile, KValue sum);
  KValue Combined(const Accumulator& a, const ElementIndex& point, const Tile& tile, KValue sum,
                  bool inside);
  bool IsSmallWindow();
  void HoistReads(const std::vector<int>& which, const Tile& kept);
  void HoistStored(const std::vector<VarId>& inner);
  void ForPoints(const Tile& kept, const std::function<void(const Tile&)>& body);
  void ProvideRowValues(int pass, const Tile& tile);
  void KeepRowValues(int pass, const Tile& tile);

  LowerContext& context_;
  KernelContext kernel_;
  Nest nest_;
  ElementEmitter e_;
  kernel::KernelBuilder& k_;
  Translation translate_;

  bool by_column_ = false;
  // By column: outer and lane over the kept loops, inner over the reduced ones. By row: outer over
  // the kept loops, inner and lane over the reduced ones.
  VarId outer_ = -1, inner_ = -1, lane_ = -1;
  int lanes_ = 1;
  double work_ = 1;
  std::vector<Accumulator> accumulators_;
  std::vector<RowValue> row_values_;
  int passes_ = 0;  // levels
};

Dim ExtentOf(ElementEmitter& e, VarId v) { return e.space().var(v).extent; }

void ReduceEmitter::Analyse() {
  for (const Nest::Reduction& r : nest_.reductions) {
    const ir::Node& node = context_.graph().node(r.node);
    const ir::ComputeDef* def = context_.Def(r.node);
    const DType dtype = context_.graph().type(node.results[0]).dtype;
    accumulators_.push_back({r, &node, def, def->combiner, ir::ComputeType(dtype)});
  }
  const std::vector<IndexExpr> expressions = NestExpressions(kernel_, nest_);
  auto contiguous = [&](const std::vector<VarId>& loops) {
    if (loops.empty()) return -1;
    return static_cast<int>(
        std::count_if(expressions.begin(), expressions.end(),
                      [&](const IndexExpr& e) { return e.Coefficient(loops.back()) == Dim(1); }));
  };
  by_column_ = contiguous(nest_.kept) >= contiguous(nest_.reduced) ||
               (context_.numerics() == passes::Numerics::kExact && !nest_.kept.empty());
  const std::vector<VarId>& vectorised = by_column_ ? nest_.kept : nest_.reduced;
  const std::vector<VarId>& other = by_column_ ? nest_.reduced : nest_.kept;
  const size_t split = CollapsibleSuffix(nest_.space, vectorised, expressions);
  VarId& first = by_column_ ? outer_ : inner_;
  first = Flatten(nest_.space, vectorised, 0, split, e_, &translate_);
  lane_ = Flatten(nest_.space, vectorised, split, vectorised.size(), e_, &translate_);
  (by_column_ ? inner_ : outer_) = Flatten(nest_.space, other, 0, other.size(), e_, &translate_);
  const Dim extent = ExtentOf(e_, lane_);
  lanes_ = LanesFor(extent);
  // Columns add up independently: more of them at once hide the latency of additions.
  if (by_column_ && fuse::Size(extent) >= 64) lanes_ = 64;
  if (!by_column_ && context_.numerics() == passes::Numerics::kExact) lanes_ = 1;
  work_ = WorkPerPoint(kernel_);
  FindLevels();
  if (!by_column_) FindRowValues();
}

void ReduceEmitter::FindLevels() {
  // In graph order, so that what a reduction needs has its level already.
  std::sort(accumulators_.begin(), accumulators_.end(),
            [](const Accumulator& a, const Accumulator& b) {
              return a.reduction.node < b.reduction.node;
            });
  for (Accumulator& a : accumulators_) {
    Trace trace(
        nest_.space, context_.graph(), [&](ir::NodeId id) { return context_.Def(id); },
        [&](ir::NodeId id) { return kernel_.IsFused(id); });
    trace.AddPoint(a.reduction.node, a.reduction.point);
    for (const Trace::Visit& visit : trace.computed()) {
      for (const Accumulator& b : accumulators_) {
        if (b.node->results[0] == visit.value) a.level = std::max(a.level, b.level + 1);
      }
    }
    passes_ = std::max(passes_, a.level + 1);
  }
}

bool ReduceEmitter::IsFull(const ElementIndex& index) const {
  return std::any_of(index.begin(), index.end(), [&](const IndexExpr& e) {
    return std::any_of(nest_.reduced.begin(), nest_.reduced.end(),
                       [&](VarId v) { return nest_.space.DependsOn(e, v); });
  });
}

bool ReduceEmitter::IsInside(const Trace::Visit& visit) const {
  const ir::Shape& dims = context_.graph().type(visit.value).dims;
  for (size_t d = 0; d < dims.size(); ++d) {
    if (!nest_.space.ProvablyNonNegative(visit.index[d]) ||
        !nest_.space.ProvablyBelow(visit.index[d], dims[d])) {
      return false;
    }
  }
  return true;
}

double ReduceEmitter::Points() const {
  double points = 1;
  for (VarId v : nest_.kept) points *= fuse::Size(nest_.space.var(v).extent);
  for (VarId v : nest_.reduced) points *= fuse::Size(nest_.space.var(v).extent);
  return points;
}

// What the reductions of a level, or (pass == passes_) the values stored at every point, compute.
std::vector<Trace::Visit> ReduceEmitter::ComputedInPass(int pass) {
  Trace trace(
      nest_.space, context_.graph(), [&](ir::NodeId id) { return context_.Def(id); },
      [&](ir::NodeId id) { return kernel_.IsFused(id); });
  for (const Accumulator& a : accumulators_) {
    if (a.level == pass) trace.AddPoint(a.reduction.node, a.reduction.point);
  }
  if (pass == passes_) {
    for (const fuse::Placed& p : nest_.stored) {
      if (IsFull(p.index)) trace.AddValue(p.value, p.index);
    }
  }
  return trace.computed();
}

void ReduceEmitter::FindRowValues() {
  double elements = 1;
  for (VarId v : nest_.reduced) elements *= fuse::Size(nest_.space.var(v).extent);
  if (elements > kMaxRowElements) return;
  double bytes = 0;
  std::map<std::string, int> first_pass;
  std::map<std::string, bool> kept;
  for (int pass = 0; pass <= passes_; ++pass) {
    for (const Trace::Visit& visit : ComputedInPass(pass)) {
      const ir::NodeId id = context_.graph().producer(visit.value);
      const ir::ComputeDef* def = context_.Def(id);
      if (def == nullptr || def->num_reduced() > 0 || !IsFull(visit.index)) continue;
      if (fuse::BodyCost(*def) < fuse::kExpensive) continue;
      if (!IsInside(visit)) continue;  // under a guard: not every point of the row has a value
      const std::string key = absl::StrCat(visit.value.index, ":", visit.position.Key());
      auto [it, added] = first_pass.emplace(key, pass);
      const DType dtype = context_.graph().type(visit.value).dtype;
      const double size = elements * static_cast<double>(ir::ByteSize(dtype));
      if (it->second == pass || kept[key] || bytes + size > kMaxRowBytes) continue;
      kept[key] = true;
      bytes += size;
      const int local = k_.AddLocal({.name = absl::StrCat("row", row_values_.size()),
                                     .dtype = dtype,
                                     .size = static_cast<int64_t>(elements)});
      row_values_.push_back({visit.value, visit.index, it->second, local});
    }
  }
}

// --- Passes

KValue ReduceEmitter::Step(const Accumulator& a, const Tile& tile, KValue sum) {
  const ElementIndex point = translate_(a.reduction.point);
  if (a.def->compute_class == ComputeClass::kWindow) {
    // A window's point outside contributes the identity: there is nothing to do.
    const KValue inside = e_.AllInside(*a.node, *a.def, point, tile);
    if (inside.valid()) {
      return k_.If(
          inside,
          [&] {
            ElementEmitter::Scope scope(e_);
            return KValues{Combined(a, point, tile, sum, /*inside=*/true)};
          },
          [&] { return KValues{sum}; })[0];
    }
  }
  return Combined(a, point, tile, sum, /*inside=*/false);
}

KValue ReduceEmitter::Combined(const Accumulator& a, const ElementIndex& point, const Tile& tile,
                               KValue sum, bool inside) {
  KValue next;
  const bool product = a.def->compute_class == ComputeClass::kContract &&
                       a.def->accesses.size() == 2 &&
                       context_.numerics() != passes::Numerics::kExact && ir::IsFloat(a.dtype);
  if (product) {
    const KValue x = k_.Cast(a.dtype, e_.EvalAccess(*a.node, *a.def, 0, point, tile));
    const KValue y = k_.Cast(a.dtype, e_.EvalAccess(*a.node, *a.def, 1, point, tile));
    next = k_.Scalar(ScalarOp::kFma, {x, y, sum});
  } else {
    const KValue x = k_.Cast(a.dtype, e_.EvalBody(*a.node, *a.def, point, tile, inside));
    next = k_.Scalar(CombineOp(a.combiner), {sum, x});
  }
  next = k_.Splat(next, tile.rows, tile.lanes);
  if (by_column_ || !tile.lane_count.valid()) return next;
  return k_.Scalar(ScalarOp::kSelect, {e_.ActivePoints(tile), next, sum});
}

// The points of one row (by column: of a tile of rows), `inner` from `low` to `high`; where the
// inner loop is trivial, a row's lanes from `low` to `high`.
KValues ReduceEmitter::Reduce(const std::vector<int>& which, const Tile& kept, KValue low,
                              KValue high) {
  KValues sums;
  const int lanes = by_column_ ? kept.lanes : lanes_;
  for (int i : which) {
    const Accumulator& a = accumulators_[i];
    sums.push_back(k_.Splat(IdentityOf(k_, a.combiner, a.dtype), 1, lanes));
  }
  const int pass = accumulators_[which[0]].level;
  auto step = [&](const Tile& tile, KValues in) {
    ProvideRowValues(pass, tile);
    for (size_t i = 0; i < which.size(); ++i) {
      in[i] = Step(accumulators_[which[i]], tile, in[i]);
    }
    KeepRowValues(pass, tile);
    return in;
  };
  HoistReads(which, kept);
  if (by_column_ && IsSmallWindow() && k_.AsConst(low) != nullptr && k_.AsConst(high) != nullptr) {
    // Written out, most of a window's index arithmetic and tests fall away.
    for (int64_t i = *k_.AsConst(low); i < *k_.AsConst(high); ++i) {
      ElementEmitter::Scope scope(e_);
      e_.Bind(inner_, k_.ConstI64(i));
      sums = step(kept, std::move(sums));
    }
    return sums;
  }
  if (by_column_) {
    return ForEach(e_, inner_, low, high, std::move(sums),
                   [&](KValues in) { return step(kept, std::move(in)); });
  }
  const int unroll = work_ <= 8 ? 4 : 1;
  if (ExtentOf(e_, inner_) == Dim(1)) {
    e_.Bind(inner_, k_.ConstI64(0));
    sums = ForTiles(e_, lane_, low, k_.Sub(high, low), lanes_, unroll, std::move(sums), step);
  } else {
    sums = ForEach(e_, inner_, low, high, std::move(sums), [&](KValues in) {
      return ForTiles(e_, lane_, k_.ConstI64(0), k_.DimValue(ExtentOf(e_, lane_)), lanes_, unroll,
                      std::move(in), step);
    });
  }
  for (size_t i = 0; i < which.size(); ++i) {
    sums[i] = k_.ReduceLanes(accumulators_[which[i]].combiner, sums[i]);
  }
  return sums;
}

bool ReduceEmitter::IsSmallWindow() {
  const Dim points = ExtentOf(e_, inner_);
  return accumulators_[0].def->compute_class == ComputeClass::kWindow && points.is_constant() &&
         points.constant() <= kSmallWindow;
}

// What does not change along a row is read once a row.
void ReduceEmitter::HoistReads(const std::vector<int>& which, const Tile& kept) {
  std::vector<VarId> inner = {inner_};
  if (!by_column_) inner.push_back(lane_);
  for (int i : which) {
    const Accumulator& a = accumulators_[i];
    e_.HoistReads(*a.node, *a.def, translate_(a.reduction.point), inner, kept);
  }
}

// What is the same for all rows is evaluated once a chunk.
void ReduceEmitter::HoistStored(const std::vector<VarId>& inner) {
  for (const fuse::Placed& p : nest_.stored) e_.Hoist(p.value, translate_(p.index), inner);
  for (const Accumulator& a : accumulators_) {
    e_.HoistReads(*a.node, *a.def, translate_(a.reduction.point), inner);
  }
}

void ReduceEmitter::ForPoints(const Tile& kept, const std::function<void(const Tile&)>& body) {
  const KValue zero = k_.ConstI64(0);
  ForEach(e_, inner_, zero, k_.DimValue(ExtentOf(e_, inner_)), {}, [&](KValues) {
    if (by_column_) {
      body(kept);
      return KValues();
    }
    return ForTiles(e_, lane_, zero, k_.DimValue(ExtentOf(e_, lane_)), lanes_, 1, {},
                    [&](const Tile& tile, KValues) {
                      body(tile);
                      return KValues();
                    });
  });
}

void ReduceEmitter::ProvideRowValues(int pass, const Tile& tile) {
  for (const RowValue& v : row_values_) {
    if (v.first_pass >= pass) continue;
    const IndexExpr position = IndexExpr::Var(inner_) * ExtentOf(e_, lane_) + IndexExpr::Var(lane_);
    const DType dtype = context_.graph().type(v.value).dtype;
    e_.Provide(v.value, translate_(v.index), e_.LoadAt(v.local, dtype, position, tile));
  }
}

void ReduceEmitter::KeepRowValues(int pass, const Tile& tile) {
  for (const RowValue& v : row_values_) {
    if (v.first_pass != pass) continue;
    const IndexExpr position = IndexExpr::Var(inner_) * ExtentOf(e_, lane_) + IndexExpr::Var(lane_);
    e_.StoreAt(v.local, position, tile, e_.Eval(v.value, translate_(v.index), tile));
  }
}

// Everything of one row, or of a tile of columns.
void ReduceEmitter::EmitRow(const Tile& kept) {
  const bool trivial = !by_column_ && ExtentOf(e_, inner_) == Dim(1);
  const KValue high = k_.DimValue(ExtentOf(e_, trivial ? lane_ : inner_));
  for (int pass = 0; pass < passes_; ++pass) {
    std::vector<int> which;
    for (size_t i = 0; i < accumulators_.size(); ++i) {
      if (accumulators_[i].level == pass) which.push_back(static_cast<int>(i));
    }
    const KValues sums = Reduce(which, kept, k_.ConstI64(0), high);
    for (size_t i = 0; i < which.size(); ++i) {
      const Accumulator& a = accumulators_[which[i]];
      const ir::ValueId v = a.node->results[0];
      e_.Provide(v, translate_(a.reduction.index),
                 k_.Cast(context_.graph().type(v).dtype, sums[i]));
    }
  }
  std::vector<fuse::Placed> full, rows;
  for (const fuse::Placed& p : nest_.stored) (IsFull(p.index) ? full : rows).push_back(p);
  auto store = [&](const std::vector<fuse::Placed>& placed, const Tile& tile) {
    KValues values;
    for (const fuse::Placed& p : placed)
      values.push_back(e_.Eval(p.value, translate_(p.index), tile));
    for (size_t i = 0; i < placed.size(); ++i) {
      e_.Store(placed[i].value, translate_(placed[i].index), tile, values[i]);
    }
  };
  if (!full.empty()) {
    std::vector<VarId> inner = {inner_};
    if (!by_column_) {
      inner.push_back(lane_);
      for (const fuse::Placed& p : full) e_.Hoist(p.value, translate_(p.index), inner);
    }
    ForPoints(kept, [&](const Tile& tile) {
      ProvideRowValues(passes_, tile);
      store(full, tile);
    });
  }
  store(rows, kept);
}

void ReduceEmitter::EmitRows() {
  const KValue zero = k_.ConstI64(0);
  const double reduced = fuse::Size(ExtentOf(e_, inner_));
  if (!by_column_) {
    const double work = work_ * reduced * fuse::Size(ExtentOf(e_, lane_));
    ParallelChunks(e_, ExtentOf(e_, outer_), ChunkSize(ExtentOf(e_, outer_), work, 1),
                   [&](KValue low, KValue count) {
                     HoistStored({outer_, inner_, lane_});
                     ForEach(e_, outer_, low, k_.Add(low, count), {}, [&](KValues) {
                       EmitRow(Tile{});
                       return KValues();
                     });
                   });
    return;
  }
  auto tiles = [&](KValue low, KValue count) {
    HoistStored({inner_, lane_});
    ForTiles(e_, lane_, low, count, lanes_, 1, {}, [&](const Tile& tile, KValues) {
      EmitRow(tile);
      return KValues();
    });
  };
  if (ExtentOf(e_, outer_) == Dim(1)) {
    e_.Bind(outer_, zero);
    const int64_t chunk = ChunkSize(ExtentOf(e_, lane_), work_ * reduced, lanes_);
    ParallelChunks(e_, ExtentOf(e_, lane_), chunk, tiles);
    return;
  }
  const double work = work_ * reduced * fuse::Size(ExtentOf(e_, lane_));
  ParallelChunks(e_, ExtentOf(e_, outer_), ChunkSize(ExtentOf(e_, outer_), work, 1),
                 [&](KValue low, KValue count) {
                   HoistStored({outer_, inner_, lane_});
                   ForEach(e_, outer_, low, k_.Add(low, count), {}, [&](KValues) {
                     tiles(zero, k_.DimValue(ExtentOf(e_, lane_)));
                     return KValues();
                   });
                 });
}

// --- Parts

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

// Part p of the reduction i of row k goes to buffers[i][p, k].
void ReduceEmitter::EmitParts(int parts, const std::vector<Place>& buffers) {
  const bool trivial = !by_column_ && ExtentOf(e_, inner_) == Dim(1);
  const Dim extent = ExtentOf(e_, trivial ? lane_ : inner_);
  const int64_t whole = static_cast<int64_t>(fuse::Size(extent));
  const int64_t unit = trivial ? 16 : 1;
  const int64_t length = ((whole + parts - 1) / parts + unit - 1) / unit * unit;
  const Dim count = FloorDiv(extent + Dim(length - 1), length);
  Dim rows = ExtentOf(e_, outer_);
  if (by_column_) rows = rows * ExtentOf(e_, lane_);

  const VarId chunk = e_.space().AddLoop(count * ExtentOf(e_, outer_));
  const ElementIndex parts_and_outer =
      e_.space().Delinearize(IndexExpr::Var(chunk), {count, ExtentOf(e_, outer_)});
  k_.Parallel(k_.DimValue(ExtentOf(e_, chunk)), [&](KValue number) {
    ElementEmitter::Scope scope(e_);
    e_.Bind(chunk, number);
    const KValue part = e_.IndexValue(parts_and_outer[0], Tile{});
    e_.Bind(outer_, e_.IndexValue(parts_and_outer[1], Tile{}));
    const KValue low = k_.Mul(part, k_.ConstI64(length));
    const KValue high = k_.Min(k_.Add(low, k_.ConstI64(length)), k_.DimValue(extent));
    auto emit = [&](const Tile& tile) {
      std::vector<int> which;
      for (size_t i = 0; i < accumulators_.size(); ++i) which.push_back(static_cast<int>(i));
      const KValues sums = Reduce(which, tile, low, high);
      IndexExpr row = IndexExpr::Var(outer_);
      if (by_column_) row = row * ExtentOf(e_, lane_) + IndexExpr::Var(lane_);
      for (size_t i = 0; i < sums.size(); ++i) {
        e_.StoreAt(kernel_.BufferParam(buffers[i], true), parts_and_outer[0] * rows + row, tile,
                   sums[i]);
      }
    };
    if (!by_column_) return emit(Tile{});
    ForTiles(e_, lane_, k_.ConstI64(0), k_.DimValue(ExtentOf(e_, lane_)), lanes_, 1, {},
             [&](const Tile& tile, KValues) {
               emit(tile);
               return KValues();
             });
  });
  context_.Launch(kernel_);
}

void ReduceEmitter::EmitSecondStage(const fuse::Group& group, const Dim& parts,
                                    const std::vector<Place>& buffers) {
  KernelContext kernel(context_, group, "combine_parts");
  Dim rows = 1;
  for (VarId v : nest_.kept) rows = rows * nest_.space.var(v).extent;
  Nest nest = nest_;
  nest.reductions.clear();
  EmitMapNest(
      kernel, nest, 8,
      [&](ElementEmitter& e, const Translation& translate, const Tile& tile,
          const IndexExpr& position) {
        kernel::KernelBuilder& k = e.builder();
        const VarId part = e.space().AddLoop(parts);
        KValues sums;
        for (const Accumulator& a : accumulators_) {
          sums.push_back(k.Splat(IdentityOf(k, a.combiner, a.dtype), tile.rows, tile.lanes));
        }
        sums = ForEach(e, part, k.ConstI64(0), k.DimValue(parts), sums, [&](KValues in) {
          for (size_t i = 0; i < in.size(); ++i) {
            const Accumulator& a = accumulators_[i];
            const KValue x = e.LoadAt(kernel.BufferParam(buffers[i], false), a.dtype,
                                      IndexExpr::Var(part) * rows + position, tile);
            in[i] = k.Scalar(CombineOp(a.combiner), {in[i], x});
          }
          return in;
        });
        for (size_t i = 0; i < sums.size(); ++i) {
          const Accumulator& a = accumulators_[i];
          const ir::ValueId v = a.node->results[0];
          e.Provide(v, translate(a.reduction.index),
                    k.Cast(context_.graph().type(v).dtype, sums[i]));
        }
      });
  context_.Launch(kernel);
}

void ReduceEmitter::Lower(const fuse::Group& group) {
  Analyse();
  const int parts = Parts();
  if (parts <= 1) {
    EmitRows();
    context_.Launch(kernel_);
    return;
  }
  const bool trivial = !by_column_ && ExtentOf(e_, inner_) == Dim(1);
  const Dim extent = ExtentOf(e_, trivial ? lane_ : inner_);
  const int64_t whole = static_cast<int64_t>(fuse::Size(extent));
  const int64_t unit = trivial ? 16 : 1;
  const int64_t length = ((whole + parts - 1) / parts + unit - 1) / unit * unit;
  const Dim count = FloorDiv(extent + Dim(length - 1), length);
  Dim rows = ExtentOf(e_, outer_);
  if (by_column_) rows = rows * ExtentOf(e_, lane_);
  std::vector<Place> buffers;
  for (const Accumulator& a : accumulators_) {
    buffers.push_back({context_.AddBuffer("parts", a.dtype, count * rows)});
  }
  EmitParts(parts, buffers);
  EmitSecondStage(group, count, buffers);
}

}  // namespace

void LowerReduce(LowerContext& context, const fuse::Group& group) {
  ReduceEmitter(context, group, group.nests[0]).Lower(group);
}

void LowerContractAsReduction(LowerContext& context, const fuse::Group& group) {
  Nest nest = group.nests[0];
  const ir::Node& node = context.graph().node(group.anchor);
  const ir::ComputeDef& def = *context.Def(group.anchor);
  IndexExpr position;
  Dim stride = 1;
  for (size_t i = nest.kept.size(); i-- > 0;) {
    position = position + IndexExpr::Var(nest.kept[i]) * stride;
    stride = stride * nest.space.var(nest.kept[i]).extent;
  }
  const ir::Shape kept(def.domain.begin(), def.domain.begin() + def.num_parallel);
  ElementIndex point = nest.space.Delinearize(position, kept);
  const ElementIndex index =
      nest.space.Delinearize(position, context.graph().type(node.results[0]).dims);
  for (size_t i = def.num_parallel; i < def.domain.size(); ++i) {
    if (def.domain[i] == Dim(1)) {
      point.push_back(IndexExpr());
      continue;
    }
    nest.reduced.push_back(nest.space.AddLoop(def.domain[i]));
    point.push_back(IndexExpr::Var(nest.reduced.back()));
  }
  nest.reductions.push_back({group.anchor, index, point});
  ReduceEmitter(context, group, nest).Lower(group);
}

}  // namespace tenon::lower
