// Optimizer: how a step of training changes a parameter.
//
// An optimizer writes the update of one parameter in graph ops. What it remembers from step to step
// are slots: tensors of the parameter's type, zero at first, kept as state of the graph under
// "<parameter>/<slot>". Parameters and slots are donated: updated in place.
//
// A new optimizer is a header, a source file and a test: a class derived from Optimizer with an
// options struct.
#ifndef TENON_FRONTEND_OPTIM_OPTIMIZER_H_
#define TENON_FRONTEND_OPTIM_OPTIMIZER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tenon/frontend/core.h"
#include "tenon/frontend/poly.h"

namespace tenon::optim {

// One parameter's update under construction.
struct UpdateContext {
  GraphBuilder& builder;
  Value parameter, gradient;  // of one type
  Value learning_rate;        // f32 scalar, so that it can change from step to step
  Value step;                 // f32 scalar: 1 at the first step
  std::map<std::string, Value, std::less<>> slots;       // the values before the step
  std::map<std::string, Value, std::less<>> next_slots;  // to be set, all of them

  Value slot(absl::string_view name) const { return slots.find(std::string(name))->second; }
  void set_slot(absl::string_view name, Value next) { next_slots[std::string(name)] = next; }
  // A scalar as a value of the parameter's element type.
  Value AsParameterType(Value scalar) const;
};

class Optimizer {
 public:
  virtual absl::string_view name() const = 0;
  // The learning rate at the beginning.
  virtual double learning_rate() const = 0;
  // Names of the slots of each parameter.
  virtual std::vector<std::string> slots() const { return {}; }
  // The parameter after the step; sets all slots.
  virtual Value Update(UpdateContext& context) const = 0;

 protected:
  Optimizer() = default;
  Optimizer(const Optimizer&) = default;
  Optimizer& operator=(const Optimizer&) = default;
  ~Optimizer() = default;
};

// gradient + l2 * parameter: the gradient of the loss plus l2 / 2 times the sum of squares.
Value AddL2(const UpdateContext& context, double l2);

// x, but zero where its magnitude is below 2^26 times the smallest normal number of the type that
// it is computed in (2^-100 for f32): for what fades by a factor a step. Rounded to nearest it
// would never reach zero (0.9 times four units of the last place is four units again), and
// processors take some hundred cycles for subnormal operands and results: units that have died
// would slow training down for good. The factor keeps products with rates as small as 1e-7 out of
// that range, too.
Value FadeToZero(Value x);

}  // namespace tenon::optim

#endif  // TENON_FRONTEND_OPTIM_OPTIMIZER_H_
