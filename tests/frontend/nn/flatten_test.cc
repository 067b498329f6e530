#include "tenon/frontend/nn/flatten.h"

#include "gtest/gtest.h"
#include "tests/frontend/nn/support.h"

namespace tenon {
namespace {

TEST(Flatten, KeepsTheBatchEvenSymbolic) {
  GraphBuilder b("flatten");
  nn::LayerContext context(b, false);
  const Dim n = Dim("n").AtMost(8);
  Value y = nn::Flatten().Apply(context, b.Input("x", F32, {n, 2, 3, 4}));
  EXPECT_EQ(y.shape(), (Shape{n, 24}));
  EXPECT_TRUE(b.Build({{"y", y}}).ok());
}

}  // namespace
}  // namespace tenon
