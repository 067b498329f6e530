#include "tests/frontend/toy.h"

#include "gtest/gtest.h"
#include "tenon/frontend/tenon.h"

namespace tenon::testing {

std::string Message(const absl::Status& status) { return std::string(status.message()); }

data::Dataset ToyData(int64_t rows) {
  auto d = data::MakeClassification({.samples = rows,
                                     .features = 4,
                                     .informative = 2,
                                     .redundant = 0,
                                     .clusters_per_class = 1,
                                     .separation = 2,
                                     .label_noise = 0,
                                     .seed = 3});
  EXPECT_TRUE(d.ok()) << d.status();
  return *d;
}

nn::Sequential ToyNet() {
  return nn::Sequential{nn::Dense(8, nn::Relu), nn::Dense(1, nn::Sigmoid)};
}

ModelOptions Options(uint64_t seed) {
  return {.loss = loss::BinaryCrossEntropy(),
          .optimizer = optim::Adam({.learning_rate = 0.01}),
          .metrics = {metric::Accuracy(), metric::F1()},
          .seed = seed};
}

FitOptions Quiet(int64_t epochs) { return {.epochs = epochs, .progress = false}; }

}  // namespace tenon::testing
