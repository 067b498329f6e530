#include "benchmarks/resnet50.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "tenon/frontend/compose.h"

namespace tenon::bench {
namespace {

class ResNet {
 public:
  ResNet(GraphBuilder& b, const ResNetConfig& config) : b_(b), c_(config) {}

  Value Logits() {
    Value h = b_.Input("x", F32, {c_.batch, c_.size, c_.size, 3});
    h = Relu(ConvNorm("stem", h, 7, c_.width, 2));
    h = MaxPool2D(h, {.window = {3, 3}, .stride = {{2, 2}}, .padding = Padding::kSame});
    for (size_t stage = 0; stage < c_.blocks.size(); ++stage) {
      for (int64_t block = 0; block < c_.blocks[stage]; ++block) {
        const int64_t stride = stage > 0 && block == 0 ? 2 : 1;
        h = Bottleneck(absl::StrCat("stage", stage + 1, "/block", block + 1, "/"), h,
                       c_.width << stage, stride);
      }
    }
    h = Mean(h, {1, 2});
    const int64_t features = h.shape()[1].constant();
    Value kernel = b_.Parameter("dense/kernel", F32, {features, c_.classes}, init::GlorotUniform());
    return MatMul(h, kernel) + b_.Parameter("dense/bias", F32, {c_.classes});
  }

 private:
  // 1 x 1 to `channels`, 3 x 3, 1 x 1 to four times as many, and the input added; where shapes
  // differ, through a 1 x 1 convolution of its own.
  Value Bottleneck(const std::string& at, Value x, int64_t channels, int64_t stride) {
    Value h = Relu(ConvNorm(at + "a", x, 1, channels, 1));
    h = Relu(ConvNorm(at + "b", h, 3, channels, stride));
    h = ConvNorm(at + "c", h, 1, 4 * channels, 1);
    const bool same = stride == 1 && x.shape()[3] == Dim(4 * channels);
    return Relu(h + (same ? x : ConvNorm(at + "skip", x, 1, 4 * channels, stride)));
  }

  Value ConvNorm(const std::string& at, Value x, int64_t window, int64_t channels, int64_t stride) {
    const int64_t in = x.shape()[3].constant();
    Value kernel =
        b_.Parameter(at + "/kernel", F32, {window, window, in, channels}, init::HeNormal());
    Value y = Conv2D(x, kernel, {.stride = {stride, stride}, .padding = Padding::kSame});
    Value gamma = b_.Parameter(at + "/gamma", F32, {channels}, init::Constant(1));
    Value beta = b_.Parameter(at + "/beta", F32, {channels});
    Value mean = b_.State(at + "/mean", F32, {channels});
    Value variance = b_.State(at + "/variance", F32, {channels}, init::Constant(1));
    return (y - mean) * (Rsqrt(variance + 1e-5) * gamma) + beta;
  }

  GraphBuilder& b_;
  const ResNetConfig& c_;
};

}  // namespace

absl::StatusOr<Graph> BuildResNet50(const ResNetConfig& config) {
  GraphBuilder b("resnet50");
  Value logits = ResNet(b, config).Logits();
  return b.Build({{"logits", logits}});
}

}  // namespace tenon::bench
