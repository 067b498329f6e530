// Contractions of bf16 on tiles of matrix registers: shapes and tails of every kind against plain
// loops in the kernel interpreter, and natively to the bit where this machine has the registers.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "tenon/codegen/artifact.h"
#include "tenon/codegen/host.h"
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
  bool parameter = false;  // whether the second operand is one, and so packed by `prepare`

  std::vector<int64_t> Dims(size_t at) const {
    std::vector<int64_t> dims;
    for (char letter : spec.substr(at, spec.find_first_of(",-", at) - at)) {
      dims.push_back(letter == 'm' ? m : letter == 'k' ? k : letter == 'n' ? n : 3);
    }
    return dims;
  }
  std::string Name() const {
    return absl::StrCat(spec, " ", m, " ", k, " ", n, parameter ? " parameter" : "");
  }
};

enum class Epilogue { kNone, kBiasGelu };

Graph Build(const Case& c, Epilogue epilogue) {
  GraphBuilder g("tiles");
  const std::vector<int64_t> a = c.Dims(0), b = c.Dims(c.spec.find(',') + 1);
  Value x = g.Input("x", DType::kBF16, ir::Shape(a.begin(), a.end()));
  const ir::Shape shape(b.begin(), b.end());
  Value y = c.parameter ? g.Parameter("y", DType::kBF16, shape) : g.Input("y", DType::kBF16, shape);
  Value z = Contract(c.spec, x, y, /*wide=*/true);
  if (epilogue == Epilogue::kBiasGelu) {
    Value bias = g.Input("bias", DType::kF32, {c.n});
    Value sum = z + BroadcastTo(bias, z.type().dims);
    z = sum * 0.5 * (Erf(sum * std::sqrt(0.5)) + 1);
  }
  absl::StatusOr<Graph> graph = g.Build({{"z", z}});
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

ir::TargetDesc WithTiles() {
  ir::TargetDesc target = ir::X86Avx512();
  target.has_bf16_dot = target.has_bf16_tiles = true;
  return target;
}

std::vector<Case> Cases() {
  std::vector<Case> cases = {{"mk,kn->mn", 64, 64, 64},        {"mk,nk->mn", 40, 96, 70},
                             {"mk,kn->mn", 61, 200, 100},      {"mk,kn->mn", 61, 70, 100, true},
                             {"nk,mk->mn", 48, 40, 33},        {"bmk,bkn->bmn", 20, 34, 50},
                             {"bmk,bnk->bmn", 33, 64, 32},     {"bmk,kn->bmn", 20, 64, 40},
                             {"mk,nk->mn", 40, 300, 70, true}, {"km,kn->mn", 64, 64, 64},
                             {"km,kn->mn", 50, 70, 40},        {"km,nk->mn", 37, 300, 90}};
  for (int64_t m : {3, 16, 17, 32, 47}) {
    for (int64_t n : {1, 16, 31, 49}) cases.push_back({"mk,kn->mn", m, 2 * (m % 5) + 62, n});
  }
  return cases;
}

std::string Text(const Graph& graph, const ir::TargetDesc& target) {
  const auto program = passes::ScheduleProgram(graph, target, {});
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? kernel::Print(*program) : "";
}

TEST(MatrixTest, TilesAreTakenWhereTheyPay) {
  const auto takes = [](const Case& c, const ir::TargetDesc& target) {
    return Text(Build(c, Epilogue::kNone), target).find("tile_dot") != std::string::npos;
  };
  ir::TargetDesc without = WithTiles();
  without.has_bf16_tiles = false;
  EXPECT_TRUE(takes({"mk,kn->mn", 64, 64, 64}, WithTiles()));
  EXPECT_TRUE(takes({"mk,kn->mn", 16, 512, 16}, WithTiles()));
  EXPECT_FALSE(takes({"mk,kn->mn", 64, 64, 64}, without));
  // One row, few steps, steps that do not come in pairs.
  EXPECT_FALSE(takes({"mk,kn->mn", 1, 64, 64}, WithTiles()));
  EXPECT_FALSE(takes({"mk,kn->mn", 64, 2, 64}, WithTiles()));
  EXPECT_FALSE(takes({"mk,kn->mn", 64, 63, 64}, WithTiles()));
}

TEST(MatrixTest, EveryTailAgainstPlainLoops) {
  for (const Case& c : Cases()) {
    for (const int64_t l2_bytes : {8 << 10, 2 << 20}) {
      SCOPED_TRACE(absl::StrCat(c.Name(), " ", l2_bytes));
      // Few digits: sums are exact in f32.
      const Literal lx = Numbers(DType::kBF16, c.Dims(0), 1);
      const Literal ly = Numbers(DType::kBF16, c.Dims(c.spec.find(',') + 1), 2);
      const std::vector<Literal> out = Interpret(Build(c, Epilogue::kNone), {lx, ly},
                                                 {.target = SmallCaches(WithTiles(), l2_bytes)});
      ASSERT_EQ(out.size(), 1u);
      const std::vector<double> expected = EinsumReference(c.spec, lx, ly);
      for (int64_t i = 0; i < out[0].size(); ++i) {
        ASSERT_EQ(out[0].GetAsDouble(i), expected[i]) << i;
      }
    }
  }
}

TEST(MatrixTest, ASymbolicNumberOfRows) {
  GraphBuilder g("rows");
  const ir::Dim m = ir::Dim("m").AtMost(70);
  Value x = g.Input("x", DType::kBF16, {m, 64}), y = g.Input("y", DType::kBF16, {64, 40});
  absl::StatusOr<Graph> graph = g.Build({{"z", Contract("mk,kn->mn", x, y, /*wide=*/true)}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_NE(Text(*graph, WithTiles()).find("tile_dot"), std::string::npos);
  for (int64_t rows : {0, 1, 16, 31, 32, 33, 50, 70}) {
    const Literal lx = Numbers(DType::kBF16, {rows, 64}, 1);
    const Literal ly = Numbers(DType::kBF16, {64, 40}, 2);
    const std::vector<Literal> out =
        Interpret(*graph, {lx, ly}, {.target = WithTiles(), .extents = {rows}});
    ASSERT_EQ(out.size(), 1u) << rows;
    ExpectEqual(out[0], EinsumReference("mk,kn->mn", lx, ly), absl::StrCat(rows));
  }
}

// To the bit what the kernel interpreter gives, with an epilogue, on 1 to 3 threads.
TEST(MatrixTest, NativeEqualsInterpreter) {
  const ir::TargetDesc host = codegen::HostTarget();
  if (!host.has_bf16_tiles) GTEST_SKIP() << "this machine has no tiles of bf16 (AMX)";
  bool guard_start = false;
  for (const Case& c : Cases()) {
    for (const ir::TargetDesc& target : {host, SmallCaches(host, 8 << 10)}) {
      SCOPED_TRACE(absl::StrCat(c.Name(), " ", target.l2_bytes));
      const Graph graph = Build(c, Epilogue::kBiasGelu);
      absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(graph, target, {});
      ASSERT_TRUE(program.ok()) << program.status();
      absl::StatusOr<codegen::Artifact> artifact = codegen::Compile(*program, target);
      ASSERT_TRUE(artifact.ok()) << artifact.status();
      auto loaded = codegen::Load(*artifact);
      ASSERT_TRUE(loaded.ok()) << loaded.status();
      std::vector<Literal> inputs;
      for (const kernel::Binding& b : program->bindings) {
        if (b.is_output) continue;
        std::vector<int64_t> dims;
        for (const ir::Dim& d : b.type.dims) dims.push_back(d.constant());
        Literal l(b.type.dtype, dims);
        for (int64_t i = 0; i < l.size(); ++i) {
          l.SetFromDouble(
              i, std::sin(static_cast<double>(inputs.size()) + 0.37 * static_cast<double>(i)));
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

// The disassembly gate: up to where the waiting tile's rows follow, the loop over k loads operands,
// multiplies, and neither spills a register nor touches vectors.
TEST(MatrixTest, TheLoopOverKLoadsOperandsAndNothingElse) {
  const ir::TargetDesc host = codegen::HostTarget();
  if (!host.has_bf16_tiles) GTEST_SKIP() << "this machine has no tiles of bf16 (AMX)";
  const Graph graph = Build({"mk,kn->mn", 256, 1024, 256, true}, Epilogue::kBiasGelu);
  absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(graph, host, {});
  ASSERT_TRUE(program.ok()) << program.status();
  int loops = 0;
  codegen::CodegenOptions options;
  options.dump_assembly = [&](absl::string_view, absl::string_view view) {
    const std::string text(view);
    // From a label to the next or to the first jump.
    for (size_t start = 0; start < text.size();) {
      const size_t end = std::min(text.find("\n.L", start + 1), text.size());
      const std::string block = text.substr(start, std::min(end, text.find("\tj", start)) - start);
      start = end;
      const auto count = [&](const char* part) {
        int found = 0;
        for (size_t at = block.find(part); at != std::string::npos; at = block.find(part, at + 1)) {
          ++found;
        }
        return found;
      };
      if (count("tdpbf16ps") == 0) continue;
      ++loops;
      EXPECT_EQ(count("tdpbf16ps"), 4) << block;
      EXPECT_EQ(count("tileload"), 4) << block;
      EXPECT_EQ(count("tilestored"), 0) << block;
      EXPECT_EQ(count("zmm"), 0) << block;
    }
  };
  ASSERT_TRUE(codegen::Compile(*program, host, options).ok());
  EXPECT_EQ(loops, 2) << "of the first block of k and of the others";
}

}  // namespace
}  // namespace tenon::contract
