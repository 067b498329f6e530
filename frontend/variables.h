// Variables: the tensors that a model keeps from step to step, by name.
#ifndef TENON_FRONTEND_VARIABLES_H_
#define TENON_FRONTEND_VARIABLES_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tenon/frontend/tensor.h"

namespace tenon {

// What a variable is for: what is saved, counted and reset follows from it.
enum class VariableKind : uint8_t {
  kParameter,  // trained
  kLayer,      // state of a layer: statistics of batch normalisation
  kOptimizer,  // slots, and the count of steps
  kTraining,   // what options say anew for each run: seed, learning rate
  kMetric,     // counts, zeroed at each epoch
};

struct Variable {
  std::string name;
  VariableKind kind;
  Tensor value;
};

// Addresses of variables and of their elements stay the same once a variable is there.
class Variables {
 public:
  Variable& Add(std::string name, VariableKind kind, Tensor value);
  Variable* Find(absl::string_view name);
  const Variable* Find(absl::string_view name) const;
  std::deque<Variable>& all() { return all_; }
  const std::deque<Variable>& all() const { return all_; }

  // Copies of the elements of all but metrics, and the way back into the same memory.
  std::vector<Tensor> Snapshot() const;
  void Restore(const std::vector<Tensor>& snapshot);
  void ZeroMetrics();

 private:
  std::deque<Variable> all_;
  std::map<std::string, Variable*, std::less<>> by_name_;
};

}  // namespace tenon

#endif  // TENON_FRONTEND_VARIABLES_H_
