// What the tests of optimizers share.
#ifndef TENON_TESTS_FRONTEND_OPTIM_SUPPORT_H_
#define TENON_TESTS_FRONTEND_OPTIM_SUPPORT_H_

#include <map>
#include <string>

#include "tenon/frontend/optim/optimizer.h"
#include "tests/frontend/support.h"

namespace tenon::testing {

// One step, number `step` from 1, in a graph of its own; "parameter" and slots in `state` change.
void Step(const optim::Optimizer& optimizer, std::map<std::string, Tensor>& state,
          const Tensor& gradient, int step);

// Checks four steps against the reference "optim/<name>".
void ExpectKeras(const optim::Optimizer& optimizer, const std::string& name);

}  // namespace tenon::testing

#endif  // TENON_TESTS_FRONTEND_OPTIM_SUPPORT_H_
