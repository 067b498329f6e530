// What the frontend's tests share: reference values made by Keras, and graphs evaluated at once.
#ifndef TENON_TESTS_FRONTEND_SUPPORT_H_
#define TENON_TESTS_FRONTEND_SUPPORT_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tenon/frontend/compile.h"
#include "tenon/frontend/core.h"
#include "tenon/frontend/nn/layer.h"
#include "tenon/frontend/tensor.h"

namespace tenon::testing {

// The array of that name in references.txt (made by tests/references/frontend_references.py), f32.
Tensor Reference(const std::string& name);

// Evaluates outputs of a graph that `build` writes, by the graph interpreter. Inputs are added
// under their names, in that order, before `build` is called with their values.
using Build = std::function<std::vector<std::pair<std::string, Value>>(
    GraphBuilder&, const std::map<std::string, Value>&)>;
std::map<std::string, Tensor> Evaluate(const std::map<std::string, Tensor>& inputs,
                                       const Build& build);
// The same for one function of one tensor.
Tensor Apply(const Tensor& x, const std::function<Value(Value)>& function);

// Checks every element: |actual - expected| <= absolute + relative * |expected|.
void ExpectNear(const TensorView& actual, const TensorView& expected, double relative,
                double absolute);

// Directory for a test's files, its own and fresh.
std::string TemporaryDirectory();

}  // namespace tenon::testing

#endif  // TENON_TESTS_FRONTEND_SUPPORT_H_
