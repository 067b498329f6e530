// The algebra of symbolic indices: what folds, and what stays a digit.
#include "tenon/passes/lower/index_space.h"

#include "gtest/gtest.h"

namespace tenon::lower {
namespace {

using ir::Dim;

TEST(IndexSpace, ReshapeThereAndBackIsTheSameIndex) {
  IndexSpace space;
  const IndexExpr i = IndexExpr::Var(space.AddLoop(6)), j = IndexExpr::Var(space.AddLoop(4));
  const ElementIndex split = space.Reshape({i, j}, {6, 4}, {2, 3, 2, 2});
  ASSERT_EQ(split.size(), 4u);
  EXPECT_EQ(space.Reshape(split, {2, 3, 2, 2}, {6, 4}), (ElementIndex{i, j}));
}

TEST(IndexSpace, LinearPositionSurvivesAnyReshape) {
  IndexSpace space;
  const VarId flat = space.AddLoop(24);
  const ElementIndex cube = space.Delinearize(IndexExpr::Var(flat), {2, 3, 4});
  EXPECT_EQ(space.Linearize(cube, {2, 3, 4}), IndexExpr::Var(flat));
  const ElementIndex other = space.Reshape(cube, {2, 3, 4}, {4, 6});
  EXPECT_EQ(space.Linearize(other, {4, 6}), IndexExpr::Var(flat));
}

TEST(IndexSpace, MergingDimensionsIsAffine) {
  IndexSpace space;
  const VarId i = space.AddLoop(6), j = space.AddLoop(4);
  const ElementIndex merged = space.Reshape({IndexExpr::Var(i), IndexExpr::Var(j)}, {6, 4}, {24});
  ASSERT_EQ(merged.size(), 1u);
  EXPECT_EQ(merged[0].Coefficient(i), Dim(4));
  EXPECT_EQ(merged[0].Coefficient(j), Dim(1));
}

TEST(IndexSpace, DigitsOfWhatIsAlreadyMixedRadixAreItsParts) {
  IndexSpace space;
  const IndexExpr i = IndexExpr::Var(space.AddLoop(6)), j = IndexExpr::Var(space.AddLoop(4));
  const IndexExpr number = i * Dim(4) + j;
  EXPECT_EQ(space.Digit(number, 4, 6), i);
  EXPECT_EQ(space.Digit(number, 1, 4), j);
}

TEST(IndexSpace, SymbolicExtentsFoldToo) {
  IndexSpace space;
  const Dim n = Dim("n").AtMost(64);
  const VarId flat = space.AddLoop(n * Dim(12));
  const ElementIndex index = space.Delinearize(IndexExpr::Var(flat), {n, 3, 4});
  EXPECT_EQ(space.Linearize(index, {n, 3, 4}), IndexExpr::Var(flat));
  EXPECT_EQ(space.Reshape(index, {n, 3, 4}, {n, 12}).size(), 2u);
}

TEST(IndexSpace, BoundsAreShownOnlyWhereTheyHold) {
  IndexSpace space;
  const Dim n = Dim("n").AtMost(64);
  const IndexExpr i = IndexExpr::Var(space.AddLoop(n));
  EXPECT_TRUE(space.ProvablyNonNegative(i));
  EXPECT_TRUE(space.ProvablyBelow(i, n));
  EXPECT_TRUE(space.ProvablyBelow(i + IndexExpr::Constant(2), n + Dim(2)));
  EXPECT_FALSE(space.ProvablyBelow(i + IndexExpr::Constant(1), n));
  EXPECT_FALSE(space.ProvablyNonNegative(i - IndexExpr::Constant(1)));
}

TEST(IndexSpace, DependenceGoesThroughDigitsAndGatheredValues) {
  IndexSpace space;
  const VarId i = space.AddLoop(10), j = space.AddLoop(10);
  const IndexExpr digit = space.Digit(IndexExpr::Var(i), 3, 4);
  EXPECT_TRUE(space.DependsOn(digit, i));
  EXPECT_FALSE(space.DependsOn(digit, j));
  const IndexExpr value = IndexExpr::Var(space.AddValue(100, IndexExpr::Var(j)));
  EXPECT_TRUE(space.DependsOn(value, j));
  EXPECT_FALSE(space.DependsOn(value, i));
}

}  // namespace
}  // namespace tenon::lower
