// What the tests of losses share.
#ifndef TENON_TESTS_FRONTEND_LOSS_SUPPORT_H_
#define TENON_TESTS_FRONTEND_LOSS_SUPPORT_H_

#include <string>

#include "tenon/frontend/loss/loss.h"
#include "tests/frontend/support.h"

namespace tenon::testing {

// The loss of each example, evaluated.
Tensor RunLoss(const loss::Loss& loss, const Tensor& prediction, const Tensor& target);

// Checks it against the reference "loss/<expected>".
void ExpectKeras(const loss::Loss& loss, const Tensor& prediction, const Tensor& target,
                 const std::string& expected, double absolute = 1e-6);

// The message of the error for f32 predictions and targets of these shapes.
std::string ErrorOf(const loss::Loss& loss, const Shape& prediction, const Shape& target);

}  // namespace tenon::testing

#endif  // TENON_TESTS_FRONTEND_LOSS_SUPPORT_H_
