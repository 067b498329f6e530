// Panels of B that are copied while the tiles of the one before run: where they are, and that every
// row of them gets there, whatever number of tiles, panels, steps and blocks of k there is.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/contract/native.h"

namespace tenon::contract {
namespace {

using ir::Graph;
using ir::GraphBuilder;
using ir::Literal;
using ir::Value;

// Whether the kernel of the contraction has two places for panels that take turns.
bool CopiesNext(const Graph& graph, const ir::TargetDesc& target,
                const passes::PipelineOptions& options = {}) {
  const auto program = passes::ScheduleProgram(graph, target, options);
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() && kernel::Print(*program).find("local panels_in_turn") != std::string::npos;
}

TEST(NextPanelTest, IsCopiedWhereSeveralPanelsFollowEachOther) {
  const ir::TargetDesc target = ir::X86Avx512();
  EXPECT_TRUE(CopiesNext(GraphOf({"mk,kn->mn", 512, 1024, 1024}, ir::F32), target));
  EXPECT_TRUE(CopiesNext(GraphOf({"mk,kn->mn", 64, 784, 512}, ir::F32), target));
  EXPECT_TRUE(CopiesNext(GraphOf({"mk,kn->mn", 256, 512, 512}, ir::F64), target));
  // Few rows, a matrix that is near as it is, or read along k; a transposed A that is packed.
  EXPECT_FALSE(CopiesNext(GraphOf({"mk,kn->mn", 8, 1024, 1024}, ir::F32), target));
  EXPECT_FALSE(CopiesNext(GraphOf({"mk,kn->mn", 64, 64, 64}, ir::F32), target));
  EXPECT_FALSE(CopiesNext(GraphOf({"mk,nk->mn", 512, 1024, 1024}, ir::F32), target));
  EXPECT_FALSE(CopiesNext(GraphOf({"km,kn->mn", 512, 1024, 1024}, ir::F32), target));
}

// Every tail of rows, columns and steps; one block of k and many, with one panel a chunk and with
// several.
TEST(NextPanelTest, EveryRowIsCopied) {
  int copying = 0;
  for (int64_t l2_bytes : {16 << 10, 64 << 10}) {
    for (const ir::TargetDesc& plain : {ir::X86Sse2(), ir::X86Avx2(), ir::X86Avx512()}) {
      const ir::TargetDesc target = SmallCaches(plain, l2_bytes);
      for (const Product& c :
           {Product{"mk,kn->mn", 61, 70, 260}, Product{"mk,kn->mn", 96, 33, 269},
            Product{"mk,kn->mn", 26, 130, 300}, Product{"mk,kn->mn", 31, 200, 384},
            Product{"mk,kn->mn", 29, 24, 500}, Product{"bmk,bkn->bmn", 20, 50, 280}}) {
        const Graph graph = GraphOf(c, ir::F32);
        copying += CopiesNext(graph, target) ? 1 : 0;
        const Literal x = Numbers(ir::F32, c.a(), 1), y = Numbers(ir::F32, c.b(), 2);
        const std::vector<Literal> out = Interpret(graph, {x, y}, {.target = target});
        ASSERT_EQ(out.size(), 1u);
        ExpectEqual(out[0], EinsumReference(c.spec, x, y),
                    absl::StrCat(testing::PrintToString(c), ", ", l2_bytes, " bytes"));
      }
    }
  }
  EXPECT_GE(copying, 28) << "of 36";
}

// Where many tiles follow each other rows go in halves, an odd number of them a tile, and the last
// row may be half copied when the tiles end.
TEST(NextPanelTest, HalvesOfRows) {
  const auto text_of = [](const Graph& graph, const ir::TargetDesc& target) {
    const auto program = passes::ScheduleProgram(graph, target, {});
    EXPECT_TRUE(program.ok()) << program.status();
    return program.ok() ? kernel::Print(*program) : "";
  };
  for (ir::DType dtype : {ir::F32, ir::F64, ir::DType::kI32}) {
    const int width = dtype == ir::F64 ? 8 : 16;
    ir::TargetDesc target = SmallCaches(ir::X86Avx512(), 64 << 10);
    target.fma_per_cycle = 2;  // so that tiles have four vectors
    target.vector_loads_per_cycle = 1;
    for (const auto& [m, k] : {std::pair(96, 94), {96, 41}, {109, 62}}) {
      const Product c = {"mk,kn->mn", m, k, 25 * width + 3};
      SCOPED_TRACE(testing::Message() << c << " " << ir::DTypeName(dtype));
      const Graph graph = GraphOf(c, dtype);
      const std::string half = absl::StrCat("elements ", 2 * width, ", level 1");
      EXPECT_TRUE(absl::StrContains(text_of(graph, target), half));
      const Literal x = Numbers(dtype, c.a(), 1), y = Numbers(dtype, c.b(), 2);
      const std::vector<Literal> out = Interpret(graph, {x, y}, {.target = target});
      ASSERT_EQ(out.size(), 1u);
      ExpectEqual(out[0], EinsumReference(c.spec, x, y), "");
    }
  }
}

// Other element types and orders, columns that are summed along k, a matrix for a whole batch.
TEST(NextPanelTest, OfEveryKind) {
  const ir::TargetDesc target = SmallCaches(ir::X86Avx512(), 32 << 10);
  const auto check = [&](const Product& c, ir::DType dtype, passes::Numerics numerics) {
    SCOPED_TRACE(testing::Message() << c << " " << ir::DTypeName(dtype));
    const Graph graph = GraphOf(c, dtype);
    passes::PipelineOptions options;
    options.numerics = numerics;
    EXPECT_TRUE(CopiesNext(graph, target, options));
    const Literal x = Numbers(dtype, c.a(), 1), y = Numbers(dtype, c.b(), 2);
    const std::vector<Literal> out =
        Interpret(graph, {x, y}, {.target = target, .options = options});
    ASSERT_EQ(out.size(), 1u);
    ExpectEqual(out[0], EinsumReference(c.spec, x, y), "");
  };
  const Product plain = {"mk,kn->mn", 62, 90, 290};
  check(plain, ir::F64, passes::Numerics::kStandard);
  check(plain, ir::DType::kI32, passes::Numerics::kStandard);
  check(plain, ir::F32, passes::Numerics::kExact);
  check({"mk,kn->mn", 62, 90, 305}, ir::F32, passes::Numerics::kStandard);
  check({"bmk,kn->bmn", 25, 70, 280}, ir::F32, passes::Numerics::kStandard);
}

TEST(NextPanelTest, OfAnyNumberOfRowsAndColumns) {
  GraphBuilder g("any");
  const ir::Dim rows = ir::Dim("m").AtMost(300), columns = ir::Dim("n").AtMost(400);
  Value x = g.Input("x", ir::F32, {rows, 70}), y = g.Input("y", ir::F32, {70, columns});
  Value z = Contract("mk,kn->mn", x, y);
  absl::StatusOr<Graph> graph = g.Build({{"z", z}, {"tanh", Tanh(z)}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  // With many blocks of k, and with one: then the last tile begins within the one before.
  for (int64_t l2_bytes : {16 << 10, 64 << 10}) {
    const ir::TargetDesc target = SmallCaches(ir::X86Avx2(), l2_bytes);
    EXPECT_TRUE(CopiesNext(*graph, target));
    for (int64_t m : {0, 1, 4, 9, 28, 57}) {
      for (int64_t n : {0, 5, 128, 293}) {
        const Literal a = Numbers(ir::F32, {m, 70}, 1), b = Numbers(ir::F32, {70, n}, 2);
        const std::vector<Literal> out =
            Interpret(*graph, {a, b}, {.target = target, .extents = {m, n}});
        ASSERT_EQ(out.size(), 2u);
        ExpectEqual(out[0], EinsumReference("mk,kn->mn", a, b), absl::StrCat(m, " x ", n));
      }
    }
  }
}

TEST(NextPanelTest, NativeEqualsInterpreter) {
  for (const codegen::NamedTarget& t : codegen::RunnableTargets()) {
    SCOPED_TRACE(t.name);
    const ir::TargetDesc target = SmallCaches(t.target, 64 << 10);
    for (const Product& c :
         {Product{"mk,kn->mn", 53, 131, 290}, Product{"mk,kn->mn", 40, 300, 272}}) {
      SCOPED_TRACE(testing::Message() << c);
      const Graph graph = GraphOf(c, ir::F32);
      EXPECT_TRUE(CopiesNext(graph, target));
      RunNatively(graph, target, {}, {Digits(ir::F32, c.a(), 1), Digits(ir::F32, c.b(), 2)});
    }
  }
}

}  // namespace
}  // namespace tenon::contract
