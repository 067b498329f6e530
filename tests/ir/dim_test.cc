#include "tenon/ir/dim.h"

#include <gtest/gtest.h>

#include <limits>

namespace tenon::ir {
namespace {

const Dim kN = Dim("n").AtMost(64);
const Dim kM = Dim("m").AtMost(3);

TEST(DimTest, EqualExpressionsAreEqualValues) {
  EXPECT_EQ(kN * 12 + 3, Dim(3) + kN * 4 + kN * 8);
  EXPECT_EQ((kN + 1) * (kM + 2), kM * kN + kN * 2 + kM + 2);
  EXPECT_EQ(kN - kN, Dim(0));
  EXPECT_FALSE(kN == Dim("n").AtMost(65));
  EXPECT_FALSE(kN == kM);
}

TEST(DimTest, FloorDivisionCarriesOutWhatIsExact) {
  EXPECT_EQ(FloorDiv(kN * 4 + 8, 4), kN + 2);
  EXPECT_EQ(FloorDiv(kN * 4 + 3, 4), kN);
  EXPECT_EQ(FloorDiv(kN * 4 - 1, 4), kN - 1);
  EXPECT_EQ(FloorDiv(kN + 3, 2).ToString(), "floor((n+1)/2)+1");
  EXPECT_EQ(FloorDiv(kN + 3, 2), FloorDiv(kN + 1, 2) + 1);
  EXPECT_EQ(FloorDiv(Dim(-7), 2), Dim(-4));
}

TEST(DimTest, ExactDivision) {
  EXPECT_EQ(ExactDiv(kN * kM * 12, kN * 4), kM * 3);
  EXPECT_EQ(ExactDiv(kN * 12 + 6, Dim(6)), kN * 2 + 1);
  EXPECT_EQ(ExactDiv(kN * 12 + 6, Dim(5)), std::nullopt);
  EXPECT_EQ(ExactDiv(kN + 1, kN), std::nullopt);
  EXPECT_EQ(ExactDiv(kN, Dim(0)), std::nullopt);
}

TEST(DimTest, Bounds) {
  EXPECT_EQ((kN * 12 + 1).UpperBound(), 769);
  EXPECT_EQ((Dim(10) - kN).LowerBound(), -54);
  EXPECT_EQ((Dim(10) - kN).UpperBound(), 10);
  EXPECT_EQ(FloorDiv(kN + 1, 2).UpperBound(), 32);
  EXPECT_EQ(Dim("free").UpperBound(), std::nullopt);
  const Dim big = Dim("b").AtMost(std::numeric_limits<int64_t>::max());
  EXPECT_EQ((big * 2).UpperBound(), std::nullopt);
}

TEST(DimTest, EvaluateChecksExtents) {
  EXPECT_EQ((kN * 12 + kM).Evaluate({{"n", 7}, {"m", 2}}).value(), 86);
  EXPECT_EQ(FloorDiv(kN - 3, 2).Evaluate({{"n", 0}}).value(), -2);
  EXPECT_FALSE(kN.Evaluate({}).ok());
  EXPECT_FALSE(kN.Evaluate({{"n", 65}}).ok());
  EXPECT_FALSE(kN.Evaluate({{"n", -1}}).ok());
  const Dim big = Dim("b").AtMost(std::numeric_limits<int64_t>::max());
  EXPECT_FALSE((big * 2).Evaluate({{"b", std::numeric_limits<int64_t>::max()}}).ok());
}

TEST(DimTest, Text) {
  EXPECT_EQ(kN.ToString(true), "n<=64");
  EXPECT_EQ((kN * 12 - kM - 2).ToString(), "-m+n*12-2");
  EXPECT_EQ((kN * kN).ToString(), "n*n");
  EXPECT_EQ(Dim(-3).ToString(), "-3");
}

TEST(DimTest, Substitution) {
  const Dim d = kN * 3 + FloorDiv(kN + 1, 2);
  const auto seven = [](const std::string&, int64_t) { return std::optional<Dim>(Dim(7)); };
  EXPECT_EQ(d.Substitute(seven), Dim(25));
  const auto twice = [](const std::string& s, int64_t b) -> std::optional<Dim> {
    return Dim(s).AtMost(b) * 2;
  };
  EXPECT_EQ(FloorDiv(kN, 2).Substitute(twice), kN);
}

}  // namespace
}  // namespace tenon::ir
