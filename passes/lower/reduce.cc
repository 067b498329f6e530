// Reductions: one or several over the same points, with the element-wise work before and behind.
//
// A nest has kept loops (rows) and reduced ones. Reductions that need one another's results make
// levels: each level is a pass over a row, a last pass stores values at every point. Values that
// are expensive and needed in more than one pass wait in a local row buffer.
//
// Lanes run along the contiguous axis. Where that is reduced ("by row"), sixteen or sixty-four
// accumulators take the elements in turn and a tree adds them up; where it is kept ("by column"),
// every lane has its own accumulator and adds in order. Long reductions are cut into parts, which a
// second kernel adds up in order, or the kernel itself where it has threads enough or needs its
// rows again. All of this follows from a reduction's shape alone (fuse/reduction_order.h). At
// `exact` everything goes in order.
#include <algorithm>

#include "tenon/ir/check.h"
#include "tenon/passes/fuse/cost.h"
#include "tenon/passes/lower/combine.h"
#include "tenon/passes/lower/reduce_emitter.h"
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

// Windows of up to this many positions are written out.
constexpr int64_t kSmallWindow = 16;
// Terms of more work than this are not written out once for each set of accumulators: it would be
// much code to save few moves. An exponential of a difference is below it (docs/hunts/rows.md).
constexpr double kWorkOfTurn = 24;

// A tile of lanes for the rows of `kept`.
Tile OfRows(const Tile& kept, Tile tile) {
  tile.rows = kept.rows;
  tile.row_var = kept.row_var;
  return tile;
}

}  // namespace

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
    next = k_.Scalar(CombineOp(a.combiner), {sum, x}, a.of_numbers);
  }
  next = k_.Splat(next, tile.rows, tile.lanes);
  if (by_column_ || !tile.lane_count.valid()) return next;
  return k_.Scalar(ScalarOp::kSelect, {e_.ActivePoints(tile), next, sum});
}

// The points of one row (by column: of a tile of rows) within `range`.
KValues ReduceEmitter::Reduce(const std::vector<int>& which, const Tile& kept, const Range& range) {
  HoistReads(which, kept);
  if (by_column_) return ReduceColumns(which, kept, range.low, range.high);
  const int pass = accumulators_[which[0]].level;
  auto step = [&](const Tile& tile, KValues in) {
    return AddTile(which, pass, OfRows(kept, tile), std::move(in));
  };
  const Turn turn{order_.sets, PassWork(pass) <= kWorkOfTurn ? order_.sets : 1};
  auto tiles = [&](Sets in) {
    const KValue count = k_.Sub(range.lane_high, range.lane_low);
    if (order_.sets > 1) {
      return ForTilesInTurn(e_, lane_, range.lane_low, count, lanes_, turn, std::move(in), step);
    }
    in[0] = ForTiles(e_, lane_, range.lane_low, count, lanes_, work_ <= 8 ? 4 : 1, in[0], step);
    return in;
  };
  Sets sets(order_.sets, Identities(which, kept.rows, lanes_));
  if (ExtentOf(inner_) == Dim(1)) {
    e_.Bind(inner_, k_.ConstI64(0));
    sets = tiles(std::move(sets));
  } else {
    const size_t width = which.size();
    KValues all;
    for (const KValues& set : sets) all.insert(all.end(), set.begin(), set.end());
    all = ForEach(e_, inner_, range.low, range.high, std::move(all), [&](const KValues& in) {
      Sets now;
      for (auto first = in.begin(); first != in.end(); first += static_cast<int64_t>(width)) {
        now.emplace_back(first, first + static_cast<int64_t>(width));
      }
      KValues next;
      for (const KValues& set : tiles(std::move(now))) {
        next.insert(next.end(), set.begin(), set.end());
      }
      return next;
    });
    for (size_t i = 0; i < all.size(); ++i) sets[i / width][i % width] = all[i];
  }
  KValues sums = Tree(which, std::move(sets));
  for (size_t i = 0; i < which.size(); ++i) {
    const Accumulator& a = accumulators_[which[i]];
    sums[i] = k_.ReduceLanes(a.combiner, sums[i], a.of_numbers);
  }
  return sums;
}

KValues ReduceEmitter::ReduceColumns(const std::vector<int>& which, const Tile& kept, KValue low,
                                     KValue high) {
  const int pass = accumulators_[which[0]].level;
  const KValues none = Identities(which, 1, kept.lanes);
  const bool constant = k_.AsConst(low) != nullptr && k_.AsConst(high) != nullptr;
  if (constant && (order_.by_row || IsSmallWindow())) {
    // Written out, most of a window's index arithmetic and tests fall away. A short row has an
    // accumulator for each element and a tree over them, as along lanes.
    Sets sums(order_.by_row ? order_.lanes : 1, none);
    for (int64_t i = *k_.AsConst(low); i < *k_.AsConst(high); ++i) {
      ElementEmitter::Scope scope(e_);
      e_.Bind(inner_, k_.ConstI64(i));
      KValues& sum = sums[order_.by_row ? i : 0];
      sum = AddTile(which, pass, kept, sum);
    }
    return Tree(which, std::move(sums));
  }
  const ElementEmitter::LookAhead ahead(e_, inner_, FarSteps());
  return ForEach(e_, inner_, low, high, none,
                 [&](KValues in) { return AddTile(which, pass, kept, std::move(in)); });
}

KValues ReduceEmitter::AddTile(const std::vector<int>& which, int pass, const Tile& tile,
                               KValues sums) {
  ProvideRowValues(pass, tile);
  for (size_t i = 0; i < which.size(); ++i) {
    sums[i] = Step(accumulators_[which[i]], tile, sums[i]);
  }
  KeepRowValues(pass, tile);
  if (store_level_ > 0 && pass == passes_ - 1) {
    for (const fuse::Placed& p : nest_.stored) {
      if (IsFull(p.index)) e_.AskToStore(p.value, translate_(p.index), tile, store_level_);
    }
  }
  return sums;
}

KValues ReduceEmitter::Identities(const std::vector<int>& which, int rows, int lanes) {
  KValues values;
  for (int i : which) {
    const Accumulator& a = accumulators_[i];
    values.push_back(k_.Splat(IdentityOf(k_, a.combiner, a.dtype), rows, lanes));
  }
  return values;
}

KValues ReduceEmitter::Both(const std::vector<int>& which, const KValues& a, const KValues& b) {
  KValues both;
  for (size_t i = 0; i < which.size(); ++i) {
    const Accumulator& sum = accumulators_[which[i]];
    both.push_back(k_.Scalar(CombineOp(sum.combiner), {a[i], b[i]}, sum.of_numbers));
  }
  return both;
}

// Set i with set i + half, halving.
KValues ReduceEmitter::Tree(const std::vector<int>& which, Sets sets) {
  for (size_t half = sets.size() / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) sets[i] = Both(which, sets[i], sets[i + half]);
  }
  return sets[0];
}

bool ReduceEmitter::IsSmallWindow() {
  const Dim points = ExtentOf(inner_);
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
  ForEach(e_, inner_, zero, k_.DimValue(ExtentOf(inner_)), {}, [&](KValues) {
    if (by_column_) {
      body(kept);
      return KValues();
    }
    return ForTiles(e_, lane_, zero, k_.DimValue(ExtentOf(lane_)), lanes_, 1, {},
                    [&](const Tile& tile, KValues) {
                      body(OfRows(kept, tile));
                      return KValues();
                    });
  });
}

void ReduceEmitter::ProvideRowValues(int pass, const Tile& tile) {
  for (const RowValue& v : row_values_) {
    if (v.first_pass >= pass) continue;
    const DType dtype = context_.graph().type(v.value).dtype;
    e_.Provide(v.value, translate_(v.index),
               e_.LoadAt(v.local, dtype, PositionInLocal(), InLocal(tile)));
  }
}

void ReduceEmitter::KeepRowValues(int pass, const Tile& tile) {
  for (const RowValue& v : row_values_) {
    if (v.first_pass != pass) continue;
    e_.StoreAt(v.local, PositionInLocal(), InLocal(tile),
               e_.Eval(v.value, translate_(v.index), tile));
  }
}

void ReduceEmitter::EmitRow(const Tile& kept) {
  const double row_bytes = SizeOf(nest_.reduced) * ir::ByteSize(accumulators_[0].dtype);
  const auto streams = static_cast<int>(asking_.size());
  const LookAheadRule rule =
      by_column_ ? LookAheadRule() : NextRows(row_bytes, rows_, streams, context_.target());
  ElementEmitter::LookAhead ahead(e_, outer_, rule);
  store_level_ = rule.ahead.empty() ? 0 : rule.ahead[0].level;
  const auto begin_pass = [&](int pass) {
    ahead.Only([this, pass](ir::ValueId value, int row) {
      const auto it = asking_.find(value);
      return it != asking_.end() && it->second[row % it->second.size()] == pass;
    });
  };
  for (int pass = 0; pass < passes_; ++pass) {
    begin_pass(pass);
    std::vector<int> which;
    for (size_t i = 0; i < accumulators_.size(); ++i) {
      if (accumulators_[i].level == pass) which.push_back(static_cast<int>(i));
    }
    const KValues sums = ReduceInParts(which, kept);
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
  begin_pass(passes_);
  if (!full.empty() || !columns_.empty()) {
    std::vector<VarId> inner = {inner_};
    if (!by_column_) {
      inner.push_back(lane_);
      for (const fuse::Placed& p : full) e_.Hoist(p.value, translate_(p.index), inner, kept);
      for (const ColumnSum& c : columns_) {
        e_.HoistReads(*c.sum.node, *c.sum.def, translate_(c.sum.reduction.point), inner, kept);
      }
    }
    ForPoints(kept, [&](const Tile& tile) {
      ProvideRowValues(passes_, tile);
      AddToColumns(tile);
      store(full, tile);
    });
  }
  store(rows, kept);
}

void ReduceEmitter::EmitRowRange(KValue low, KValue high, int64_t chunk) {
  KValue main = low;
  if (rows_ > 1) {
    const Dim& rows = ExtentOf(outer_);
    const bool whole = chunk % rows_ == 0 && rows.is_constant() && rows.constant() % rows_ == 0;
    const KValue turns = k_.Div(k_.Sub(high, low), rows_);
    main = whole ? high : k_.Add(low, k_.Mul(turns, k_.ConstI64(rows_)));
    k_.For(low, main, rows_, {}, [&](KValue row, KValues) {
      ElementEmitter::Scope scope(e_);
      e_.Bind(outer_, row);
      EmitRow(Tile{.rows = rows_, .row_var = outer_});
      return KValues();
    });
    if (whole) return;
  }
  ForEach(e_, outer_, main, high, {}, [&](KValues) {
    EmitRow(Tile{});
    return KValues();
  });
}

void ReduceEmitter::EmitRows() {
  const KValue zero = k_.ConstI64(0);
  const double reduced = fuse::Size(ExtentOf(inner_));
  if (!by_column_) {
    const double work = work_ * reduced * fuse::Size(ExtentOf(lane_));
    const int64_t chunk = ChunkSize(ExtentOf(outer_), work, rows_);
    ParallelChunks(e_, ExtentOf(outer_), chunk, [&](KValue low, KValue count) {
      HoistStored({outer_, inner_, lane_});
      EmitRowRange(low, k_.Add(low, count), chunk);
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
  if (ExtentOf(outer_) == Dim(1)) {
    e_.Bind(outer_, zero);
    const int64_t chunk = ChunkSize(ExtentOf(lane_), work_ * reduced, lanes_);
    ParallelChunks(e_, ExtentOf(lane_), chunk, tiles);
    return;
  }
  const double work = work_ * reduced * fuse::Size(ExtentOf(lane_));
  ParallelChunks(e_, ExtentOf(outer_), ChunkSize(ExtentOf(outer_), work, 1),
                 [&](KValue low, KValue count) {
                   HoistStored({outer_, inner_, lane_});
                   ForEach(e_, outer_, low, k_.Add(low, count), {}, [&](KValues) {
                     tiles(zero, k_.DimValue(ExtentOf(lane_)));
                     return KValues();
                   });
                 });
}

void LowerReduce(LowerContext& context, const fuse::Group& group) {
  const auto& reductions = group.nests[0].reductions;
  if (!reductions.empty() && reductions[0].hosted) return LowerHosted(context, group);
  ReduceEmitter(context, group, group.nests[0]).Lower(group);
}

void LowerContractAsReduction(LowerContext& context, const fuse::Group& group) {
  Nest nest = group.nests[0];
  const ir::Node& node = context.graph().node(group.anchor);
  const ir::ComputeDef& def = *context.Def(group.anchor);
  const IndexExpr position = nest.Position();
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
