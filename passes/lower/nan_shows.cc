// Follows what is made of a maximum in the order of nodes. A value that depends on it is one of
//   kAny    some value, where its row has NaN: it must not be seen
//   kThere  NaN at least where the row of x has NaN: must not be seen either
//   kRow    NaN in all of the row: may be seen, as it would be the same with the right maximum
// A sum over the row turns kThere into kRow, arithmetic with kRow makes kRow of anything.
#include "tenon/passes/lower/nan_shows.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace tenon::lower {
namespace {

using ir::Affine;
using ir::ComputeClass;
using ir::ComputeDef;
using ir::Dim;
using ir::ScalarInstr;
using ir::ScalarOp;
using ir::ValueId;

enum class Nan { kAny, kThere, kRow };

// NaN for a NaN as any argument.
bool PropagatesNan(ScalarOp op) {
  switch (op) {
    case ScalarOp::kAdd:
    case ScalarOp::kSub:
    case ScalarOp::kMul:
    case ScalarOp::kDiv:
    case ScalarOp::kMax:
    case ScalarOp::kMin:
    case ScalarOp::kNeg:
    case ScalarOp::kAbs:
    case ScalarOp::kFma:
    case ScalarOp::kSqrt:
    case ScalarOp::kRsqrt:
    case ScalarOp::kExp:
    case ScalarOp::kExpm1:
    case ScalarOp::kLog:
    case ScalarOp::kLog1p:
    case ScalarOp::kTanh:
    case ScalarOp::kSigmoid:
    case ScalarOp::kErf:
      return true;
    default:
      return false;
  }
}

// The iterator that an index is, or -1.
int IteratorOf(const ir::Index& index) {
  const Affine& a = index.affine;
  const bool plain = index.indirect < 0 && !index.clamp && a.divisor == 1 && a.offset == Dim(0) &&
                     a.terms.size() == 1 && a.terms[0].coefficient == Dim(1);
  return plain ? a.terms[0].iterator : -1;
}
// Whether an index of a dimension is `iterator`. One of extent 1 has no other.
bool Is(const ir::Index& index, int iterator, const Dim& extent) {
  return extent == Dim(1) || (iterator >= 0 && IteratorOf(index) == iterator);
}

class Follower {
 public:
  Follower(const ir::Graph& graph, const ir::Node& node, const ComputeDef& maximum)
      : graph_(graph),
        x_(node.operands[0]),
        kept_(maximum.num_parallel, -1),
        dims_(graph.type(x_).dims),
        rows_(graph.type(node.results[0]).dims),
        values_(graph.num_values()) {
    const ir::Access& access = maximum.accesses[0];
    for (size_t d = 0; d < access.index.size(); ++d) {
      iterators_.push_back(IteratorOf(access.index[d]));
      const int iterator = iterators_.back();
      if (iterator >= 0 && iterator < maximum.num_parallel) kept_[iterator] = static_cast<int>(d);
    }
  }

  bool Follow(ir::NodeId maximum, const std::function<const ComputeDef*(ir::NodeId)>& def_of) {
    values_[graph_.node(maximum).results[0].index] = Nan::kAny;
    for (uint32_t n = maximum.index + 1; n < graph_.nodes().size(); ++n) {
      const ir::Node& user = graph_.nodes()[n];
      if (!Takes(user)) continue;
      const ComputeDef* def = def_of({n});
      const std::optional<Nan> made = def == nullptr ? std::nullopt : Made(user, *def);
      // What takes nothing but NaN may be anything.
      if (made.has_value()) {
        values_[user.results[0].index] = made;
      } else if (TakesUnseen(user)) {
        return false;
      }
    }
    return std::none_of(graph_.outputs().begin(), graph_.outputs().end(),
                        [&](const ir::Output& output) { return IsUnseen(output.value); });
  }

 private:
  bool IsUnseen(ValueId v) const {
    return values_[v.index].has_value() && values_[v.index] != Nan::kRow;
  }
  bool Takes(const ir::Node& node) const {
    return std::any_of(node.operands.begin(), node.operands.end(),
                       [&](ValueId v) { return values_[v.index].has_value(); });
  }
  bool TakesUnseen(const ir::Node& node) const {
    return std::any_of(node.operands.begin(), node.operands.end(),
                       [&](ValueId v) { return IsUnseen(v); });
  }

  // What a node makes; none where its elements are not those of the rows in their places, or where
  // an index that is read may lie outside: that ends the run.
  std::optional<Nan> Made(const ir::Node& node, const ComputeDef& def) const {
    const bool is_sum = def.compute_class == ComputeClass::kReduce &&
                        def.combiner == ir::Combiner::kSum && IsOverRows(def);
    const bool is_map = def.compute_class == ComputeClass::kMap;
    if ((!is_sum && !is_map) || node.results.size() != 1) return std::nullopt;
    std::vector<Nan> read;
    for (const ir::Access& access : def.accesses) {
      if (std::any_of(access.index.begin(), access.index.end(),
                      [](const ir::Index& index) { return index.indirect >= 0; })) {
        return std::nullopt;
      }
      const ValueId v = node.operands[access.operand];
      const std::optional<Nan>& value = values_[v.index];
      if (!value.has_value() && !(v == x_)) {
        read.push_back(Nan::kAny);
        continue;
      }
      const bool in_place = is_sum ? graph_.type(v).dims == dims_
                                   : IsInPlace(access, graph_.type(v).dims, def.domain);
      if (!in_place) return std::nullopt;
      read.push_back(value.value_or(Nan::kThere));
    }
    const Nan made = OfBody(def, read);
    return is_sum && made == Nan::kThere ? Nan::kRow : made;
  }

  // Whether the domain's points are all elements of x, or all rows, and take their own or their
  // row's element.
  bool IsInPlace(const ir::Access& access, const ir::Shape& dims,
                 const std::vector<Dim>& domain) const {
    const auto same = [](const auto& a, const auto& b) {
      return std::equal(a.begin(), a.end(), b.begin(), b.end());
    };
    const bool of_elements = same(domain, dims_), of_rows = same(domain, rows_);
    if (access.guarded || access.index.size() != dims.size()) return false;
    const bool itself = (of_elements && same(dims, dims_)) || (of_rows && same(dims, rows_));
    const bool its_row = !itself && of_elements && same(dims, rows_);
    if (!itself && !its_row) return false;
    for (size_t d = 0; d < access.index.size(); ++d) {
      const int wanted = itself ? static_cast<int>(d) : kept_[d];
      if (!Is(access.index[d], wanted, dims[d])) return false;
    }
    return true;
  }

  // Whether a reduction is over the same rows.
  bool IsOverRows(const ComputeDef& def) const {
    if (def.num_parallel != static_cast<int>(kept_.size()) || def.accesses.size() != 1 ||
        def.accesses[0].guarded || def.accesses[0].index.size() != iterators_.size()) {
      return false;
    }
    for (size_t d = 0; d < iterators_.size(); ++d) {
      if (!Is(def.accesses[0].index[d], iterators_[d], dims_[d])) return false;
    }
    return true;
  }

  static Nan OfBody(const ComputeDef& def, const std::vector<Nan>& read) {
    std::vector<Nan> values;
    for (const ScalarInstr& instr : def.body.instrs) {
      Nan value = Nan::kAny;
      if (instr.kind == ScalarInstr::Kind::kAccess) value = read[instr.index];
      const bool of_float = ir::IsFloat(instr.dtype);
      if (instr.kind == ScalarInstr::Kind::kOp && of_float) {
        const bool cast =
            instr.op == ScalarOp::kCast && ir::IsFloat(def.body.instrs[instr.args[0]].dtype);
        if (cast || PropagatesNan(instr.op)) {
          for (int a = 0; a < ir::ScalarOpArity(instr.op); ++a) {
            value = std::max(value, values[instr.args[a]]);
          }
        }
      }
      values.push_back(of_float ? value : Nan::kAny);
    }
    return values.back();
  }

  const ir::Graph& graph_;
  ValueId x_;
  std::vector<int> iterators_;  // by x's dimensions
  std::vector<int> kept_;       // the dimension of x that each of the maximum's is
  ir::Shape dims_, rows_;
  std::vector<std::optional<Nan>> values_;  // none: not made of the maximum
};

}  // namespace

bool NanShowsAnyway(const ir::Graph& graph, ir::NodeId reduction,
                    const std::function<const ComputeDef*(ir::NodeId)>& def_of) {
  const ir::Node& node = graph.node(reduction);
  const ComputeDef* def = def_of(reduction);
  const bool ordered = def != nullptr && def->compute_class == ComputeClass::kReduce &&
                       (def->combiner == ir::Combiner::kMax || def->combiner == ir::Combiner::kMin);
  if (!ordered || node.operands.size() != 1 || def->accesses.size() != 1 ||
      def->accesses[0].guarded || !ir::IsFloat(graph.type(node.results[0]).dtype)) {
    return false;
  }
  return Follower(graph, node, *def).Follow(reduction, def_of);
}

}  // namespace tenon::lower
