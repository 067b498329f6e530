#include "tenon/frontend/tensor.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tenon/frontend/init.h"
#include "tenon/frontend/random.h"
#include "tenon/ir/builder.h"
#include "tests/frontend/support.h"

namespace tenon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Tensor, CreateRefusesWhatCannotBe) {
  EXPECT_TRUE(Tensor::Create(F32, {2, 0, 3}).ok());
  EXPECT_TRUE(Tensor::Create(F32, {}).ok());
  EXPECT_FALSE(Tensor::Create(F32, {-1}).ok());
  EXPECT_FALSE(Tensor::Create(F64, {int64_t{1} << 31, int64_t{1} << 31}).ok());
  EXPECT_FALSE(Tensor::Create(F32, {1, 1, 1, 1, 1, 1, 1, 1, 1}).ok());
  // Nothing overflows where an extent is zero.
  EXPECT_TRUE(Tensor::Create(F64, {0, int64_t{1} << 62, int64_t{1} << 62}).ok());
}

TEST(Tensor, CopiesAreDeepAndMovesLeaveAnEmptyTensor) {
  Tensor a(F32, {2});
  a.mutable_data<float>()[1] = 7;
  Tensor b = a;
  b.mutable_data<float>()[1] = 8;
  EXPECT_EQ(a.data<float>()[1], 7);
  Tensor c = std::move(a);
  EXPECT_EQ(c.data<float>()[1], 7);
  EXPECT_EQ(a.num_elements(), 0);  // NOLINT: what a moved-from tensor is, is stated
  a = b;
  EXPECT_EQ(a, b);
}

TEST(Tensor, CastsRoundAndSaturate) {
  const std::vector<float> values = {1.7f, -300, 300, std::nanf(""), 0};
  const Tensor x = Tensor::FromValues<float>({5}, values);
  EXPECT_THAT(x.CastTo(I8).data<int8_t>(), ElementsAre(1, -128, 127, 0, 0));
  EXPECT_THAT(x.CastTo(U8).data<uint8_t>(), ElementsAre(1, 0, 255, 0, 0));
  EXPECT_THAT(x.CastTo(Bool).data<uint8_t>(), ElementsAre(1, 1, 1, 1, 0));
  EXPECT_EQ(x.CastTo(BF16).GetAsDouble(1), -300);
  EXPECT_EQ(x.CastTo(F16).GetAsDouble(2), 300);
  const std::vector<double> large = {1e300, -1e300};
  EXPECT_THAT(
      Tensor::FromValues<double>({2}, large).CastTo(I64).data<int64_t>(),
      ElementsAre(std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()));
}

TEST(Tensor, ViewsLookAtRows) {
  const std::vector<int32_t> values = {1, 2, 3, 4, 5, 6};
  const Tensor x = Tensor::FromValues<int32_t>({3, 2}, values);
  const TensorView rows = x.Rows(1, 3);
  EXPECT_EQ(rows.TypeString(), "i32[2,2]");
  EXPECT_THAT(rows.as<int32_t>(), ElementsAre(3, 4, 5, 6));
  EXPECT_EQ(x.Rows(3, 3).num_elements(), 0);
  EXPECT_EQ(Tensor::FromLiteral(x.ToLiteral()), x);
  EXPECT_EQ(x.Reshaped({6})->TypeString(), "i32[6]");
  EXPECT_FALSE(x.Reshaped({7}).ok());
}

TEST(Random, PhiloxHasItsPublishedValues) {
  // The known answers of Random123: counter and key of zeros, and of ones.
  EXPECT_THAT(PhiloxBlock(0, 0, 0),
              ElementsAre(0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u));
  EXPECT_THAT(PhiloxBlock(~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}),
              ElementsAre(0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu));
}

TEST(Random, IsTheGeneratorOfTheOp) {
  Tensor key(I64, {});
  key.mutable_data<int64_t>()[0] = 0x123456789ABCDEF;
  const Tensor bits = testing::Apply(key, [](Value k) { return RandomBits(k, {5}, 3); });
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(static_cast<uint32_t>(bits.data<int32_t>()[i]),
              PhiloxBlock(0x123456789ABCDEF, i, 3)[0]);
  }
}

TEST(Random, BelowIsEvenAndPermutationsArePermutations) {
  Random random(1);
  std::vector<int> counts(6);
  for (int i = 0; i < 60000; ++i) ++counts[random.Below(6)];
  for (int c : counts) EXPECT_NEAR(c, 10000, 6 * 92);  // six standard deviations
  std::vector<int64_t> p = Permutation(100, random);
  std::sort(p.begin(), p.end());
  for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(p[i], i);
}

struct Moments {
  double mean = 0, deviation = 0, low = 0, high = 0;
};

Moments MomentsOf(const Initializer& initializer, std::initializer_list<int64_t> dims) {
  auto t = Initialize(initializer, F32, std::vector<int64_t>(dims), 5, "w");
  EXPECT_TRUE(t.ok()) << t.status();
  Moments m;
  const auto n = static_cast<double>(t->num_elements());
  for (float v : t->data<float>()) m.mean += v / n;
  for (float v : t->data<float>()) {
    m.deviation += (v - m.mean) * (v - m.mean) / n;
    m.low = std::min<double>(m.low, v);
    m.high = std::max<double>(m.high, v);
  }
  m.deviation = std::sqrt(m.deviation);
  return m;
}

TEST(Initialize, HasTheDistributionsOfKeras) {
  // 200 x 300 elements: the deviation is known to 0.3%, of which six are allowed.
  auto expect = [](const Initializer& initializer, double deviation, double limit) {
    const Moments m = MomentsOf(initializer, {200, 300});
    EXPECT_NEAR(m.mean, 0, 6 * deviation / std::sqrt(60000.0));
    EXPECT_NEAR(m.deviation, deviation, 0.02 * deviation);
    EXPECT_LE(std::max(-m.low, m.high), limit);
    EXPECT_GE(std::max(-m.low, m.high), 0.95 * limit);
  };
  const double glorot = std::sqrt(2.0 / 500), he = std::sqrt(2.0 / 200), inf = 5;
  expect(init::GlorotUniform(), glorot, glorot * std::sqrt(3.0));
  expect(init::HeUniform(), he, he * std::sqrt(3.0));
  // Truncated at two deviations of the normal that was cut.
  expect(init::GlorotNormal(), glorot, 2 * glorot / 0.8796);
  expect(init::HeNormal(), he, 2 * he / 0.8796);
  const Moments normal = MomentsOf(init::Normal(1, 2), {200, 300});
  EXPECT_NEAR(normal.mean, 1, 6 * 2 / std::sqrt(60000.0));
  EXPECT_NEAR(normal.deviation, 2, 0.04);
  EXPECT_GT(normal.high, inf);
  const Moments uniform = MomentsOf(init::Uniform(-1, 3), {200, 300});
  EXPECT_GE(uniform.low, -1);
  EXPECT_LE(uniform.high, 3);
  EXPECT_NEAR(uniform.mean, 1, 0.03);
}

TEST(Initialize, FansOfFiltersCountTheWindow) {
  const std::vector<int64_t> dims = {3, 5, 4, 8};
  EXPECT_EQ(ComputeFans(dims).in, 60);
  EXPECT_EQ(ComputeFans(dims).out, 120);
}

TEST(Initialize, FollowsSeedAndName) {
  const std::vector<int64_t> dims = {8};
  auto draw = [&](uint64_t seed, const char* name) {
    return *Initialize(init::Normal(), F32, dims, seed, name);
  };
  EXPECT_EQ(draw(1, "a"), draw(1, "a"));
  EXPECT_FALSE(draw(1, "a") == draw(2, "a"));
  EXPECT_FALSE(draw(1, "a") == draw(1, "b"));
  EXPECT_EQ(Initialize(init::Constant(3), I32, dims, 0, "c")->data<int32_t>()[7], 3);
  EXPECT_THAT(std::string(Initialize(init::Normal(), I32, dims, 0, "c").status().message()),
              HasSubstr("float"));
}

}  // namespace
}  // namespace tenon
