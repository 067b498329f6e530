#include "tests/frontend/metric/support.h"

#include "gtest/gtest.h"

namespace tenon::testing {

Tensor Counts(const metric::Metric& metric, const Tensor& prediction, const Tensor& target) {
  auto outputs = Evaluate({{"p", prediction}, {"t", target}}, [&](GraphBuilder&, const auto& in) {
    return std::vector<std::pair<std::string, Value>>{{"c", metric.Count(in.at("p"), in.at("t"))}};
  });
  return outputs.count("c") == 0 ? Tensor() : outputs["c"];
}

double Result(const metric::Metric& metric, const Tensor& prediction, const Tensor& target) {
  return metric.Result(Counts(metric, prediction, target).data<int64_t>());
}

void ExpectKeras(const metric::Metric& metric, int index) {
  auto scores = Reference("metric/scores").Reshaped({40, 1});
  ASSERT_TRUE(scores.ok());
  EXPECT_NEAR(Result(metric, *scores, Reference("metric/actual")),
              Reference("metric/values").GetAsDouble(index), 1e-6);
}

Tensor FourScores() {
  const std::vector<float> scores = {0.1f, 0.8f, 0.1f, 0.6f, 0.3f, 0.1f,
                                     0.2f, 0.2f, 0.6f, 0.3f, 0.4f, 0.3f};
  return Tensor::FromValues<float>({4, 3}, scores);
}

}  // namespace tenon::testing
