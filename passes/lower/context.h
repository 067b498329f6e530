// What every schedule needs: where graph values live, and how a kernel becomes a launch.
//
// LowerContext belongs to one graph (or region) on its way into a kernel::Program: it knows each
// value's buffer and appends steps. KernelContext is one kernel under construction: a builder, and
// parameters handed out on first use.
//
//   KernelContext kernel(context, group, "softmax");
//   ElementEmitter e(kernel);
//   ... write the kernel ...
//   context.Launch(kernel);
#ifndef TENON_PASSES_LOWER_CONTEXT_H_
#define TENON_PASSES_LOWER_CONTEXT_H_

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tenon/ir/graph.h"
#include "tenon/ir/kernel/builder.h"
#include "tenon/ir/op.h"
#include "tenon/ir/target.h"
#include "tenon/passes/fuse/plan.h"
#include "tenon/passes/fuse/prepared.h"
#include "tenon/passes/options.h"

namespace tenon::lower {

// Where a stored value lies: a program buffer, moved by `offset` elements (of loops around).
struct Place {
  int32_t buffer = -1;
  ir::Dim offset = 0;
  bool valid() const { return buffer >= 0; }
  bool operator==(const Place&) const = default;
};

class KernelContext;

// A sum that another kernel has added up in parts: part p of element e lies at p * elements + e.
struct Parts {
  Place place;
  ir::Dim count = 1;
  ir::Dim elements = 1;
};

// Whether all elements are the same bits (and there is one).
bool IsUniformLiteral(const ir::Literal& literal);

class LowerContext {
 public:
  LowerContext(const ir::Graph& graph, const ir::TargetDesc& target,
               const passes::PipelineOptions& options, kernel::Program& program);

  const ir::Graph& graph() const { return graph_; }
  const ir::TargetDesc& target() const { return target_; }
  passes::Numerics numerics() const { return options_.numerics; }
  const passes::PipelineOptions& options() const { return options_; }
  kernel::Program& program() { return program_; }
  // The ComputeDef of a node, made once; null for classes that have none.
  const ir::ComputeDef* Def(ir::NodeId node);
  ir::ComputeClass Class(ir::NodeId node) const;
  // Whether a value is a constant with the same element everywhere: written into code, not stored.
  bool IsUniform(ir::ValueId v);

  const Place& place(ir::ValueId v) const { return places_[v.index]; }
  // Also of what aliases `v`: reshapes of it, of these, and so on.
  void SetPlace(ir::ValueId v, const Place& place);
  // The value whose memory `v` is: through reshapes.
  ir::ValueId Memory(ir::ValueId v) const { return memory_[v.index]; }
  // A new arena buffer of `size` elements; memory planning finds its life by its uses.
  int32_t AddBuffer(std::string name, ir::DType dtype, ir::Dim size);
  // Of reductions that another group hosts (fuse::Nest::Reduction): set before they are asked for.
  void SetParts(ir::NodeId reduction, Parts parts) { parts_[reduction.index] = std::move(parts); }
  const Parts& parts(ir::NodeId reduction) const { return parts_.at(reduction.index); }
  // How many loops of steps stand around this graph's steps: names their variables.
  int loop_depth() const { return loop_depth_; }
  void set_loop_depth(int depth) { loop_depth_ = depth; }
  // The number of a source line in the program's side table.
  int32_t Site(const ir::Location& location);

  // What the program's `prepare` computes of this graph; of a region nothing.
  const fuse::Prepared& prepared() const { return prepared_; }
  void set_prepared(fuse::Prepared prepared) { prepared_ = std::move(prepared); }
  // Whether launches go to `prepare` at the moment.
  bool in_prepare() const { return steps_ == &program_.prepare; }

  // Finishes the kernel and appends its launch to the current steps (those of `prepare` where
  // `prepare` is set: then the kernel may read and write nothing that a step changes). Stores of
  // kernels that stream bypass the caches where that pays (lower/stream.h).
  void Launch(KernelContext& kernel, bool prepare = false);
  // Where Launch appends: control flow redirects it into its bodies.
  std::vector<kernel::Step>* steps() { return steps_; }
  void set_steps(std::vector<kernel::Step>* steps) { steps_ = steps; }

 private:
  const ir::Graph& graph_;
  const ir::TargetDesc& target_;
  const passes::PipelineOptions& options_;
  kernel::Program& program_;
  std::vector<Place> places_;                                // by value
  std::vector<ir::ValueId> memory_;                          // by value
  std::map<ir::ValueId, std::vector<ir::ValueId>> aliases_;  // of a value, itself not among them
  std::map<uint32_t, ir::ComputeDef> defs_;
  std::map<uint32_t, bool> uniform_;
  std::map<uint32_t, Parts> parts_;
  std::vector<kernel::Step>* steps_;
  int loop_depth_ = 0;
  fuse::Prepared prepared_;
};

class KernelContext {
 public:
  KernelContext(LowerContext& context, const fuse::Group& group, std::string name);

  LowerContext& context() { return context_; }
  kernel::KernelBuilder& builder() { return builder_; }
  const fuse::Group& group() const { return group_; }
  // Whether Eval computes results of this node here rather than loading them.
  bool IsFused(ir::NodeId node) const { return fused_.count(node.index) > 0; }
  // Each element is stored once, in order: stores may bypass the caches.
  void set_streams() { streams_ = true; }
  // After a value has been written by one kernel of a group, later ones may load it.
  void LoadInstead(ir::NodeId node) { fused_.erase(node.index); }

  // The kernel parameter for a stored value's place, or for a buffer of the program.
  int Param(ir::ValueId value, bool written);
  int BufferParam(const Place& place, bool written);
  // What a number of a parameter or local stands for: whether it is a local, and how many elements
  // the buffer of a parameter has (of what the run decides: may have).
  bool IsLocal(int number) const;
  double SizeOf(int number) const;

 private:
  friend class LowerContext;
  LowerContext& context_;
  const fuse::Group& group_;
  kernel::KernelBuilder builder_;
  std::set<uint32_t> fused_;
  struct Argument {
    Place place;
    int number;
    bool read, written;
  };
  std::vector<Argument> arguments_;
  bool streams_ = false;
};

}  // namespace tenon::lower

#endif  // TENON_PASSES_LOWER_CONTEXT_H_
