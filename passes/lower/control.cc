// Control flow: regions become steps of the same program.
//
// call    the region's steps, in place
// cond    a branch on the predicate's buffer; both regions write the results
// while   the results are the carries: filled first, then replaced by each iteration
// scan    a repeat whose variable moves the slices; carries as for while, stacked outputs written
//         where they belong
//
// A region's outputs go straight into their places where GraphLowerer sees that nothing of the same
// iteration reads what they overwrite; otherwise they wait and are copied at the iteration's end.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/passes/fuse/fuse.h"
#include "tenon/passes/lower/graph_lowerer.h"

namespace tenon::lower {

using ir::Dim;
using kernel::Step;

namespace {

// Where each output of a region goes, and which input it replaces (-1: none).
struct RegionOutputs {
  std::vector<Place> places;
  std::vector<int> replaces;
};

class ControlLowerer {
 public:
  ControlLowerer(LowerContext& context, const ir::Node& node) : context_(context), node_(node) {}

  absl::Status Call();
  absl::Status Cond();
  absl::Status While();
  absl::Status Scan();

 private:
  absl::Status Region(int number, const std::vector<Place>& inputs, const RegionOutputs& outputs,
                      std::vector<Step>* steps);
  std::vector<Place> Places(const std::vector<ir::ValueId>& values, size_t begin) const;
  // A bool buffer of its own that holds the value: what branches and loops can name.
  Place Predicate(const Place& from);
  void FillCarries(size_t count);

  LowerContext& context_;
  const ir::Node& node_;
};

std::vector<Place> ControlLowerer::Places(const std::vector<ir::ValueId>& values,
                                          size_t begin) const {
  std::vector<Place> places;
  for (size_t i = begin; i < values.size(); ++i) places.push_back(context_.place(values[i]));
  return places;
}

// A region inside any control counts as one level deeper: only names depend on it.
absl::Status ControlLowerer::Region(int number, const std::vector<Place>& inputs,
                                    const RegionOutputs& outputs, std::vector<Step>* steps) {
  const ir::Graph& region = node_.regions[number];
  const fuse::FusionPlan plan = fuse::Fuse(region, context_.target(), context_.options());
  GraphLowerer lowerer(region, plan, context_.target(), context_.options(), context_.program(),
                       steps);
  lowerer.context().set_loop_depth(context_.loop_depth() + 1);
  return lowerer.Run(inputs, outputs.places, outputs.replaces);
}

absl::Status ControlLowerer::Call() {
  const RegionOutputs outputs{Places(node_.results, 0), std::vector<int>(node_.results.size(), -1)};
  return Region(0, Places(node_.operands, 0), outputs, context_.steps());
}

Place ControlLowerer::Predicate(const Place& from) {
  const kernel::Buffer& buffer = context_.program().buffers[from.buffer];
  if (from.offset == Dim(0) && buffer.kind == kernel::BufferKind::kArena) return from;
  const Place own{context_.AddBuffer("predicate", ir::DType::kBool, Dim(1))};
  EmitCopy(context_, from, own, ir::DType::kBool, Dim(1));
  return own;
}

absl::Status ControlLowerer::Cond() {
  const Place predicate = Predicate(context_.place(node_.operands[0]));
  const RegionOutputs outputs{Places(node_.results, 0), std::vector<int>(node_.results.size(), -1)};
  Step step;
  step.kind = Step::Kind::kBranch;
  step.branch.predicate = predicate.buffer;
  const std::vector<Place> inputs = Places(node_.operands, 1);
  TENON_RETURN_IF_ERROR(Region(0, inputs, outputs, &step.branch.if_true));
  TENON_RETURN_IF_ERROR(Region(1, inputs, outputs, &step.branch.if_false));
  context_.steps()->push_back(std::move(step));
  return absl::OkStatus();
}

// The results are the carries' memory; they begin with the operands' values.
void ControlLowerer::FillCarries(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const ir::TensorType& type = context_.graph().type(node_.results[i]);
    EmitCopy(context_, context_.place(node_.operands[i]), context_.place(node_.results[i]),
             type.dtype, type.NumElements());
  }
}

absl::Status ControlLowerer::While() {
  const size_t carries = node_.attrs<ir::WhileAttrs>().num_carries;
  FillCarries(carries);
  std::vector<Place> inputs = Places(node_.operands, 0);
  RegionOutputs outputs;
  for (size_t i = 0; i < carries; ++i) {
    inputs[i] = context_.place(node_.results[i]);
    outputs.places.push_back(inputs[i]);
    outputs.replaces.push_back(static_cast<int>(i));
  }
  const Place predicate{context_.AddBuffer("predicate", ir::DType::kBool, Dim(1))};
  Step step;
  step.kind = Step::Kind::kWhile;
  step.loop.predicate = predicate.buffer;
  TENON_RETURN_IF_ERROR(Region(0, inputs, {{predicate}, {-1}}, &step.loop.condition));
  TENON_RETURN_IF_ERROR(Region(1, inputs, outputs, &step.loop.body));
  context_.steps()->push_back(std::move(step));
  return absl::OkStatus();
}

absl::Status ControlLowerer::Scan() {
  const auto& attrs = node_.attrs<ir::ScanAttrs>();
  const size_t carries = attrs.num_carries, scanned = attrs.num_scanned;
  FillCarries(carries);
  Step step;
  step.kind = Step::Kind::kRepeat;
  step.repeat.variable = absl::StrCat("%i", context_.loop_depth());
  step.repeat.trip_count = attrs.length;
  step.repeat.reverse = attrs.reverse;
  const Dim i = Dim(step.repeat.variable).AtMost(attrs.length.UpperBound().value_or(0));
  auto slice = [&](ir::ValueId stacked) {
    ir::Shape dims = context_.graph().type(stacked).dims;
    dims.erase(dims.begin());
    Place place = context_.place(stacked);
    place.offset = place.offset + i * ir::Product(dims);
    return place;
  };
  std::vector<Place> inputs = Places(node_.operands, 0);
  RegionOutputs outputs;
  for (size_t c = 0; c < carries; ++c) {
    inputs[c] = context_.place(node_.results[c]);
    outputs.places.push_back(inputs[c]);
    outputs.replaces.push_back(static_cast<int>(c));
  }
  for (size_t s = carries; s < carries + scanned; ++s) inputs[s] = slice(node_.operands[s]);
  for (size_t r = carries; r < node_.results.size(); ++r) {
    outputs.places.push_back(slice(node_.results[r]));
    outputs.replaces.push_back(-1);
  }
  TENON_RETURN_IF_ERROR(Region(0, inputs, outputs, &step.repeat.body));
  context_.steps()->push_back(std::move(step));
  return absl::OkStatus();
}

}  // namespace

// The one place after fusion that tells the four kinds of control apart: by what regions they have
// and how these are bound, which their attributes say.
absl::Status LowerControl(LowerContext& context, const fuse::Group& group) {
  const ir::Node& node = context.graph().node(group.anchor);
  ControlLowerer lowerer(context, node);
  if (std::holds_alternative<ir::CallAttrs>(node.attributes)) return lowerer.Call();
  if (std::holds_alternative<ir::ScanAttrs>(node.attributes)) return lowerer.Scan();
  if (std::holds_alternative<ir::WhileAttrs>(node.attributes)) return lowerer.While();
  return lowerer.Cond();
}

}  // namespace tenon::lower
