#include "tests/random/enclosure.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/op.h"
#include "tests/random/enclosure_nest.h"

namespace tenon::tests {
namespace {

using ir::DType;
using ir::Graph;
using ir::Node;
using Operands = absl::Span<const Enclosure* const>;
using Results = std::vector<Enclosure>;

absl::StatusOr<Results> RunGraph(const Graph& graph, Operands inputs, const ir::Extents& extents);

absl::StatusOr<Enclosure> Allocate(const ir::TensorType& type, const ir::Extents& extents) {
  Enclosure out;
  out.dtype = type.dtype;
  TENON_ASSIGN_OR_RETURN(out.dims, ir::EvaluateShape(type.dims, extents));
  int64_t size = 1;
  for (int64_t d : out.dims) size *= d;
  out.elements.resize(size);
  return out;
}

void FillWithAnything(Enclosure& e) {
  std::fill(e.elements.begin(), e.elements.end(), Interval::Anything());
}

// A shape around one axis: elements are numbered (outer * extent + i) * inner + lane.
struct AroundAxis {
  int64_t outer = 1, extent = 1, inner = 1;
  AroundAxis(const std::vector<int64_t>& dims, int64_t axis) : extent(dims[axis]) {
    for (int64_t i = 0; i < axis; ++i) outer *= dims[i];
    for (size_t i = axis + 1; i < dims.size(); ++i) inner *= dims[i];
  }
  int64_t lanes() const { return outer * inner; }
  int64_t At(int64_t lane, int64_t i) const {
    return (lane / inner * extent + i) * inner + lane % inner;
  }
};

void RunCumulative(const ir::CumulativeAttrs& a, const Enclosure& x, Enclosure& result) {
  const AroundAxis shape(x.dims, a.axis);
  for (int64_t lane = 0; lane < shape.lanes(); ++lane) {
    Reducer reducer(a.kind, x.dtype, static_cast<double>(x.elements.size()));
    for (int64_t step = 0; step < shape.extent; ++step) {
      const int64_t at = shape.At(lane, a.reverse ? shape.extent - 1 - step : step);
      if (a.exclusive) result.elements[at] = reducer.Result();
      reducer.Take(x.elements[at]);
      if (!a.exclusive) result.elements[at] = reducer.Result();
    }
  }
}

void RunScatter(const ir::ScatterAttrs& a, Operands operands, Enclosure& result) {
  const Enclosure &x = *operands[0], &indices = *operands[1], &updates = *operands[2];
  result.elements = x.elements;
  const AroundAxis shape(x.dims, a.axis);
  int64_t batch = 1, places = 1;
  for (int64_t d = 0; d < a.batch_dims; ++d) batch *= x.dims[d];
  for (size_t d = a.batch_dims; d < indices.dims.size(); ++d) places *= indices.dims[d];
  const int64_t middle = batch == 0 ? 0 : shape.outer / batch;
  for (int64_t outer = 0; outer < shape.outer; ++outer) {
    for (int64_t p = 0; p < places; ++p) {
      const Interval& index = indices.elements[outer / middle * places + p];
      if (!index.point()) return FillWithAnything(result);
      for (int64_t lane = 0; lane < shape.inner; ++lane) {
        const int64_t at =
            (outer * shape.extent + static_cast<int64_t>(index.low)) * shape.inner + lane;
        Interval& to = result.elements[at];
        const Interval& from = updates.elements[(outer * places + p) * shape.inner + lane];
        const Interval args[2] = {to, from};
        switch (a.kind) {
          case ir::ScatterKind::kSet:
            to = from;
            break;
          case ir::ScatterKind::kAdd:
            to = EvalInterval(ir::ScalarOp::kAdd, x.dtype, x.dtype, args);
            break;
          case ir::ScatterKind::kMax:
            to = EvalInterval(ir::ScalarOp::kMax, x.dtype, x.dtype, args);
            break;
          case ir::ScatterKind::kMin:
            to = EvalInterval(ir::ScalarOp::kMin, x.dtype, x.dtype, args);
            break;
        }
      }
    }
  }
}

// Keys whose intervals overlap may come in any order: their places get the hull of all of them.
void RunSort(const ir::SortAttrs& a, Operands operands, Results& results) {
  const Enclosure& keys = *operands[0];
  const AroundAxis shape(keys.dims, a.axis);
  std::vector<int64_t> order(shape.extent);
  for (int64_t lane = 0; lane < shape.lanes(); ++lane) {
    auto key = [&](int64_t i) { return keys.elements[shape.At(lane, i)]; };
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) {
      return a.descending ? key(i).high > key(j).high : key(i).low < key(j).low;
    });
    for (int64_t first = 0; first < shape.extent;) {
      // A cluster: overlapping intervals, NaN overlapping everything.
      Interval cluster = key(order[first]);
      bool equal = cluster.point();
      int64_t end = first + 1;
      for (; end < shape.extent; ++end) {
        const Interval next = key(order[end]);
        const bool apart = a.descending ? next.high < cluster.low : next.low > cluster.high;
        if (apart && !cluster.nan && !next.nan) break;
        cluster = Hull(cluster, next);
        equal = equal && cluster.point();
      }
      for (size_t k = 0; k < operands.size(); ++k) {
        auto moved = [&](int64_t i) { return operands[k]->elements[shape.At(lane, order[i])]; };
        Interval hull = moved(first);
        for (int64_t i = first; i < end; ++i) hull = Hull(hull, moved(i));
        for (int64_t i = first; i < end; ++i) {
          results[k].elements[shape.At(lane, i)] = equal ? moved(i) : hull;
        }
      }
      first = end;
    }
  }
}

absl::StatusOr<Results> RunCond(const Node& node, Operands operands, const ir::Extents& extents) {
  const Interval& predicate = operands[0]->elements[0];
  const Operands rest = operands.subspan(1);
  if (predicate.point()) return RunGraph(node.regions[predicate.low != 0 ? 0 : 1], rest, extents);
  TENON_ASSIGN_OR_RETURN(Results yes, RunGraph(node.regions[0], rest, extents));
  TENON_ASSIGN_OR_RETURN(const Results no, RunGraph(node.regions[1], rest, extents));
  for (size_t i = 0; i < yes.size(); ++i) {
    for (size_t e = 0; e < yes[i].elements.size(); ++e) {
      yes[i].elements[e] = Hull(yes[i].elements[e], no[i].elements[e]);
    }
  }
  return yes;
}

absl::StatusOr<Results> RunWhile(const Node& node, Operands operands, const ir::Extents& extents) {
  const int64_t carries = node.attrs<ir::WhileAttrs>().num_carries;
  Results values;
  for (int64_t i = 0; i < carries; ++i) values.push_back(*operands[i]);
  while (true) {
    std::vector<const Enclosure*> all;
    for (const Enclosure& v : values) all.push_back(&v);
    all.insert(all.end(), operands.begin() + carries, operands.end());
    TENON_ASSIGN_OR_RETURN(const Results test, RunGraph(node.regions[0], all, extents));
    if (!test[0].elements[0].point()) {
      for (Enclosure& v : values) FillWithAnything(v);
      return values;
    }
    if (test[0].elements[0].low == 0) return values;
    TENON_ASSIGN_OR_RETURN(values, RunGraph(node.regions[1], all, extents));
  }
}

Enclosure SliceOf(const Enclosure& x, int64_t i) {
  Enclosure slice{x.dtype, {x.dims.begin() + 1, x.dims.end()}, {}};
  const int64_t size = static_cast<int64_t>(x.elements.size()) / x.dims[0];
  slice.elements.assign(x.elements.begin() + i * size, x.elements.begin() + (i + 1) * size);
  return slice;
}

absl::StatusOr<Results> RunScan(const Graph& graph, const Node& node, Operands operands,
                                const ir::Extents& extents) {
  const auto& a = node.attrs<ir::ScanAttrs>();
  TENON_ASSIGN_OR_RETURN(const int64_t length, a.length.Evaluate(extents));
  Results results;
  for (size_t i = 0; i < node.results.size(); ++i) {
    TENON_ASSIGN_OR_RETURN(Enclosure e, Allocate(graph.type(node.results[i]), extents));
    if (static_cast<int64_t>(i) < a.num_carries) e = *operands[i];
    results.push_back(std::move(e));
  }
  for (int64_t step = 0; step < length; ++step) {
    const int64_t at = a.reverse ? length - 1 - step : step;
    Results slices;
    for (int64_t i = 0; i < a.num_scanned; ++i) {
      slices.push_back(SliceOf(*operands[a.num_carries + i], at));
    }
    std::vector<const Enclosure*> all;
    for (int64_t i = 0; i < a.num_carries; ++i) all.push_back(&results[i]);
    for (const Enclosure& slice : slices) all.push_back(&slice);
    all.insert(all.end(), operands.begin() + a.num_carries + a.num_scanned, operands.end());
    TENON_ASSIGN_OR_RETURN(Results out, RunGraph(node.regions[0], all, extents));
    for (size_t i = 0; i < out.size(); ++i) {
      if (static_cast<int64_t>(i) < a.num_carries) {
        results[i] = std::move(out[i]);
      } else {
        std::copy(out[i].elements.begin(), out[i].elements.end(),
                  results[i].elements.begin() + at * static_cast<int64_t>(out[i].elements.size()));
      }
    }
  }
  return results;
}

absl::StatusOr<Results> RunControl(const Graph& graph, const Node& node, Operands operands,
                                   const ir::Extents& extents) {
  switch (node.op) {
    case ir::OpCode::kCond:
      return RunCond(node, operands, extents);
    case ir::OpCode::kWhile:
      return RunWhile(node, operands, extents);
    case ir::OpCode::kScan:
      return RunScan(graph, node, operands, extents);
    default:
      return RunGraph(node.regions[0], operands, extents);
  }
}

absl::StatusOr<Results> RunNode(const Graph& graph, const Node& node, Operands operands,
                                const ir::Extents& extents) {
  const ir::OpDef& def = ir::GetOpDef(node.op);
  Results results;
  for (ir::ValueId v : node.results) {
    TENON_ASSIGN_OR_RETURN(Enclosure result, Allocate(graph.type(v), extents));
    results.push_back(std::move(result));
  }
  switch (def.compute_class) {
    case ir::ComputeClass::kControl:
      return RunControl(graph, node, operands, extents);
    case ir::ComputeClass::kConstant:
      results[0] = Enclosure::Of(node.attrs<ir::ConstantAttrs>().value);
      break;
    case ir::ComputeClass::kReshape:
      results[0].elements = operands[0]->elements;
      break;
    case ir::ComputeClass::kCumulative:
      RunCumulative(node.attrs<ir::CumulativeAttrs>(), *operands[0], results[0]);
      break;
    case ir::ComputeClass::kScatter:
      RunScatter(node.attrs<ir::ScatterAttrs>(), operands, results[0]);
      break;
    case ir::ComputeClass::kSort:
      RunSort(node.attrs<ir::SortAttrs>(), operands, results);
      break;
    case ir::ComputeClass::kMap:
    case ir::ComputeClass::kReduce:
    case ir::ComputeClass::kWindow:
    case ir::ComputeClass::kContract:
      TENON_RETURN_IF_ERROR(
          EncloseNest(def.compute(ir::ViewOf(graph, node)), operands, extents, results[0]));
      break;
  }
  return results;
}

absl::StatusOr<Results> RunGraph(const Graph& graph, Operands inputs, const ir::Extents& extents) {
  std::vector<const Enclosure*> values(graph.num_values(), nullptr);
  std::vector<std::unique_ptr<Results>> owned;
  for (size_t i = 0; i < inputs.size(); ++i) values[graph.inputs()[i].value.index] = inputs[i];
  for (const Node& node : graph.nodes()) {
    std::vector<const Enclosure*> operands;
    for (ir::ValueId v : node.operands) operands.push_back(values[v.index]);
    TENON_ASSIGN_OR_RETURN(Results results, RunNode(graph, node, operands, extents));
    owned.push_back(std::make_unique<Results>(std::move(results)));
    for (size_t i = 0; i < node.results.size(); ++i) {
      values[node.results[i].index] = &(*owned.back())[i];
    }
  }
  Results outputs;
  for (const ir::Output& out : graph.outputs()) outputs.push_back(*values[out.value.index]);
  return outputs;
}

}  // namespace

Enclosure Enclosure::Of(const ir::Literal& value) {
  Enclosure out{value.dtype(), value.dims(), {}};
  for (int64_t i = 0; i < value.size(); ++i) {
    const double v = value.GetAsDouble(i);
    const bool exact = value.dtype() != DType::kI64 || std::fabs(v) <= 0x1p53;
    out.elements.push_back(exact ? Interval::Point(v) : Interval::Anything());
  }
  return out;
}

absl::StatusOr<Results> Enclose(const Graph& graph, absl::Span<const ir::Literal> inputs,
                                const ir::Extents& extents) {
  Results values;
  for (const ir::Literal& input : inputs) values.push_back(Enclosure::Of(input));
  std::vector<const Enclosure*> pointers;
  for (const Enclosure& v : values) pointers.push_back(&v);
  return RunGraph(graph, pointers, extents);
}

std::string Outside(const Enclosure& enclosure, const ir::Literal& value) {
  if (enclosure.dims != value.dims()) return "another shape";
  for (int64_t i = 0; i < value.size(); ++i) {
    const Interval& e = enclosure.elements[i];
    if (e.Contains(value.GetAsDouble(i))) continue;
    return absl::StrCat("element ", i, " of ", value.type().ToString(), ": ", value.GetAsDouble(i),
                        " is not from ", e.low, " to ", e.high);
  }
  return "";
}

}  // namespace tenon::tests
