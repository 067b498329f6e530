// GraphLowerer: one graph or region, its values' places and its steps. Internal to this folder.
#ifndef TENON_PASSES_LOWER_GRAPH_LOWERER_H_
#define TENON_PASSES_LOWER_GRAPH_LOWERER_H_

#include <map>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "tenon/passes/fuse/plan.h"
#include "tenon/passes/lower/context.h"
#include "tenon/passes/lower/lower.h"

namespace tenon::lower {

class GraphLowerer {
 public:
  GraphLowerer(const ir::Graph& graph, const fuse::FusionPlan& plan, const ir::TargetDesc& target,
               const passes::PipelineOptions& options, kernel::Program& program,
               std::vector<kernel::Step>* steps);

  LowerContext& context() { return context_; }

  // Appends the steps that compute the graph. `inputs`: where its inputs lie; `outputs`: where its
  // outputs are to be; `replaces`: for each output the input whose memory that is, or -1.
  absl::Status Run(const std::vector<Place>& inputs, const std::vector<Place>& outputs,
                   const std::vector<int>& replaces);

  // After Run.
  Origins FindOrigins() const;

 private:
  struct Copy {
    ir::ValueId from;
    Place to;
  };

  void PlaceConstants();
  void PlaceOutputs(const std::vector<Place>& outputs, const std::vector<int>& replaces);
  void PlaceOverLastRead(const fuse::Group& group, int number);
  void PlaceStored(const fuse::Group& group, kernel::BufferKind kind);
  void FindReaders();
  absl::Status LowerGroup(const fuse::Group& group);
  void EmitCopies();

  ir::ValueId Memory(ir::ValueId v) const { return context_.Memory(v); }
  int GroupOf(ir::ValueId v) const;
  bool MayOverwrite(ir::ValueId v, ir::ValueId input);
  bool ReadsOnlyWhereItWrites(const fuse::Group& group, ir::ValueId v, ir::ValueId input);

  const ir::Graph& graph_;
  const fuse::FusionPlan& plan_;
  LowerContext context_;
  std::vector<Copy> copies_;
  std::vector<int32_t> kernels_;         // by group: kernels of the program once it is lowered
  std::map<ir::ValueId, int> group_of_;  // of a stored value
  std::map<ir::ValueId, std::vector<int>> readers_;  // groups that read a value's memory
  std::set<ir::ValueId> returned_;                   // memory of outputs
};

// A copy of all elements, as a kernel of its own.
void EmitCopy(LowerContext& context, const Place& from, const Place& to, ir::DType dtype,
              const ir::Dim& size);

}  // namespace tenon::lower

#endif  // TENON_PASSES_LOWER_GRAPH_LOWERER_H_
