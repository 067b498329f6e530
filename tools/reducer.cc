#include "tools/reducer.h"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "tenon/ir/check.h"
#include "tenon/ir/text.h"
#include "tenon/ir/verifier.h"
#include "tenon/passes/graph_copy.h"
#include "tools/reduce_edit.h"

namespace tenon::tools {
namespace {

using ir::Model;

// A stored value needs an input that may have one.
void DropLooseWeights(Model* model) {
  for (auto it = model->weights.begin(); it != model->weights.end();) {
    const int input = model->graph.FindInput(it->first);
    const bool fits = input >= 0 && model->graph.inputs()[input].kind != ir::InputKind::kInput &&
                      model->graph.type(model->graph.inputs()[input].value) == it->second.type();
    it = fits ? std::next(it) : model->weights.erase(it);
  }
}

class Reducer {
 public:
  Reducer(Model model, const Reduction& reduction)
      : model_(std::move(model)), reduction_(reduction), size_(SizeOf(model_)) {}

  absl::StatusOr<Model> Run() {
    // Dead ops and unused inputs go first and for good, unless they are what it is about.
    tidies_ = true;
    TENON_ASSIGN_OR_RETURN(
        tidies_, Try(Model{passes::Prune(model_.graph), model_.weights}, kTidy, /*or_same=*/true));
    bool smaller = true;
    while (smaller) {
      smaller = false;
      for (const Move& move : AllMoves()) {
        TENON_ASSIGN_OR_RETURN(const bool moved, Exhaust(move));
        smaller |= moved;
      }
    }
    return std::move(model_);
  }

 private:
  static constexpr Move kTidy = {"tidy", false, "", nullptr, nullptr};

  // Applies a move at ever fewer places at once, until it leads no further.
  absl::StatusOr<bool> Exhaust(const Move& move) {
    bool moved = false;
    int64_t places = move.count(model_);
    int64_t chunk = move.many ? std::max<int64_t>(1, places) : 1;
    while (places > 0) {
      bool found = false;
      // From the end, so that what a change does to the numbers of places leaves those still to
      // come.
      for (int64_t end = places; end > 0;) {
        const int64_t begin = std::max<int64_t>(0, end - chunk);
        std::optional<Model> candidate = move.apply(model_, begin, end);
        bool good = false;
        if (candidate) {
          TENON_ASSIGN_OR_RETURN(good, Try(*std::move(candidate), move, /*or_same=*/false));
        }
        found |= good;
        end = good ? std::min(begin, move.count(model_)) : begin;
        // One that stood alone may leave its place to another, which then wants a try.
        if (good && begin == 0 && chunk == 1) break;
      }
      moved |= found;
      places = move.count(model_);
      if (!found && chunk == 1) break;
      if (!found || chunk > places) chunk = std::max<int64_t>(1, std::min(chunk, places) / 2);
    }
    return moved;
  }

  // Takes the candidate if it is smaller (or, with `or_same`, as large) and interesting.
  absl::StatusOr<bool> Try(Model candidate, const Move& move, bool or_same) {
    if (tidies_) candidate.graph = DropUnusedInputs(candidate.graph);
    DropLooseWeights(&candidate);
    const ModelSize size = SizeOf(candidate);
    if (!(size < size_) && !(or_same && size == size_)) return false;
    if (!ir::Verify(candidate.graph).ok()) return false;
    std::string text = ir::Print(candidate.graph, {.locations = false});
    for (const auto& [name, value] : candidate.weights) text += name + "\n";
    if (!tried_.insert(std::move(text)).second) return false;
    if (reduction_.on_test) reduction_.on_test(model_, move, ++tests_);
    TENON_ASSIGN_OR_RETURN(const bool interesting, reduction_.is_interesting(candidate));
    if (!interesting) return false;
    model_ = std::move(candidate);
    size_ = size;
    if (reduction_.on_smaller) TENON_RETURN_IF_ERROR(reduction_.on_smaller(model_, move));
    return true;
  }

  Model model_;
  const Reduction& reduction_;
  ModelSize size_;
  bool tidies_ = false;
  int64_t tests_ = 0;
  std::unordered_set<std::string> tried_;
};

}  // namespace

absl::StatusOr<Model> Reduce(Model model, const Reduction& reduction) {
  return Reducer(std::move(model), reduction).Run();
}

}  // namespace tenon::tools
