// Equality and hashes from Visit alone, and the names of enumerators.
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tenon/ir/attributes_util.h"
#include "tenon/ir/enum_names.h"
#include "tenon/ir/suggest.h"

namespace tenon::ir {
namespace {

TEST(AttributesTest, EqualityLooksAtEveryField) {
  const Attributes a = GatherAttrs{1, 2};
  EXPECT_TRUE(AttributesEqual(a, GatherAttrs{1, 2}));
  EXPECT_EQ(HashAttributes(a), HashAttributes(GatherAttrs{1, 2}));
  EXPECT_FALSE(AttributesEqual(a, GatherAttrs{1, 3}));
  EXPECT_FALSE(AttributesEqual(a, GatherAttrs{2, 2}));
  EXPECT_NE(HashAttributes(a), HashAttributes(GatherAttrs{2, 1}));
  EXPECT_FALSE(AttributesEqual(AxisAttrs{0}, AxesAttrs{}));
  EXPECT_TRUE(AttributesEqual(NoAttrs{}, NoAttrs{}));
  const Shape n = {Dim("n").AtMost(4)}, m = {Dim("n").AtMost(5)};
  EXPECT_FALSE(AttributesEqual(ReshapeAttrs{n}, ReshapeAttrs{m}));
  EXPECT_TRUE(AttributesEqual(ReshapeAttrs{n}, ReshapeAttrs{n}));
}

TEST(AttributesTest, LiteralsCompareByBits) {
  const Attributes zero = ConstantAttrs{Literal::Scalar(0.0f)};
  EXPECT_FALSE(AttributesEqual(zero, ConstantAttrs{Literal::Scalar(-0.0f)}));
  EXPECT_TRUE(AttributesEqual(zero, ConstantAttrs{Literal::Scalar(0.0f)}));
  // The same bytes in another shape or type are another literal.
  EXPECT_FALSE(AttributesEqual(zero, ConstantAttrs{Literal::Scalar(int32_t{0})}));
  EXPECT_FALSE(AttributesEqual(zero, ConstantAttrs{Literal(DType::kF32, {1})}));
  EXPECT_NE(HashAttributes(zero), HashAttributes(ConstantAttrs{Literal(DType::kF32, {1})}));
  const float nan[] = {std::numeric_limits<float>::quiet_NaN()};
  const Attributes a = ConstantAttrs{Literal::FromSpan<float>({1}, nan)};
  EXPECT_TRUE(AttributesEqual(a, a));
}

TEST(AttributesTest, EnumeratorsHaveDistinctNames) {
  for (int i = 0; i <= static_cast<int>(LastEnumerator<InitKind>::value); ++i) {
    EXPECT_EQ(ParseEnum<InitKind>(EnumName(static_cast<InitKind>(i))), static_cast<InitKind>(i));
  }
  EXPECT_EQ(EnumNames<CompareKind>().size(), 6u);
  EXPECT_EQ(EnumNames<Combiner>().size(), 7u);
  EXPECT_EQ(EnumNames<ScatterKind>().size(), 4u);
  EXPECT_EQ(EnumNames<InputKind>().size(), 3u);
  EXPECT_EQ(ParseEnum<CompareKind>("equal"), std::nullopt);
}

TEST(SuggestTest, NearestName) {
  const std::vector<std::string> names = {"add", "sub", "contract", "concat", "cond"};
  EXPECT_EQ(Nearest("contrct", names), "contract");
  EXPECT_EQ(Nearest("ocnd", names), "cond");
  EXPECT_EQ(Nearest("ad", names), "add");
  EXPECT_EQ(Nearest("xyzzy", names), "");
  EXPECT_EQ(Nearest("W", {"x", "w"}), "w");
  EXPECT_EQ(Nearest("q", {"x", "w"}), "");
  EXPECT_EQ(Nearest(std::string(1 << 20, 'a'), names), "");
  EXPECT_EQ(DidYouMean("concta", names), "; did you mean 'concat'?");
  EXPECT_EQ(EditDistance("abc", "acb"), 1);
  EXPECT_EQ(EditDistance("", "abc"), 3);
}

}  // namespace
}  // namespace tenon::ir
