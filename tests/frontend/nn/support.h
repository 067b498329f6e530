// What the tests of layers share.
#ifndef TENON_TESTS_FRONTEND_NN_SUPPORT_H_
#define TENON_TESTS_FRONTEND_NN_SUPPORT_H_

#include <map>
#include <string>
#include <vector>

#include "tenon/frontend/nn/layer.h"
#include "tests/frontend/support.h"

namespace tenon::testing {

// Sums of up to 36 products in another order than Keras takes.
inline constexpr double kLayerRelative = 1e-5, kLayerAbsolute = 1e-5;

// What the layer makes of references: "y" of "<name>/x" with the weights "<name>/w<i>" under
// `weight_names`; and the states that it updates.
std::map<std::string, Tensor> RunLayer(const nn::Layer& layer, const std::string& name,
                                       const std::vector<std::string>& weight_names,
                                       bool training = false);

// Checks that "y" is the reference "<name>/y".
void ExpectKeras(const nn::Layer& layer, const std::string& name,
                 const std::vector<std::string>& weight_names);

// The message of the error that the layer gives for an f32 input of this shape.
std::string ErrorOf(const nn::Layer& layer, const Shape& shape);

}  // namespace tenon::testing

#endif  // TENON_TESTS_FRONTEND_NN_SUPPORT_H_
