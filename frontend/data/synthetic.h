// Synthetic classification problems of a known difficulty.
#ifndef TENON_FRONTEND_DATA_SYNTHETIC_H_
#define TENON_FRONTEND_DATA_SYNTHETIC_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "tenon/frontend/data/dataset.h"

namespace tenon::data {

struct ClassificationOptions {
  int64_t samples = 1000;
  int64_t features = 20;
  int64_t informative = 2;  // dimensions in which the clusters lie
  int64_t redundant = 2;    // linear combinations of informative features
  int64_t classes = 2;
  int64_t clusters_per_class = 2;
  double separation = 1.0;    // half the length of the hypercube's edge
  double label_noise = 0.01;  // fraction of labels drawn anew
  bool shuffle = true;        // rows and features
  uint64_t seed = 0;
};

// Clusters of Gaussian points at distinct corners of a hypercube in the informative dimensions,
// each sheared by a random matrix of its own (Guyon, 2003, the design behind scikit-learn's
// function of this name, but not its numbers). Redundant features are random linear combinations of
// informative ones, the remaining ones are noise. x is f32[samples, features], y is f32[samples, 1]
// with class numbers, classes being as equally frequent as can be.
absl::StatusOr<Dataset> MakeClassification(const ClassificationOptions& options = {});

}  // namespace tenon::data

#endif  // TENON_FRONTEND_DATA_SYNTHETIC_H_
