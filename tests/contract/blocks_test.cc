// Paths that large shapes take, forced at small ones by targets with small caches: groups of
// panels, blocks of rows and of k, panels filled in the first block, and pairs of bf16. Against
// plain loops in the kernel interpreter, and natively to the bit.
#include "tests/contract/native.h"

namespace tenon::contract {
namespace {

using ir::DType;
using ir::Graph;
using ir::Literal;

ir::TargetDesc SmallCaches(ir::TargetDesc target, int64_t l2_bytes) {
  target.l1_bytes = 4 << 10;
  target.l2_bytes = l2_bytes;
  return target;
}

TEST(BlocksTest, ManyBlocksOfEachKind) {
  const Product cases[] = {{"mk,kn->mn", 61, 70, 200}, {"mk,nk->mn", 61, 70, 200},
                           {"km,kn->mn", 64, 50, 150}, {"mk,kn->mn", 30, 8, 520},
                           {"mk,kn->mn", 5, 90, 300},  {"mk,kn->mn", 96, 33, 96}};
  for (const Product& c : cases) {
    for (int64_t l2_bytes : {4 << 10, 16 << 10, 64 << 10}) {
      for (const ir::TargetDesc& target : {ir::X86Avx2(), ir::X86Avx512()}) {
        const Graph graph = GraphOf(c, DType::kF32);
        const Literal lx = Numbers(DType::kF32, c.a(), 1);
        const Literal ly = Numbers(DType::kF32, c.b(), 2);
        const std::vector<Literal> out =
            Interpret(graph, {lx, ly}, {.target = SmallCaches(target, l2_bytes)});
        ASSERT_EQ(out.size(), 1u);
        ExpectEqual(out[0], EinsumReference(c.spec, lx, ly), testing::PrintToString(c));
      }
    }
  }
}

ir::TargetDesc WithPairs() {
  ir::TargetDesc target = ir::X86Avx512();
  target.has_bf16_dot = true;
  return target;
}

TEST(BlocksTest, PairsOfBf16InEveryShape) {
  std::vector<Product> cases = {{"mk,kn->mn", 61, 70, 200}, {"mk,nk->mn", 37, 66, 100},
                                {"nk,mk->mn", 20, 40, 33},  {"mk,kn->mn", 1, 64, 50},
                                {"mk,kn->mn", 4, 7, 40},    {"km,kn->mn", 12, 20, 40}};
  for (int64_t m : {1, 3, 8, 13}) {
    for (int64_t n : {1, 15, 16, 49}) cases.push_back({"mk,kn->mn", m, 10, n});
  }
  for (const Product& c : cases) {
    for (const bool wide : {true, false}) {
      const Graph graph = GraphOf(c, DType::kBF16, wide);
      // Few digits: sums are exact in f32.
      const Literal lx = Numbers(DType::kBF16, c.a(), 1);
      const Literal ly = Numbers(DType::kBF16, c.b(), 2);
      const std::vector<Literal> out =
          Interpret(graph, {lx, ly}, {.target = SmallCaches(WithPairs(), 16 << 10)});
      ASSERT_EQ(out.size(), 1u);
      const std::vector<double> expected = EinsumReference(c.spec, lx, ly);
      for (int64_t i = 0; i < out[0].size(); ++i) {
        const double rounded = ir::BF16ToF32(ir::F32ToBF16(static_cast<float>(expected[i])));
        ASSERT_EQ(out[0].GetAsDouble(i), wide ? expected[i] : rounded) << c << " at " << i;
      }
    }
  }
}

TEST(BlocksTest, PairsAreTakenWhereTheTargetHasThem) {
  const Graph graph = GraphOf({"mk,kn->mn", 64, 64, 64}, DType::kBF16, /*wide=*/true);
  const auto text = [&](const ir::TargetDesc& target) {
    absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(graph, target, {});
    EXPECT_TRUE(program.ok()) << program.status();
    return kernel::Print(*program);
  };
  EXPECT_NE(text(WithPairs()).find("dot2"), std::string::npos);
  EXPECT_EQ(text(ir::X86Avx512()).find("dot2"), std::string::npos);
}

// On this machine, whatever it has: to the bit what the kernel interpreter gives.
TEST(BlocksTest, NativeEqualsInterpreter) {
  const Product cases[] = {{"mk,kn->mn", 61, 70, 200},
                           {"mk,nk->mn", 45, 64, 100},
                           {"mk,kn->mn", 100, 40, 300},
                           {"km,kn->mn", 33, 20, 65}};
  for (const codegen::NamedTarget& t : codegen::RunnableTargets()) {
    for (const Product& c : cases) {
      for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
        SCOPED_TRACE(testing::Message() << t.name << " " << c << " " << ir::DTypeName(dtype));
        RunNatively(GraphOf(c, dtype, /*wide=*/true), SmallCaches(t.target, 16 << 10), {},
                    {Digits(dtype, c.a(), 0), Digits(dtype, c.b(), 3)});
      }
    }
  }
}

}  // namespace
}  // namespace tenon::contract
