// When buffers are alive, as pictures of the arena show it, and where what was lowered comes from.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tenon/codegen/host.h"
#include "tenon/ir/text.h"
#include "tenon/passes/compile.h"
#include "tenon/passes/lower/lower.h"
#include "tenon/passes/memory/plan.h"

namespace tenon {
namespace {

constexpr char kGraph[] = R"(tenon graph 1
graph @g(%x: f32[40,40], %w: f32[40,40]) -> (y: f32[40,40]) {
  %0 = contract(%x, %w) "mk,kn->mn"
  %1 = contract(%0, %w) "mk,kn->mn"
  %2 = contract(%1, %w) "mk,kn->mn"
  return %2
}
)";

TEST(Lives, ABufferLivesFromItsKernelToItsLastReader) {
  const absl::StatusOr<ir::Graph> graph = ir::Parse(kGraph);
  ASSERT_TRUE(graph.ok()) << graph.status();
  std::vector<int32_t> kernels, buffers;
  std::vector<std::string> stored;
  passes::PipelineOptions options;
  options.after_lower = [&](const lower::Origins& origins) {
    kernels = origins.kernels;
    buffers = origins.buffers;
    for (const fuse::Group& group : origins.plan.groups) {
      stored.push_back(origins.graph.type(group.stored[0]).ToString());
    }
  };
  const absl::StatusOr<kernel::Program> program =
      passes::CompileToProgram(*graph, codegen::HostTarget(), options);
  ASSERT_TRUE(program.ok()) << program.status();
  // Three groups of at least one kernel each; two values in the arena, in turn.
  ASSERT_EQ(kernels.size(), 3u);
  EXPECT_EQ(stored, std::vector<std::string>(3, "f32[40,40]"));
  EXPECT_EQ(kernels.back(), static_cast<int32_t>(program->kernels.size()));
  const memory::BufferLives lives = memory::LivesOf(*program);
  ASSERT_EQ(lives.lives.size(), program->buffers.size());
  int in_arena = 0;
  for (size_t v = 0; v < buffers.size(); ++v) {
    ASSERT_GE(buffers[v], 0);
    if (program->buffers[buffers[v]].kind != kernel::BufferKind::kArena) continue;
    ++in_arena;
    const memory::BufferLives::Life& life = lives.lives[buffers[v]];
    EXPECT_LT(life.first, life.last);
    // Written by the first kernel that touches it, read by the last.
    EXPECT_GE(lives.kernels[life.first], 0);
    EXPECT_LT(lives.kernels[life.first], lives.kernels[life.last]);
  }
  EXPECT_EQ(in_arena, 2);
}

}  // namespace
}  // namespace tenon
