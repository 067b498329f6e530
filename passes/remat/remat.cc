#include "tenon/passes/remat/remat.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "tenon/ir/op.h"
#include "tenon/passes/fuse/cost.h"

namespace tenon::remat {

using fuse::FusionPlan;
using fuse::GroupKind;
using ir::ValueId;
using memory::Life;
using memory::Timeline;
using memory::TimelineStep;

namespace {

// Groups that one value may take to be computed again.
constexpr size_t kMaxClosure = 24;
// A source this much smaller than the value is kept rather than computed again.
constexpr int64_t kSmallSource = 8;
// Candidates tried at one peak before it counts as irreducible.
constexpr int kMaxTries = 64;

// Operations of one run of each group.
std::vector<double> GroupFlops(const ir::Graph& graph, const FusionPlan& plan) {
  std::vector<double> flops;
  for (const fuse::Group& group : plan.groups) {
    double sum = 0;
    for (ir::NodeId id : group.members) {
      const ir::OpDef& op = ir::GetOpDef(graph.node(id).op);
      if (op.compute == nullptr) continue;
      const ir::ComputeDef def = op.compute(ir::ViewOf(graph, graph.node(id)));
      const double body = fuse::BodyCost(def) + (def.num_reduced() > 0 ? 1 : 0);
      sum += body * fuse::Size(ir::Product(def.domain));
    }
    flops.push_back(sum);
  }
  return flops;
}

// One search: a timeline that changes step by step.
class Search {
 public:
  Search(const ir::Graph& graph, const FusionPlan& plan, int64_t budget)
      : plan_(plan), budget_(budget), flops_(GroupFlops(graph, plan)), timeline_(graph, plan) {
    for (size_t i = 0; i < timeline_.instances.size(); ++i) {
      const auto& type = graph.type(timeline_.instances[i].value);
      const double bytes = fuse::Size(type.NumElements()) * ir::ByteSize(type.dtype);
      bytes_[timeline_.instances[i].value] =
          bytes > 1e15 ? int64_t{1} << 50 : memory::ArenaBytes(static_cast<int64_t>(bytes));
    }
    for (const TimelineStep& step : timeline_.steps) {
      for (int i : step.writes) group_of_[timeline_.instances[i].value] = step.group;
    }
  }

  Timeline Run() {
    while (Improve()) {
    }
    return std::move(timeline_);
  }

 private:
  struct Candidate {
    int instance;
    double score;
  };
  // What is to run again before step `before`, and what is to live until then.
  struct Closure {
    int before = 0;
    std::vector<int> groups;       // each after those that it reads
    std::map<ValueId, int> reads;  // instances that exist and serve as sources
    double flops = 0;
  };

  bool Improve() {
    Index();
    const auto top = std::max_element(live_.begin(), live_.end());
    if (top == live_.end() || *top <= budget_) return false;
    const int peak = static_cast<int>(top - live_.begin());
    const double overflow = Overflow(timeline_);
    std::vector<Candidate> candidates = CandidatesAt(peak);
    int tries = 0;
    for (const Candidate& c : candidates) {
      if (tries++ == kMaxTries) break;
      const std::optional<Closure> closure = MakeClosure(c.instance, peak);
      for (const bool merge : {true, false}) {
        Timeline changed = Apply(*closure, peak, merge);
        if (Overflow(changed) >= overflow) continue;
        timeline_ = std::move(changed);
        return true;
      }
    }
    return false;
  }

  // What is looked up often, of the timeline as it is now.
  void Index() {
    live_ = timeline_.LiveBytes();
    lives_ = timeline_.Lives();
    readers_.assign(timeline_.instances.size(), {});
    runs_.clear();
    overwritten_.clear();
    for (int t = 0; t < static_cast<int>(timeline_.steps.size()); ++t) {
      const TimelineStep& step = timeline_.steps[t];
      for (int i : step.reads) readers_[i].push_back(t);
      for (int i : step.writes) runs_[timeline_.instances[i].value].push_back(i);
      for (ValueId v : timeline_.overwrites[step.group]) overwritten_[v] = t;
    }
  }

  double Overflow(const Timeline& timeline) const {
    double sum = 0;
    for (int64_t bytes : timeline.LiveBytes()) {
      if (bytes > budget_) sum += static_cast<double>(bytes - budget_);
    }
    return sum;
  }

  std::vector<Candidate> CandidatesAt(int peak) const {
    std::set<int> busy(timeline_.steps[peak].reads.begin(), timeline_.steps[peak].reads.end());
    std::vector<Candidate> candidates;
    for (int i = 0; i < static_cast<int>(lives_.size()); ++i) {
      if (lives_[i].first >= peak || lives_[i].last <= peak || busy.count(i) > 0) continue;
      if (timeline_.instances[i].bytes == 0) continue;
      const std::optional<Closure> closure = MakeClosure(i, peak);
      if (!closure.has_value()) continue;
      candidates.push_back(
          {i, (closure->flops + 1) / static_cast<double>(timeline_.instances[i].bytes)});
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.score < b.score; });
    return candidates;
  }

  // The first step after `after` that reads the instance, or -1.
  int NextRead(int instance, int after) const {
    const std::vector<int>& readers = readers_[instance];
    const auto next = std::upper_bound(readers.begin(), readers.end(), after);
    return next == readers.end() ? -1 : *next;
  }

  std::optional<Closure> MakeClosure(int instance, int peak) const {
    Closure closure;
    closure.before = NextRead(instance, peak);
    if (closure.before < 0) return std::nullopt;
    if (!AddGroup(timeline_.instances[instance].value, peak, timeline_.instances[instance].bytes,
                  &closure)) {
      return std::nullopt;
    }
    return closure;
  }

  // The group that stores `value`, behind whatever else has to run before it.
  bool AddGroup(ValueId value, int peak, int64_t bytes, Closure* closure) const {
    const int group = group_of_.at(value);
    if (std::find(closure->groups.begin(), closure->groups.end(), group) != closure->groups.end()) {
      return true;
    }
    if (!MayRepeat(group, closure->before) || closure->groups.size() >= kMaxClosure) return false;
    for (ValueId v : SourcesOf(group)) {
      if (closure->reads.count(v) > 0) continue;
      const int source = FindSource(v, peak, closure->before, bytes);
      if (source >= 0) {
        closure->reads[v] = source;
      } else if (!AddGroup(v, peak, bytes, closure)) {
        return false;
      }
    }
    closure->groups.push_back(group);
    closure->flops += flops_[group];
    return true;
  }

  // Values of other groups that a group reads.
  std::vector<ValueId> SourcesOf(int group) const {
    std::set<ValueId> sources;
    for (ValueId v : plan_.groups[group].inputs) {
      if (group_of_.count(timeline_.Memory(v)) > 0) sources.insert(timeline_.Memory(v));
    }
    return {sources.begin(), sources.end()};
  }

  // A run of `value` that can be read at step `before`: one that is alive at the peak or after it
  // anyway, or is small enough to be kept.
  int FindSource(ValueId value, int peak, int before, int64_t bytes) const {
    int kept = -1;
    auto runs = runs_.find(value);
    if (runs == runs_.end()) return -1;
    for (int i : runs->second) {
      if (lives_[i].first >= before) continue;
      if (timeline_.instances[i].bytes == 0 || lives_[i].last >= peak) return i;
      if (timeline_.instances[i].bytes * kSmallSource <= bytes) kept = i;
    }
    return kept;
  }

  bool MayRepeat(int group, int before) const {
    const GroupKind kind = plan_.groups[group].kind;
    if (kind == GroupKind::kControl || timeline_.runs_once[group] ||
        !timeline_.overwrites[group].empty()) {
      return false;
    }
    return std::none_of(timeline_.donated_reads[group].begin(),
                        timeline_.donated_reads[group].end(), [&](ValueId v) {
                          auto it = overwritten_.find(v);
                          return it != overwritten_.end() && it->second < before;
                        });
  }

  // The timeline with the closure's groups in front of their reader. Whoever reads one of their
  // values from there on reads the new instance; with `merge`, also who read yet another run.
  Timeline Apply(const Closure& closure, int peak, bool merge) {
    Timeline changed = timeline_;
    std::map<ValueId, int> sources = closure.reads;
    std::vector<TimelineStep> runs;
    for (int group : closure.groups) {
      TimelineStep run;
      run.group = group;
      run.repetition = ++repetitions_;
      for (ValueId v : SourcesOf(group)) run.reads.push_back(sources.at(v));
      for (ValueId v : plan_.groups[group].stored) {
        sources[v] = static_cast<int>(changed.instances.size());
        run.writes.push_back(sources[v]);
        changed.instances.push_back({v, bytes_.at(v)});
      }
      runs.push_back(std::move(run));
    }
    for (size_t t = static_cast<size_t>(closure.before); t < changed.steps.size(); ++t) {
      for (int& i : changed.steps[t].reads) {
        auto it = sources.find(changed.instances[i].value);
        if (it == sources.end() || closure.reads.count(it->first) > 0) continue;
        if (timeline_.instances[i].bytes == 0 || !NextIsFree(i, peak, closure.before)) continue;
        if (merge || lives_[i].first < peak) i = it->second;
      }
    }
    changed.steps.insert(changed.steps.begin() + closure.before, runs.begin(), runs.end());
    DropUnread(&changed);
    return changed;
  }

  // Whether nobody reads the instance between the peak and the repeated run: it then need not live
  // until its later uses.
  bool NextIsFree(int instance, int peak, int before) const {
    const int next = NextRead(instance, peak);
    return next < 0 || next >= before;
  }

  // Steps of which nothing is read any more, from the last to the first; unread values of the
  // others, where the group may leave them out.
  void DropUnread(Timeline* timeline) const {
    std::vector<int> readers(timeline->instances.size(), 0);
    for (const TimelineStep& step : timeline->steps) {
      for (int i : step.reads) ++readers[i];
    }
    std::vector<TimelineStep> kept;
    for (size_t t = timeline->steps.size(); t-- > 0;) {
      TimelineStep& step = timeline->steps[t];
      const auto needed = [&](int i) {
        return readers[i] > 0 || (step.repetition == 0 && timeline->instances[i].bytes == 0);
      };
      const bool any = step.writes.empty() || timeline->runs_once[step.group] ||
                       std::any_of(step.writes.begin(), step.writes.end(), needed);
      if (!any) {
        for (int i : step.reads) --readers[i];
        continue;
      }
      const GroupKind kind = plan_.groups[step.group].kind;
      if (!timeline->runs_once[step.group] &&
          (kind == GroupKind::kMap || kind == GroupKind::kContract)) {
        step.writes.erase(std::remove_if(step.writes.begin(), step.writes.end(),
                                         [&](int i) { return !needed(i); }),
                          step.writes.end());
      }
      kept.push_back(std::move(step));
    }
    std::reverse(kept.begin(), kept.end());
    timeline->steps = std::move(kept);
  }

  const FusionPlan& plan_;
  const int64_t budget_;
  const std::vector<double> flops_;
  Timeline timeline_;
  std::map<ValueId, int64_t> bytes_;  // in the arena
  std::map<ValueId, int> group_of_;   // that stores it
  int repetitions_ = 0;

  // Of the timeline as it is: see Index.
  std::vector<int64_t> live_;                 // by step
  std::vector<Life> lives_;                   // by instance
  std::vector<std::vector<int>> readers_;     // by instance: steps
  std::map<ValueId, std::vector<int>> runs_;  // instances of a value, in their order
  std::map<ValueId, int> overwritten_;        // donated inputs: the step that overwrites them
};

}  // namespace

Timeline Rematerialise(const ir::Graph& graph, const FusionPlan& plan, int64_t budget) {
  return Search(graph, plan, budget).Run();
}

double Flops(const ir::Graph& graph, const FusionPlan& plan, const Timeline& timeline) {
  const std::vector<double> flops = GroupFlops(graph, plan);
  double sum = 0;
  for (const TimelineStep& step : timeline.steps) sum += flops[step.group];
  return sum;
}

}  // namespace tenon::remat
