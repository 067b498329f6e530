// Paths that large shapes take, forced at small ones by targets with small caches: groups of
// panels, blocks of rows and of k, panels filled in the first block, and pairs of bf16. Against
// plain loops in the kernel interpreter, and natively to the bit.
#include "tenon/codegen/artifact.h"
#include "tenon/codegen/jit.h"
#include "tests/codegen/harness.h"
#include "tests/contract/support.h"

namespace tenon::contract {
namespace {

using ir::DType;
using ir::Graph;
using ir::GraphBuilder;
using ir::Literal;
using ir::Value;

struct Case {
  std::string spec;
  int64_t m, k, n;
};

std::vector<int64_t> DimsOf(const Case& c, size_t at) {
  std::vector<int64_t> dims;
  for (char letter : c.spec.substr(at, 2)) {
    dims.push_back(letter == 'm' ? c.m : letter == 'k' ? c.k : c.n);
  }
  return dims;
}

Graph Build(const Case& c, DType dtype, bool wide) {
  GraphBuilder g("blocks");
  const std::vector<int64_t> a = DimsOf(c, 0), b = DimsOf(c, 3);
  Value x = g.Input("x", dtype, ir::Shape(a.begin(), a.end()));
  Value y = g.Input("y", dtype, ir::Shape(b.begin(), b.end()));
  absl::StatusOr<Graph> graph = g.Build({{"z", Contract(c.spec, x, y, wide)}});
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

ir::TargetDesc SmallCaches(ir::TargetDesc target, int64_t l2_bytes) {
  target.l1_bytes = 4 << 10;
  target.l2_bytes = l2_bytes;
  return target;
}

TEST(BlocksTest, ManyBlocksOfEachKind) {
  const Case cases[] = {{"mk,kn->mn", 61, 70, 200}, {"mk,nk->mn", 61, 70, 200},
                        {"km,kn->mn", 64, 50, 150}, {"mk,kn->mn", 30, 8, 520},
                        {"mk,kn->mn", 5, 90, 300},  {"mk,kn->mn", 96, 33, 96}};
  for (const Case& c : cases) {
    for (int64_t l2_bytes : {4 << 10, 16 << 10, 64 << 10}) {
      for (const ir::TargetDesc& target : {ir::X86Avx2(), ir::X86Avx512()}) {
        const Graph graph = Build(c, DType::kF32, false);
        const Literal lx = Numbers(DType::kF32, DimsOf(c, 0), 1);
        const Literal ly = Numbers(DType::kF32, DimsOf(c, 3), 2);
        const std::vector<Literal> out =
            Interpret(graph, {lx, ly}, {.target = SmallCaches(target, l2_bytes)});
        ASSERT_EQ(out.size(), 1u);
        ExpectEqual(out[0], EinsumReference(c.spec, lx, ly),
                    testing::PrintToString(c.m) + " " + c.spec);
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
  std::vector<Case> cases = {{"mk,kn->mn", 61, 70, 200}, {"mk,nk->mn", 37, 66, 100},
                             {"nk,mk->mn", 20, 40, 33},  {"mk,kn->mn", 1, 64, 50},
                             {"mk,kn->mn", 4, 7, 40},    {"km,kn->mn", 12, 20, 40}};
  for (int64_t m : {1, 3, 8, 13}) {
    for (int64_t n : {1, 15, 16, 49}) cases.push_back({"mk,kn->mn", m, 10, n});
  }
  for (const Case& c : cases) {
    for (const bool wide : {true, false}) {
      const Graph graph = Build(c, DType::kBF16, wide);
      // Few digits: sums are exact in f32.
      const Literal lx = Numbers(DType::kBF16, DimsOf(c, 0), 1);
      const Literal ly = Numbers(DType::kBF16, DimsOf(c, 3), 2);
      const std::vector<Literal> out =
          Interpret(graph, {lx, ly}, {.target = SmallCaches(WithPairs(), 16 << 10)});
      ASSERT_EQ(out.size(), 1u);
      const std::vector<double> expected = EinsumReference(c.spec, lx, ly);
      for (int64_t i = 0; i < out[0].size(); ++i) {
        const double rounded = ir::BF16ToF32(ir::F32ToBF16(static_cast<float>(expected[i])));
        ASSERT_EQ(out[0].GetAsDouble(i), wide ? expected[i] : rounded)
            << c.spec << " " << c.m << " " << c.k << " " << c.n << " at " << i;
      }
    }
  }
}

TEST(BlocksTest, PairsAreTakenWhereTheTargetHasThem) {
  const Graph graph = Build({"mk,kn->mn", 64, 64, 64}, DType::kBF16, true);
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
  const Case cases[] = {{"mk,kn->mn", 61, 70, 200},
                        {"mk,nk->mn", 45, 64, 100},
                        {"mk,kn->mn", 100, 40, 300},
                        {"km,kn->mn", 33, 20, 65}};
  bool guard_start = false;
  for (const codegen::NamedTarget& t : codegen::RunnableTargets()) {
    for (const Case& c : cases) {
      for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
        SCOPED_TRACE(testing::Message()
                     << t.name << " " << c.spec << " " << c.m << " " << ir::DTypeName(dtype));
        const ir::TargetDesc target = SmallCaches(t.target, 16 << 10);
        const Graph graph = Build(c, dtype, true);
        absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(graph, target, {});
        ASSERT_TRUE(program.ok()) << program.status();
        absl::StatusOr<codegen::Artifact> artifact = codegen::Compile(*program, target);
        ASSERT_TRUE(artifact.ok()) << artifact.status();
        auto loaded = codegen::Load(*artifact);
        ASSERT_TRUE(loaded.ok()) << loaded.status();
        std::vector<Literal> inputs;
        for (size_t at : {0, 3}) {
          Literal l(dtype, DimsOf(c, at));
          for (int64_t i = 0; i < l.size(); ++i) {
            l.SetFromDouble(i, std::sin(static_cast<double>(at) + 0.37 * static_cast<double>(i)));
          }
          inputs.push_back(std::move(l));
        }
        const auto expected = kernel::Interpret(*program, {}, inputs, {.threads = 2});
        ASSERT_TRUE(expected.ok()) << expected.status();
        for (int threads : {1, 2, 3}) {
          guard_start = !guard_start;
          const auto run =
              codegen::RunNative(*program, *artifact, **loaded, {}, inputs, threads, guard_start);
          ASSERT_TRUE(run.ok()) << run.status();
          EXPECT_EQ(expected->outputs, run->outputs) << threads << " threads";
        }
      }
    }
  }
}

}  // namespace
}  // namespace tenon::contract
