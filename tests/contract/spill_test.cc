// The disassembly gate: no vector on the stack in any contraction's loop over k, over tiles of all
// shapes, tails, operand orders and element types, on targets with fused multiply-add. (Without, a
// product takes a register of its own, and of sixteen some are spilled: SSE2 is not gated.)
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tenon/codegen/artifact.h"
#include "tests/contract/native.h"

namespace tenon::contract {
namespace {

using ir::Graph;
using ir::GraphBuilder;
using ir::Value;

bool Has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// A block of instructions, with the label before it.
struct Block {
  std::string label, text;
};

std::vector<Block> BlocksOf(absl::string_view assembly) {
  std::vector<Block> blocks(1);
  for (absl::string_view view : absl::StrSplit(assembly, '\n')) {
    const std::string line(view);
    const size_t colon = line.find(':');
    if (line.rfind(".L", 0) == 0 && colon != std::string::npos) {
      blocks.push_back({line.substr(0, colon), ""});
    } else {
      blocks.back().text += line + "\n";
    }
  }
  return blocks;
}

// Where the last jump to a label begins; npos where there is none.
size_t JumpTo(const std::string& label, const Block& block) {
  return label.empty() ? std::string::npos : block.text.rfind(absl::StrCat("\t", label, "\n"));
}

// The instructions of each innermost loop: of all blocks from one to the last that jumps back to
// it, among which none jumps back to another.
std::vector<std::string> InnermostLoops(const std::vector<Block>& blocks) {
  std::vector<std::string> loops;
  for (size_t first = 0; first < blocks.size(); ++first) {
    size_t last = blocks.size();
    for (size_t b = blocks.size(); b-- > first && last == blocks.size();) {
      if (JumpTo(blocks[first].label, blocks[b]) != std::string::npos) last = b;
    }
    if (last == blocks.size()) continue;
    bool innermost = true;
    std::string text;
    for (size_t b = first; b <= last; ++b) {
      for (size_t to = first + 1; to <= b; ++to) {
        innermost &= JumpTo(blocks[to].label, blocks[b]) == std::string::npos;
      }
      text += b < last ? blocks[b].text
                       : blocks[b].text.substr(0, JumpTo(blocks[first].label, blocks[b]));
    }
    if (innermost) loops.push_back(text);
  }
  return loops;
}

// Not by matrix registers, whose loops have a gate of their own (matrix_test.cc): at the edges of
// a tile their operands go by way of the stack.
bool Multiplies(const std::string& body) {
  return Has(body, "fmadd") || Has(body, "mulps") || Has(body, "vdpbf16ps");
}

// What the loops of a test are.
struct Loops {
  bool copies = false;  // they ask for memory ahead as well, as those do that copy the next panel
  int most = 0;         // so often each may touch a vector on the stack
};

// Counts the loops over k, and fails where one touches a vector on the stack. With an index
// register it is an element of a small packed operand that is looked up there, not what a register
// held.
int CheckAssembly(absl::string_view text, const Loops& which) {
  int loops = 0;
  for (const std::string& body : InnermostLoops(BlocksOf(text))) {
    if (!Multiplies(body) || (which.copies && !Has(body, "prefetch"))) continue;
    ++loops;
    std::string touching;
    int touches = 0;
    for (absl::string_view line : absl::StrSplit(body, '\n')) {
      const std::string l(line);
      if (!Has(l, "(%rsp)") || !(Has(l, "xmm") || Has(l, "ymm") || Has(l, "zmm"))) continue;
      absl::StrAppend(&touching, l, "\n");
      ++touches;
    }
    EXPECT_LE(touches, which.most) << touching;
  }
  return loops;
}

int CompileAndCheck(const std::string& spec, int64_t m, int64_t k, int64_t n, ir::DType dtype,
                    const ir::TargetDesc& target, const Loops& which = {}) {
  SCOPED_TRACE(testing::Message() << spec << " " << m << " " << k << " " << n << " "
                                  << ir::DTypeName(dtype));
  GraphBuilder g("spill");
  const Product p{spec, m, k, n};
  Value x = g.Input("x", dtype, ShapeOf(p.a())), y = g.Input("y", dtype, ShapeOf(p.b()));
  Value bias = g.Input("b", dtype, {n});
  Value z = Max(Contract(spec, x, y) + BroadcastTo(bias, {m, n}), 0);
  absl::StatusOr<Graph> graph = g.Build({{"z", z}});
  EXPECT_TRUE(graph.ok()) << graph.status();
  if (!graph.ok()) return 0;
  absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(*graph, target, {});
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return 0;
  int loops = 0;
  codegen::CodegenOptions options;
  options.dump_assembly = [&](absl::string_view, absl::string_view text) {
    loops += CheckAssembly(text, which);
  };
  EXPECT_TRUE(codegen::Compile(*program, target, options).ok());
  return loops;
}

// Tiles of all shapes that the target has, and of all tails.
int CheckTiles(const ir::TargetDesc& target) {
  int loops = 0;
  for (int64_t m : {1, 2, 3, 5, 7, 8, 9, 11, 12, 13}) {
    for (int64_t n : {16, 48, 64, 83}) {
      loops += CompileAndCheck("mk,kn->mn", m, 300, n, ir::DType::kF32, target);
    }
  }
  for (int64_t n : {1, 3, 18, 49}) {
    loops += CompileAndCheck("mk,kn->mn", 40, 300, n, ir::DType::kF32, target);
  }
  return loops;
}

TEST(SpillTest, NoVectorOnTheStackInALoopOverK) {
  for (const codegen::NamedTarget& t : codegen::RunnableTargets()) {
    if (!t.target.has_fma) continue;
    SCOPED_TRACE(t.name);
    int loops = CheckTiles(t.target);
    // Rows of A that share a set of the first level: few of them a tile, and more lanes.
    loops += CompileAndCheck("mk,kn->mn", 512, 1024, 1024, ir::DType::kF32, t.target);
    loops += CompileAndCheck("mk,nk->mn", 512, 3072, 768, ir::DType::kF32, t.target);
    for (const char* spec : {"mk,kn->mn", "mk,nk->mn", "km,kn->mn"}) {
      for (ir::DType dtype : {ir::DType::kF32, ir::DType::kBF16}) {
        loops += CompileAndCheck(spec, 256, 256, 240, dtype, t.target);
        loops += CompileAndCheck(spec, 1000, 3000, 1000, dtype, t.target);
      }
    }
    EXPECT_GT(loops, 50) << "the loops over k were not found";
  }
}

// Where all steps of k are written out the loop over rows is what is left of them, and no tile's
// operands wait there for the next one: a vector or two of what follows on the sums may.
TEST(SpillTest, NorWhereStepsAreWrittenOut) {
  for (const codegen::NamedTarget& t : codegen::RunnableTargets()) {
    if (!t.target.has_fma) continue;
    SCOPED_TRACE(t.name);
    int loops = 0;
    for (int64_t k : {8, 16, 32}) {
      for (int64_t m : {32, 100, 256}) {
        for (int64_t n : {32, 64, 240, 640}) {
          loops += CompileAndCheck("mk,kn->mn", m, k, n, ir::DType::kF32, t.target, {.most = 4});
        }
      }
    }
    EXPECT_GT(loops, 30) << "the loops over rows were not found";
  }
}

TEST(SpillTest, NorWhereTilesCopyTheNextPanel) {
  for (const codegen::NamedTarget& t : codegen::RunnableTargets()) {
    if (!t.target.has_fma) continue;
    ir::TargetDesc target = t.target;
    target.l2_bytes = 1 << 20;  // whatever the host has: B comes from beyond it
    for (int64_t n : {480, 512, 640, 832}) {
      for (ir::DType dtype : {ir::DType::kF32, ir::DType::kF64}) {
        SCOPED_TRACE(t.name);
        EXPECT_GE(CompileAndCheck("mk,kn->mn", 130, 1000, n, dtype, target, {.copies = true}), 1)
            << "no loop copies: " << n << " columns";
      }
    }
  }
}

TEST(SpillTest, NorWhereTilesHoldRows) {
  for (const codegen::NamedTarget& t : codegen::RunnableTargets()) {
    if (!t.target.has_fma) continue;
    SCOPED_TRACE(t.name);
    EXPECT_GT(CheckTiles(WithSlowLoads(t.target)), 30) << "the loops over k were not found";
  }
}

}  // namespace
}  // namespace tenon::contract
