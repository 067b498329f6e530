#include "tests/frontend/loss/support.h"

#include "gtest/gtest.h"

namespace tenon::testing {

Tensor RunLoss(const loss::Loss& loss, const Tensor& prediction, const Tensor& target) {
  auto outputs = Evaluate({{"p", prediction}, {"t", target}}, [&](GraphBuilder&, const auto& in) {
    return std::vector<std::pair<std::string, Value>>{
        {"y", loss.PerExample(in.at("p"), in.at("t"))}};
  });
  return outputs.count("y") == 0 ? Tensor() : outputs["y"];
}

void ExpectKeras(const loss::Loss& loss, const Tensor& prediction, const Tensor& target,
                 const std::string& expected, double absolute) {
  SCOPED_TRACE(expected);
  ExpectNear(RunLoss(loss, prediction, target), Reference("loss/" + expected), 1e-5, absolute);
}

std::string ErrorOf(const loss::Loss& loss, const Shape& prediction, const Shape& target) {
  GraphBuilder b("bad");
  Value p = b.Input("p", F32, prediction), t = b.Input("t", F32, target);
  return std::string(b.Build({{"y", loss.PerExample(p, t)}}).status().message());
}

}  // namespace tenon::testing
