// A small problem, and a model that learns it.
#ifndef TENON_TESTS_FRONTEND_TOY_H_
#define TENON_TESTS_FRONTEND_TOY_H_

#include <string>

#include "tenon/frontend/model.h"
#include "tenon/frontend/nn/sequential.h"

namespace tenon::testing {

std::string Message(const absl::Status& status);

// Two classes that one layer tells apart, in four features.
data::Dataset ToyData(int64_t rows = 200);
nn::Sequential ToyNet();
// Adam on the binary cross-entropy, with accuracy and F1.
ModelOptions Options(uint64_t seed = 1);
// Without a progress bar.
FitOptions Quiet(int64_t epochs);

}  // namespace tenon::testing

#endif  // TENON_TESTS_FRONTEND_TOY_H_
