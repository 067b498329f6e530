// The differentiation of one graph or region: its forward part, in which control ops also save what
// their backward parts need, and the reverse walk over it.
#ifndef TENON_PASSES_GRAD_LEVEL_H_
#define TENON_PASSES_GRAD_LEVEL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tenon/ir/builder.h"
#include "tenon/ir/graph.h"
#include "tenon/passes/grad/activity.h"

namespace tenon::passes::grad {

// A region taken apart for reverse mode.
struct Linearized {
  // The region, with values that the backward part needs as further outputs.
  ir::Graph forward;
  // Its inputs: one for each of `residuals`, then the cotangents of the active outputs. Its
  // outputs: a cotangent for each input that `has_cotangent` names.
  ir::Graph backward;
  // Where a residual comes from: an input of the region, or an output of `forward`.
  struct Source {
    bool is_input;
    int index;
  };
  std::vector<Source> residuals;
  std::vector<bool> has_cotangent;
};

struct LinearizeOptions {
  RegionMasks masks;
  // For each input of the region, whether the backward part can have it as it stands (the other
  // ones are saved as outputs of the forward part), and whether it is the same in every iteration
  // (what depends on such inputs alone is computed again rather than saved for each iteration).
  std::vector<bool> available;
  std::vector<bool> invariant;
  // Outputs from here on can be had by the backward part; of earlier ones copies are saved.
  int first_usable_output = 0;
};
absl::StatusOr<Linearized> Linearize(const ir::Graph& region, const LinearizeOptions& options);

// What the reverse walk must know of a control op whose forward part was rewritten.
struct ControlRecord {
  RegionMasks masks;
  std::vector<Linearized> regions;
  // cond: for each region, the slot (a result of the op, counted from `num_results`) that each of
  // its extra outputs lies in.
  std::vector<std::vector<int>> slots;
  int num_results = 0;  // of the op as the user wrote it
};

class Level {
 public:
  // `source` outlives the level. Active are the values that depend on one of `inputs` and that one
  // of `outputs` depends on.
  Level(const ir::Graph& source, const std::vector<bool>& inputs, const std::vector<bool>& outputs);

  // The forward part: the nodes of the source, one for one, with control ops rewritten; no
  // outputs. `cotangents` become further inputs, named "cotangent0", ...
  absl::StatusOr<ir::Graph> Forward(const std::vector<ir::TensorType>& cotangents);
  // What a value of the source is called in the forward part.
  ir::ValueId operator()(ir::ValueId source) const { return map_[source.index]; }
  const std::vector<bool>& active() const { return active_; }

  // Adds `cotangent` to what has come together for `value` (of the source). Values that are not
  // active take none.
  void Accumulate(ir::ValueId value, ir::Value cotangent);
  // Walks the forward part in reverse. `builder` continues it.
  absl::Status Reverse(ir::GraphBuilder& builder);
  // The cotangent of a value of the source, once Reverse is through; nullopt is zero.
  std::optional<ir::Value> CotangentOf(ir::ValueId value) const { return cotangents_[value.index]; }

 private:
  absl::Status ForwardControl(const ir::Node& node, ir::Graph& forward, size_t index);
  absl::Status ForwardCond(const ir::Node& node, ir::Graph& forward, ControlRecord& record);
  absl::Status ForwardLoop(const ir::Node& node, ir::Graph& forward, ControlRecord& record);
  std::vector<std::optional<ir::Value>> ReverseCond(
      ir::GraphBuilder& builder, const ir::Node& node, const ControlRecord& record,
      const std::vector<std::optional<ir::Value>>& cotangents);
  std::vector<std::optional<ir::Value>> ReverseScan(
      ir::GraphBuilder& builder, const ir::Node& node, const ControlRecord& record,
      const std::vector<std::optional<ir::Value>>& cotangents);

  const ir::Graph& source_;
  std::vector<bool> active_;                             // per value of the source
  std::vector<ir::ValueId> map_;                         // from the source to the forward part
  std::vector<std::optional<ir::Value>> cotangents_;     // per value of the source
  std::vector<std::unique_ptr<ControlRecord>> records_;  // per node; null for most
};

}  // namespace tenon::passes::grad

#endif  // TENON_PASSES_GRAD_LEVEL_H_
