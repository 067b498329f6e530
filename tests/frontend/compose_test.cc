#include "tenon/frontend/compose.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/frontend/support.h"

namespace tenon {
namespace {

using testing::Apply;
using testing::ExpectNear;
using ::testing::HasSubstr;
using testing::Reference;

// A few units in the last place of f32: both sides compute in f32, by different algorithms.
constexpr double kRelative = 2e-6, kAbsolute = 1e-7;

TEST(Compose, ActivationsAreKeras) {
  const Tensor x = Reference("activation/x");
  auto check = [&](const char* name, const std::function<Value(Value)>& function) {
    SCOPED_TRACE(name);
    ExpectNear(Apply(x, function), Reference(std::string("activation/") + name), kRelative,
               kAbsolute);
  };
  check("relu", [](Value v) { return Relu(v); });
  check("leaky_relu", [](Value v) { return LeakyRelu(v); });
  check("softplus", [](Value v) { return Softplus(v); });
  check("silu", [](Value v) { return Silu(v); });
  check("softmax", [](Value v) { return Softmax(v); });
  check("log_softmax", [](Value v) { return LogSoftmax(v); });
  check("sigmoid", [](Value v) { return Sigmoid(v); });
  check("tanh", [](Value v) { return Tanh(v); });
}

TEST(Compose, GeluIsKerasUpToCancellation) {
  // 1 + erf(x) cancels for negative x: what is left is erf's error of at most 2 ULP of 1, times
  // x / 2, and x goes down to -100.
  constexpr double kCancellation = 2 * 0x1p-24 * 100 / 2;
  const Tensor x = Reference("activation/x");
  ExpectNear(Apply(x, [](Value v) { return Gelu(v); }), Reference("activation/gelu"), kRelative,
             kCancellation);
  ExpectNear(Apply(x, [](Value v) { return GeluTanh(v); }), Reference("activation/gelu_tanh"),
             kRelative, kCancellation);
}

TEST(Compose, SoftmaxAlongAnotherAxis) {
  const Tensor x = Reference("activation/x");
  const Tensor y = Apply(x, [](Value v) { return Softmax(v, 0); });
  const Tensor sums = Apply(y, [](Value v) { return ReduceSum(v, {0}); });
  for (float s : sums.data<float>()) EXPECT_NEAR(s, 1, 1e-6);
}

TEST(Compose, LogSumExpKeepsInfinities) {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {-inf, -inf, inf, 1, 1000, 1000};
  const Tensor x = Tensor::FromValues<float>({3, 2}, values);
  const Tensor y = Apply(x, [](Value v) { return LogSumExp(v, {1}); });
  EXPECT_EQ(y.data<float>()[0], -inf);
  EXPECT_EQ(y.data<float>()[1], inf);
  EXPECT_NEAR(y.data<float>()[2], 1000 + std::log(2.0), 1e-4);
}

TEST(Compose, LayerNormIsKeras) {
  const auto outputs =
      testing::Evaluate({{"x", Reference("activation/x")},
                         {"scale", Reference("layer_norm/scale")},
                         {"offset", Reference("layer_norm/offset")}},
                        [](GraphBuilder&, const auto& in) {
                          return std::vector<std::pair<std::string, Value>>{
                              {"y", LayerNorm(in.at("x"), in.at("scale"), in.at("offset"))}};
                        });
  ExpectNear(outputs.at("y"), Reference("layer_norm/y"), 1e-5, 1e-6);
}

TEST(Compose, MeanAndVariance) {
  const std::vector<float> values = {1, 2, 3, 4, 5, 9};
  const Tensor x = Tensor::FromValues<float>({2, 3}, values);
  EXPECT_EQ(Apply(x, [](Value v) { return Mean(v); }).data<float>()[0], 4);
  EXPECT_NEAR(Apply(x, [](Value v) { return Variance(v); }).data<float>()[0], 40.0 / 6, 1e-6);
  const Tensor rows = Apply(x, [](Value v) { return Variance(v, {1}, true); });
  EXPECT_EQ(rows.TypeString(), "f32[2,1]");
  EXPECT_NEAR(rows.data<float>()[1], 14.0 / 3, 1e-6);
}

TEST(Compose, OneHotOfIndicesOutsideIsZero) {
  const std::vector<int32_t> values = {0, 2, -1, 3};
  const Tensor y =
      Apply(Tensor::FromValues<int32_t>({4}, values), [](Value v) { return OneHot(v, 3); });
  const std::vector<float> expected = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(y, Tensor::FromValues<float>({4, 3}, expected));
}

// Classes are compared in 32 bits; what an index has beyond them counts.
TEST(Compose, OneHotOfLongIndices) {
  const std::vector<int64_t> values = {1, (int64_t{1} << 32) + 1, -1, 0};
  const Tensor y =
      Apply(Tensor::FromValues<int64_t>({4}, values), [](Value v) { return OneHot(v, 2); });
  const std::vector<float> expected = {0, 1, 0, 0, 0, 0, 1, 0};
  EXPECT_EQ(y, Tensor::FromValues<float>({4, 2}, expected));
}

TEST(Compose, LabelsThatAreNoClassesCostNothing) {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> logits = {1, 2, 3, 1, 2, 3, 1, 2, 3, -inf, 0, 0, -inf, 0, 0};
  const std::vector<int64_t> labels = {2, -1, 3, 1, 0};
  const auto outputs =
      testing::Evaluate({{"x", Tensor::FromValues<float>({5, 3}, logits)},
                         {"labels", Tensor::FromValues<int64_t>({5}, labels)}},
                        [](GraphBuilder&, const auto& in) {
                          return std::vector<std::pair<std::string, Value>>{
                              {"loss", SparseSoftmaxCrossEntropy(in.at("x"), in.at("labels"))}};
                        });
  const auto loss = outputs.at("loss").data<float>();
  EXPECT_NEAR(loss[0], std::log(1 + std::exp(-1.0) + std::exp(-2.0)), 1e-6);
  EXPECT_EQ(loss[1], 0);
  EXPECT_EQ(loss[2], 0);
  EXPECT_NEAR(loss[3], std::log(2.0), 1e-6);  // a class that cannot be does not make NaN,
  EXPECT_EQ(loss[4], inf);                    // only costs infinitely much where it is
}

TEST(Compose, DropoutKeepsTheExpectationAndDependsOnKeyAndStream) {
  Tensor ones(DType::kF32, {100, 100});
  for (float& v : ones.mutable_data<float>()) v = 1;
  auto draw = [&](int64_t key, int64_t stream) {
    return Apply(ones, [&](Value v) {
      return Dropout(v, 0.25, v.builder()->Constant(ir::Literal::Scalar(key)), stream);
    });
  };
  const Tensor a = draw(1, 0);
  int64_t zeros = 0;
  for (float v : a.data<float>()) {
    if (v == 0) {
      ++zeros;
    } else {
      ASSERT_FLOAT_EQ(v, 1 / 0.75);
    }
  }
  // 10,000 draws of probability 1/4: a standard deviation of 43, of which six are allowed.
  EXPECT_NEAR(zeros, 2500, 260);
  EXPECT_EQ(a, draw(1, 0));
  EXPECT_FALSE(a == draw(2, 0));
  EXPECT_FALSE(a == draw(1, 1));
}

// The message of the error that building with one f32 input of this shape gives.
std::string ErrorOf(const Shape& shape, const std::function<Value(Value)>& function) {
  GraphBuilder b("bad");
  Value x = b.Input("x", F32, shape);
  return std::string(b.Build({{"y", function(x)}}).status().message());
}

TEST(Compose, ErrorsNameTheFunctionAndTheCallersLine) {
  const int line = __LINE__ + 1;
  const std::string error = ErrorOf({4, 5}, [](Value v) { return MaxPool2D(v); });
  EXPECT_THAT(error, HasSubstr("MaxPool2D"));
  EXPECT_THAT(error, HasSubstr("f32[4,5]"));
  EXPECT_THAT(error, HasSubstr("compose_test.cc:" + std::to_string(line)));
  EXPECT_THAT(ErrorOf({4}, [](Value v) { return OneHot(v, 3); }), HasSubstr("integers"));
  EXPECT_THAT(ErrorOf({4}, [](Value v) { return Dropout(v, 1.5, v); }), HasSubstr("1.5"));
  EXPECT_THAT(ErrorOf({1, Dim("h").AtMost(9), 4, 1},
                      [](Value v) { return MaxPool2D(v, {.padding = Padding::kSame}); }),
              HasSubstr("constant extent"));
  EXPECT_THAT(ErrorOf({1, 4, 4, 1},
                      [](Value v) {
                        return MaxPool2D(v, {.window = {0, 2}});
                      }),
              HasSubstr("positive"));
}

}  // namespace
}  // namespace tenon
