// ResNet-50 (He et al., 2015) as it infers, built of primitives: what the benchmarks use to time
// the compilation of a convolutional model of full size.
//
// The common variant ("v1.5"): a bottleneck's stride is in its 3 x 3 convolution. Batch norms read
// their moving statistics. Images are NHWC; windows meet the border as Keras' "same".
#ifndef TENON_BENCHMARKS_RESNET50_H_
#define TENON_BENCHMARKS_RESNET50_H_

#include <array>
#include <cstdint>

#include "absl/status/statusor.h"
#include "tenon/frontend/core.h"

namespace tenon::bench {

// The defaults: 25,557,032 parameters, moving statistics (53,120 more numbers, state) not counted.
struct ResNetConfig {
  int64_t batch = 1;
  int64_t size = 224;  // of an image's sides
  int64_t classes = 1000;
  int64_t width = 64;                            // channels behind the stem
  std::array<int64_t, 4> blocks = {3, 4, 6, 3};  // a stage
};

// Input "x" (f32[batch, size, size, 3]), output "logits" (f32[batch, classes]). Parameters
// "<layer>/kernel", "<layer>/gamma", "<layer>/beta", "dense/kernel", "dense/bias"; state
// "<layer>/mean" and "<layer>/variance"; layers are "stem" and "stage<s>/block<b>/<a|b|c|skip>".
absl::StatusOr<Graph> BuildResNet50(const ResNetConfig& config = {});

}  // namespace tenon::bench

#endif  // TENON_BENCHMARKS_RESNET50_H_
