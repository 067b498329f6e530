// What a group of reductions looks like: the axis of its lanes, levels, values worth keeping.
#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "tenon/passes/fuse/cost.h"
#include "tenon/passes/lower/nan_shows.h"
#include "tenon/passes/lower/reduce_emitter.h"

namespace tenon::lower {

using fuse::Nest;
using ir::Dim;
using ir::DType;

namespace {

// A local row buffer holds up to this many elements, in all up to this many bytes.
constexpr double kMaxRowElements = 65536;
constexpr double kMaxRowBytes = 256 << 10;
// Rows up to this length are read side by side, a row a lane.
constexpr double kShortRow = 8;
// Rows up to this length spend a good part of their time between passes, waiting for one number.
constexpr double kRowThatWaits = 2048;
// What a few products and sums compute with, and the work that is no more than those: an
// exponential takes half of all registers.
constexpr int kFewRegisters = 8;
constexpr double kWorkOfFewRegisters = 12;
// A pass of so much work a point takes longer than a line of memory, as a rule.
constexpr double kWorkThatHides = 6;

}  // namespace

void ReduceEmitter::Analyse() {
  for (const Nest::Reduction& r : nest_.reductions) {
    const ir::Node& node = context_.graph().node(r.node);
    const ir::ComputeDef* def = context_.Def(r.node);
    const DType dtype = context_.graph().type(node.results[0]).dtype;
    const bool of_numbers = NanShowsAnyway(context_.graph(), r.node,
                                           [this](ir::NodeId id) { return context_.Def(id); });
    accumulators_.push_back({r, &node, def, def->combiner, ir::ComputeType(dtype), of_numbers});
  }
  const std::vector<IndexExpr> expressions = NestExpressions(kernel_, nest_);
  auto contiguous = [&](const std::vector<VarId>& loops) {
    if (loops.empty()) return -1;
    return static_cast<int>(
        std::count_if(expressions.begin(), expressions.end(),
                      [&](const IndexExpr& e) { return e.Coefficient(loops.back()) == Dim(1); }));
  };
  const bool exact = context_.numerics() == passes::Numerics::kExact;
  if (!exact) order_ = fuse::OrderOf(*accumulators_[0].def);
  // Many short rows that are only read go side by side. Sums over rows are hosted by rows alone.
  const double reduced = SizeOf(nest_.reduced);
  const bool short_rows = reduced <= order_.lanes && reduced <= kShortRow &&
                          nest_.columns.empty() &&
                          std::all_of(nest_.reduced.begin(), nest_.reduced.end(),
                                      [&](VarId v) { return ExtentInNest(v).is_constant(); }) &&
                          contiguous(nest_.kept) >= contiguous(nest_.reduced);
  by_column_ = exact ? !nest_.kept.empty() : !order_.by_row || (short_rows && !nest_.kept.empty());
  const std::vector<VarId>& vectorised = by_column_ ? nest_.kept : nest_.reduced;
  const std::vector<VarId>& other = by_column_ ? nest_.reduced : nest_.kept;
  const size_t split = by_column_ || exact
                           ? CollapsibleSuffix(nest_.space, vectorised, expressions)
                           : RowFrom(CollapsibleSuffix(nest_.space, vectorised, expressions));
  VarId& first = by_column_ ? outer_ : inner_;
  first = Flatten(nest_.space, vectorised, 0, split, e_, &translate_);
  lane_ = Flatten(nest_.space, vectorised, split, vectorised.size(), e_, &translate_);
  (by_column_ ? inner_ : outer_) = Flatten(nest_.space, other, 0, other.size(), e_, &translate_);
  const Dim extent = ExtentOf(lane_);
  lanes_ = by_column_ ? LanesFor(e_, extent) : order_.lanes;
  // Columns add up independently: more of them at once hide the latency of additions.
  if (by_column_ && fuse::Size(extent) >= 64) lanes_ *= 4;
  FindLevels();
  rows_ = RowsSideBySide();
  row_ = e_.space().AddLoop(rows_);
  e_.Bind(row_, k_.ConstI64(0));
  FindColumns();
  work_ = PointWork();
  if (by_column_) return;
  FindRowValues();
  FindAskingPasses();
}

// Where the loops of a row begin among the reduced ones: those of the order, and the loops around
// them where `collapsible` says that they make one loop and where whole turns of accumulators fill
// each row, so that it makes no difference to them where it ends.
size_t ReduceEmitter::RowFrom(size_t collapsible) const {
  size_t from = nest_.reduced.size() - order_.row_dims;
  if (from <= collapsible || order_.is_cut()) return from;
  Dim length = 1;
  for (size_t i = from; i < nest_.reduced.size(); ++i) {
    length = length * ExtentInNest(nest_.reduced[i]);
  }
  const int64_t turn = int64_t{order_.lanes} * order_.sets;
  return length.is_constant() && length.constant() % turn == 0 ? collapsible : from;
}

// Two, where they are short enough to wait for their sums, where the sums of two leave registers to
// compute with, and where every position moves by a constant from a row to the next: else the tile
// of two would be gathered.
int ReduceEmitter::RowsSideBySide() {
  const bool waits = !by_column_ && !order_.is_cut() && SizeOf(nest_.reduced) <= kRowThatWaits;
  if (!waits || fuse::Size(ExtentOf(outer_)) < 2) return 1;
  std::vector<int64_t> bits(passes_);  // of a pass's accumulators
  for (const Accumulator& a : accumulators_) {
    bits[a.level] += int64_t{8} * ir::ByteSize(a.dtype) * order_.sets * lanes_;
  }
  const ir::TargetDesc& target = context_.target();
  for (int pass = 0; pass < passes_; ++pass) {
    const int taken = PassWork(pass) <= kWorkOfFewRegisters
                          ? std::max(target.vector_registers - kFewRegisters, 0)
                          : target.vector_registers / 2;
    if (2 * bits[pass] > int64_t{taken} * target.vector_bits) return 1;
  }
  for (const Accumulator& a : accumulators_) {
    if (a.def->compute_class == ir::ComputeClass::kWindow) return 1;  // tests its guard once a row
  }
  Trace trace(
      nest_.space, context_.graph(), [&](ir::NodeId id) { return context_.Def(id); },
      [&](ir::NodeId id) { return kernel_.IsFused(id); });
  AddPoints(nest_, &trace);
  std::vector<IndexExpr> positions;
  for (const fuse::Placed& p : nest_.stored) {
    positions.push_back(nest_.space.Linearize(p.index, context_.graph().type(p.value).dims));
    trace.AddValue(p.value, p.index);
  }
  positions.insert(positions.end(), trace.positions().begin(), trace.positions().end());
  for (const IndexExpr& position : positions) {
    for (const auto& [v, coefficient] : position.terms) {
      if (nest_.space.var(v).kind == IndexSpace::VarKind::kValue) return 1;
    }
    // Digits of the rows' loops fall together where the tensor is compact.
    const IndexExpr moved = e_.space().Linearize({translate_(position)}, {Dim(1)});
    for (const auto& [v, coefficient] : moved.terms) {
      if (v != outer_ && e_.space().DependsOn(IndexExpr::Var(v), outer_)) return 1;
    }
  }
  return 2;
}

double ReduceEmitter::SizeOf(const std::vector<VarId>& loops) const {
  double size = 1;
  for (VarId v : loops) size *= fuse::Size(ExtentInNest(v));
  return size;
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

// Element-operations of one point: what is evaluated once a row costs next to nothing beside.
double ReduceEmitter::PointWork() {
  double work = static_cast<double>(accumulators_.size() + columns_.size());
  for (int pass = 0; pass <= passes_; ++pass) {
    for (const Trace::Visit& visit : ComputedInPass(pass)) work += PointWorkOf(visit);
  }
  for (const Accumulator& a : accumulators_) work += fuse::BodyCost(*a.def);
  return work;
}

// The same of one pass's point.
double ReduceEmitter::PassWork(int pass) {
  double work = 0;
  for (const Trace::Visit& visit : ComputedInPass(pass)) work += PointWorkOf(visit);
  for (const Accumulator& a : accumulators_) {
    if (a.level == pass) work += 1 + fuse::BodyCost(*a.def);
  }
  return work;
}

double ReduceEmitter::PointWorkOf(const Trace::Visit& visit) {
  const ir::ComputeDef* def = context_.Def(context_.graph().producer(visit.value));
  return def != nullptr && IsFull(visit.index) ? fuse::BodyCost(*def) : 0;
}

Trace ReduceEmitter::TraceOfPass(int pass) {
  const auto waits = [this, pass](ir::NodeId id) {
    return std::any_of(row_values_.begin(), row_values_.end(), [&](const RowValue& v) {
      return v.first_pass < pass && context_.graph().producer(v.value) == id;
    });
  };
  Trace trace(
      nest_.space, context_.graph(), [this](ir::NodeId id) { return context_.Def(id); },
      [this, waits](ir::NodeId id) { return kernel_.IsFused(id) && !waits(id); });
  for (const Accumulator& a : accumulators_) {
    if (a.level == pass) trace.AddPoint(a.reduction.node, a.reduction.point);
  }
  if (pass == passes_) {
    for (const fuse::Placed& p : nest_.stored) {
      if (IsFull(p.index)) trace.AddValue(p.value, p.index);
    }
    for (const ColumnSum& c : columns_) {
      trace.AddPoint(c.sum.reduction.node, c.sum.reduction.point);
    }
  }
  return trace;
}

void ReduceEmitter::FindRowValues() {
  const double elements = SizeOf(nest_.reduced);
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
      const double size = rows_ * elements * static_cast<double>(ir::ByteSize(dtype));
      if (it->second == pass || kept[key] || bytes + size > kMaxRowBytes) continue;
      kept[key] = true;
      bytes += size;
      const int local = k_.AddLocal({.name = absl::StrCat("row", row_values_.size()),
                                     .dtype = dtype,
                                     .size = rows_ * static_cast<int64_t>(elements)});
      row_values_.push_back({visit.value, visit.index, it->second, local});
    }
  }
}

// A pass that only reads would wait for what it asks for: a core has few lines on their way at a
// time. Those that compute, or store, go on meanwhile.
void ReduceEmitter::FindAskingPasses() {
  std::vector<bool> hides;
  for (int pass = 0; pass <= passes_; ++pass) {
    hides.push_back(PassWork(pass) >= kWorkThatHides);
    for (const Trace::Visit& visit : LoadedInPass(pass)) {
      const bool moves = std::any_of(nest_.kept.begin(), nest_.kept.end(), [&](VarId v) {
        return nest_.space.DependsOn(visit.position, v);
      });
      if (!moves || !IsFull(visit.index)) continue;  // the same for every row, or one element of it
      std::vector<int>& passes = asking_[visit.value];
      if (passes.empty() || passes.back() != pass) passes.push_back(pass);
    }
  }
  for (auto& [value, passes] : asking_) {
    const int last = passes.back();
    std::erase_if(passes, [&](int pass) { return !hides[pass]; });
    if (passes.empty()) passes = {last};
    // One for each row of a tile, the last ones: the first row is wanted first.
    const auto more = static_cast<int64_t>(passes.size()) - rows_;
    if (more > 0) passes.erase(passes.begin(), passes.begin() + more);
  }
}

}  // namespace tenon::lower
