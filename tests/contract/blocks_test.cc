// Paths that large shapes take, forced at small ones by targets with small caches: groups of
// panels, blocks of rows and of k, panels filled in the first block, rows of A packed tile by tile,
// columns summed along k, and pairs of bf16. Against
// plain loops in the kernel interpreter, and natively to the bit.
#include "tests/contract/native.h"

namespace tenon::contract {
namespace {

using ir::DType;
using ir::Graph;
using ir::Literal;

std::string ProgramText(const Graph& graph, const ir::TargetDesc& target) {
  absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(graph, target, {});
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? kernel::Print(*program) : "";
}

bool Has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

void CheckInBlocks(const Product& c) {
  for (int64_t l2_bytes : {4 << 10, 16 << 10, 64 << 10}) {
    for (const ir::TargetDesc& target : {ir::X86Sse2(), ir::X86Avx2(), ir::X86Avx512()}) {
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

TEST(BlocksTest, ManyBlocksOfEachKind) {
  const Product cases[] = {{"mk,kn->mn", 61, 70, 200}, {"mk,nk->mn", 61, 70, 200},
                           {"km,kn->mn", 64, 50, 150}, {"mk,kn->mn", 30, 8, 520},
                           {"mk,kn->mn", 5, 90, 300},  {"mk,kn->mn", 96, 33, 96}};
  for (const Product& c : cases) CheckInBlocks(c);
}

// m next to each other in A, its steps far apart, more than one panel to read them: whole groups of
// tiles and what is left of them.
TEST(BlocksTest, RowsOfATransposedAArePacked) {
  const Product cases[] = {{"km,kn->mn", 140, 50, 150},
                           {"km,kn->mn", 196, 40, 100},
                           {"km,nk->mn", 135, 37, 96},
                           {"bkm,bkn->bmn", 144, 36, 97}};
  for (const Product& c : cases) {
    CheckInBlocks(c);
    const ir::TargetDesc target = SmallCaches(ir::X86Avx512(), 64 << 10);
    EXPECT_TRUE(Has(ProgramText(GraphOf(c, DType::kF32), target), "local rows")) << c;
  }
}

// Chunks of the first kernel, where that is a constant.
int64_t Chunks(const kernel::Program& program) {
  std::map<uint32_t, int64_t> constants;
  for (const kernel::Instr& instr : program.kernels[0].body.instrs) {
    if (instr.op == kernel::Op::kConst) constants[instr.results[0].index] = instr.integer;
    if (instr.op == kernel::Op::kParallel) return constants[instr.args[0].index];
  }
  return 0;
}

// One row is soon computed: it takes as long as reading the matrix.
TEST(BlocksTest, FewRowsAreSharedOutByTheBytesTheyRead) {
  const auto chunks = [](int64_t m, int64_t k, int64_t n) {
    const Graph graph = GraphOf({"mk,kn->mn", m, k, n}, DType::kF32);
    absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(graph, ir::X86Avx512(), {});
    EXPECT_TRUE(program.ok()) << program.status();
    return program.ok() ? Chunks(*program) : 0;
  };
  EXPECT_GE(chunks(1, 784, 512), 2);
  EXPECT_GE(chunks(1, 512, 256), 2);
  EXPECT_EQ(chunks(1, 64, 64), 1);
  EXPECT_EQ(chunks(8, 128, 64), 1);
}

// Short sums, and far results of far rows: few rows at a time against all panels.
TEST(BlocksTest, FarResultsAreWrittenByRow) {
  const ir::TargetDesc target = SmallCaches(ir::X86Avx512(), 64 << 10);
  const auto by_row = [&](const Product& c) {
    return Has(ProgramText(GraphOf(c, DType::kF32), target), "step 24 {");
  };
  const Product cases[] = {{"mk,kn->mn", 100, 5, 700}, {"mk,nk->mn", 100, 8, 700},
                           {"km,kn->mn", 100, 5, 700}, {"mk,kn->mn", 61, 8, 533},
                           {"mk,kn->mn", 90, 12, 577}, {"bmk,bkn->bmn", 60, 4, 600}};
  for (const Product& c : cases) {
    CheckInBlocks(c);
    EXPECT_TRUE(by_row(c)) << c;
  }
  EXPECT_FALSE(by_row({"mk,kn->mn", 100, 40, 700})) << "the panels do not stay near";
  EXPECT_FALSE(by_row({"mk,kn->mn", 400, 5, 200})) << "rows share pages";
  EXPECT_FALSE(by_row({"mk,kn->mn", 10, 5, 700})) << "the results are near";
}

// Few rows against a B whose rows are pages: few of these at a time, sums wait in between.
TEST(BlocksTest, FewRowsReadFarPagesInTurn) {
  const ir::TargetDesc target = SmallCaches(ir::X86Avx512(), 64 << 10);
  const auto in_turn = [&](const Product& c) {
    return Has(ProgramText(GraphOf(c, DType::kF32), target), "local sums");
  };
  const Product cases[] = {{"mk,kn->mn", 1, 37, 700}, {"mk,kn->mn", 2, 50, 577},
                           {"mk,kn->mn", 3, 33, 600}, {"mk,kn->mn", 8, 40, 520},
                           {"km,kn->mn", 7, 35, 530}, {"bmk,bkn->bmn", 1, 41, 515}};
  for (const Product& c : cases) {
    CheckInBlocks(c);
    EXPECT_TRUE(in_turn(c)) << c;
  }
  EXPECT_FALSE(in_turn({"mk,kn->mn", 9, 40, 520})) << "it takes as long as multiplying";
  EXPECT_FALSE(in_turn({"mk,kn->mn", 1, 100, 400})) << "several rows a page";
  EXPECT_FALSE(in_turn({"mk,kn->mn", 1, 20, 520})) << "B is near";
}

// How k is cut into blocks changes no bit: not of the columns that are summed along k either, which
// go on with the same accumulator. Sums that are not exact have to show it.
TEST(BlocksTest, BitsDoNotDependOnCaches) {
  const Product cases[] = {{"mk,kn->mn", 1, 400, 260},
                           {"mk,kn->mn", 2, 300, 260},
                           {"mk,kn->mn", 2, 310, 401},
                           {"mk,kn->mn", 5, 300, 260},
                           {"mk,kn->mn", 70, 20, 577}};
  for (const Product& c : cases) {
    const Graph graph = GraphOf(c, DType::kF64);
    std::vector<Literal> inputs = {Numbers(DType::kF64, c.a(), 1), Numbers(DType::kF64, c.b(), 2)};
    for (Literal& literal : inputs) {
      for (int64_t i = 0; i < literal.size(); ++i) {
        literal.SetFromDouble(i, (literal.GetAsDouble(i) + 0.1) / 3);
      }
    }
    std::vector<Literal> first;
    for (int64_t l2_bytes : {64 << 20, 256 << 10, 16 << 10}) {
      const std::vector<Literal> out =
          Interpret(graph, inputs, {.target = SmallCaches(ir::X86Avx512(), l2_bytes)});
      if (first.empty()) first = out;
      EXPECT_EQ(first, out) << c << ", second level of " << l2_bytes;
    }
  }
}

// A loop over far rows of B asks for those 32 steps ahead besides, unless all of B is near or is
// read from end to end.
TEST(BlocksTest, FewRowsAskForWhatComesNextAlone) {
  const auto far_ahead = [&](const Product& c, int64_t l2_bytes) {
    return Has(ProgramText(GraphOf(c, DType::kF32), SmallCaches(ir::X86Avx512(), l2_bytes)),
               "level 2");
  };
  EXPECT_FALSE(far_ahead({"mk,kn->mn", 1, 100, 700}, 64 << 10)) << "in turn";
  EXPECT_FALSE(far_ahead({"mk,kn->mn", 1, 100, 700}, 1 << 20)) << "near";
  EXPECT_TRUE(far_ahead({"mk,kn->mn", 1, 8192, 700}, 64 << 10)) << "in pieces";
  EXPECT_TRUE(far_ahead({"bmk,bkn->bmn", 1, 60, 700}, 256 << 10)) << "many of them";
  EXPECT_TRUE(far_ahead({"mk,kn->mn", 10, 100, 700}, 64 << 10)) << "more rows";
}

TEST(BlocksTest, FewStepsOfSmallTilesAreWrittenOut) {
  const auto written_out = [&](const Product& c) {
    return Has(ProgramText(GraphOf(c, DType::kF32), ir::X86Avx512()), "unroll 0");
  };
  EXPECT_TRUE(written_out({"mk,kn->mn", 16, 16, 16}));
  EXPECT_TRUE(written_out({"mk,kn->mn", 64, 8, 64}));
  EXPECT_FALSE(written_out({"mk,kn->mn", 16, 33, 16}));
  EXPECT_FALSE(written_out({"mk,kn->mn", 64, 32, 64})) << "more code than a core keeps decoded";
}

// Few columns beyond whole vectors, long sums: lanes along k, in blocks and in pieces of it too.
TEST(BlocksTest, ColumnsSummedAlongK) {
  const Product cases[] = {{"mk,kn->mn", 33, 70, 17},  {"mk,nk->mn", 13, 100, 34},
                           {"mk,kn->mn", 20, 96, 1},   {"mk,kn->mn", 1, 130, 33},
                           {"mk,nk->mn", 9, 203, 3},   {"mk,kn->mn", 1, 5000, 17},
                           {"bmk,bkn->bmn", 5, 80, 2}, {"mk,kn->mn", 31, 80, 65}};
  for (const Product& c : cases) {
    CheckInBlocks(c);
    EXPECT_TRUE(Has(ProgramText(GraphOf(c, DType::kF32), ir::X86Avx512()), "reduce_lanes")) << c;
  }
  // Not of short sums, nor of many columns.
  for (const Product& c : {Product{"mk,kn->mn", 33, 16, 17}, Product{"mk,kn->mn", 33, 70, 28}}) {
    EXPECT_FALSE(Has(ProgramText(GraphOf(c, DType::kF32), ir::X86Avx512()), "reduce_lanes")) << c;
  }
}

ir::TargetDesc WithPairs() {
  ir::TargetDesc target = ir::X86Avx512();
  target.has_bf16_dot = true;
  return target;
}

TEST(BlocksTest, PairsOfBf16InEveryShape) {
  std::vector<Product> cases = {
      {"mk,kn->mn", 61, 70, 200}, {"mk,nk->mn", 37, 66, 100}, {"nk,mk->mn", 20, 40, 33},
      {"mk,kn->mn", 1, 64, 50},   {"mk,kn->mn", 4, 7, 40},    {"km,kn->mn", 12, 20, 40},
      {"km,kn->mn", 75, 34, 50},  {"km,nk->mn", 5, 66, 20},   {"bkm,bkn->bmn", 9, 6, 18}};
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
  EXPECT_TRUE(Has(ProgramText(graph, WithPairs()), "dot2"));
  EXPECT_FALSE(Has(ProgramText(graph, ir::X86Avx512()), "dot2"));
  // Of a transposed A, whose rows are packed as pairs.
  const Graph transposed = GraphOf({"km,kn->mn", 33, 64, 40}, DType::kBF16, /*wide=*/true);
  EXPECT_TRUE(Has(ProgramText(transposed, WithPairs()), "dot2"));
}

// On this machine, whatever it has: to the bit what the kernel interpreter gives.
TEST(BlocksTest, NativeEqualsInterpreter) {
  const Product cases[] = {{"mk,kn->mn", 61, 70, 200},  {"mk,nk->mn", 45, 64, 100},
                           {"mk,kn->mn", 100, 40, 300}, {"km,kn->mn", 33, 20, 65},
                           {"km,kn->mn", 150, 38, 99},  {"mk,kn->mn", 13, 133, 19},
                           {"mk,nk->mn", 6, 90, 2},     {"mk,kn->mn", 70, 5, 577},
                           {"mk,kn->mn", 1, 37, 700},   {"mk,kn->mn", 5, 40, 577}};
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
