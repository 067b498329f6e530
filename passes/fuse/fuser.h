// The state of one fusion: clusters (groups in the making) and what is known of each value's uses.
// See fuse/fuse.h for the method; nothing outside this folder includes this file.
#ifndef TENON_PASSES_FUSE_FUSER_H_
#define TENON_PASSES_FUSE_FUSER_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tenon/ir/graph.h"
#include "tenon/ir/op.h"
#include "tenon/ir/target.h"
#include "tenon/passes/fuse/plan.h"
#include "tenon/passes/lower/trace.h"
#include "tenon/passes/options.h"

namespace tenon::fuse {

// Beyond this a kernel's live values leave the registers.
inline constexpr size_t kMaxMembers = 96;

class Fuser {
 public:
  Fuser(const ir::Graph& graph, const ir::TargetDesc& target,
        const passes::PipelineOptions& options);
  FusionPlan Run();

 private:
  // A value is evaluated in `cluster` at `index` (over the cluster's variables).
  struct Use {
    int cluster;
    lower::ElementIndex index;
    // Of a contraction's prologue: how many elements packing evaluates (0: another kind of use),
    // the operations an operand's element that the repetitions have taken so far, and whether they
    // can all be left to `prepare`.
    double packed = 0;
    double repeated = 0;
    bool prepared = false;
  };
  struct Cluster {
    GroupKind kind = GroupKind::kMap;
    ir::NodeId anchor;
    Nest nest;
    bool row_type = false;       // a reduction over the contiguous axis
    std::set<uint32_t> members;  // nodes
    std::set<uint32_t> loads;    // values
    std::set<int> successors;    // clusters that have to run later
    std::set<int> predecessors;  // the same edges, backwards
    int rank = 0;                // ascends along every edge
    int seen_by = 0;             // the last search that met it
  };

  void VisitAll();
  void Visit(ir::NodeId id);
  void VisitReshape(ir::NodeId id);
  void VisitMap(ir::NodeId id);
  void VisitReduction(ir::NodeId id);
  void VisitContraction(ir::NodeId id);
  void VisitOpaque(ir::NodeId id);

  // Maps.
  bool MayRepeat(ir::NodeId id, int cost);
  bool StaysInMemory(ir::ValueId v, int depth, double* bytes);
  bool EvaluatedOnce(ir::ValueId v, int cost);
  double Evaluations(const Use& use) const;
  void EvaluateIn(ir::NodeId id, int cluster);
  int FindOwner(ir::NodeId id);
  bool LeadsToContraction(ir::ValueId v, int depth) const;

  // Prologues of contractions.
  void ReadOperands(ir::NodeId contraction, int cluster);
  bool MayPack(ir::ValueId v) const;
  bool FitsPrologue(ir::NodeId id, const Use& use, std::string* reason);
  double Repeated(ir::NodeId id, const Use& use);
  bool LeadsToReduction(ir::ValueId v, int depth) const;

  // Reductions.
  struct Joining {
    lower::ElementIndex index;       // of the result
    std::vector<lower::VarId> kept;  // the cluster's loops that it varies with
  };
  bool MayJoin(ir::NodeId id, int cluster, Joining* joining);
  bool JoinReduction(ir::NodeId id, int cluster);
  bool WantsSiblings(ir::NodeId id);
  bool WantsRows(ir::NodeId id);
  bool JoinSiblings(ir::NodeId id);
  void CollectReaders(ir::ValueId v, int depth, std::set<int>* clusters) const;
  bool KeptVariables(const Cluster& c, const lower::ElementIndex& index,
                     std::vector<lower::VarId>* kept) const;
  bool FitsReduction(const Cluster& c, ir::NodeId id, const std::vector<lower::VarId>& kept,
                     bool has_full_values) const;
  void AddReduction(ir::NodeId id, int cluster, const lower::ElementIndex& index);

  // Sums over rows, hosted by the kernel that walks the rows anyway.
  bool WantsHost(ir::NodeId id);
  int FindHost(ir::NodeId id, int cluster, lower::ElementIndex* point);
  bool IsHost(const Cluster& c, const ir::ComputeDef& def, lower::ElementIndex* point) const;
  bool TakeLoops(const Cluster& c, const ir::ComputeDef& def, const std::vector<lower::VarId>& kept,
                 const std::vector<lower::VarId>& reduced, lower::ElementIndex* point) const;
  // Looks behind so many element-wise ops between a reduction and what the host has.
  static constexpr int kMaxSteps = 8;
  bool ReadBy(int host, ir::ValueId v, const lower::ElementIndex& index, int depth = kMaxSteps);
  bool AddHosted(ir::NodeId id, int cluster, const lower::ElementIndex& index);

  // Clusters.
  int NewCluster(GroupKind kind, ir::NodeId anchor, const ir::Shape& kept,
                 lower::ElementIndex* identity);
  void AddUse(ir::ValueId v, Use use);
  std::set<int> UsingClusters(ir::ValueId v) const;
  std::vector<lower::ElementIndex> IndicesIn(ir::ValueId v, int cluster) const;
  bool InMemory(ir::ValueId v) const;
  bool CoversAll(const Cluster& c, ir::ValueId v, const lower::ElementIndex& index);
  bool IsLinearIdentity(Cluster& c, ir::ValueId v, const lower::ElementIndex& index);
  bool CanOwn(ir::ValueId v, int cluster);
  void StoreIn(ir::ValueId v, int cluster, const lower::ElementIndex& index);
  bool Reaches(int from, int to);
  void AddEdge(int from, int to);
  void Cut(ir::NodeId id, std::string reason);
  void Join(ir::NodeId id, absl::string_view reason);

  // The end.
  void OrderDonations();
  void JoinSinks();
  std::vector<int> Order() const;
  Group ToGroup(int cluster) const;

  const ir::ComputeDef* Def(ir::NodeId id);
  ir::ComputeClass Class(ir::NodeId id) const;
  // The value whose memory `v` is: through reshapes.
  ir::ValueId Memory(ir::ValueId v) const;

  const ir::Graph& graph_;
  const ir::TargetDesc& target_;
  const passes::PipelineOptions& options_;
  const bool fuse_;
  const bool in_parts_;  // whether sums may be taken in parts
  std::vector<Cluster> clusters_;
  std::vector<std::vector<Use>> uses_;  // by value
  std::vector<std::set<int>> readers_;  // by value: clusters that need it in memory
  std::vector<bool> output_;            // by value: the graph returns it
  std::vector<int> users_;              // by value: nodes that read it
  std::vector<int> owner_;              // by value: the cluster that stores it, or -1
  std::vector<bool> fixed_;             // by value: `prepare` can compute it
  std::map<uint32_t, ir::ComputeDef> defs_;
  std::map<int, std::vector<Nest>> side_nests_;  // of a cluster that others have joined
  int search_ = 0;
  FusionPlan plan_;
};

}  // namespace tenon::fuse

#endif  // TENON_PASSES_FUSE_FUSER_H_
