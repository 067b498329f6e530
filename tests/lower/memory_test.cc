// The plan of the arena: what may share memory does, what lives together does not.
#include "tenon/passes/memory/plan.h"
#include "tests/lower/support.h"

namespace tenon::memory {
namespace {

using namespace ir;  // NOLINT: graphs read like mathematics

kernel::Program Unfused(GraphBuilder& b, std::vector<std::pair<std::string, Value>> outputs) {
  absl::StatusOr<Graph> graph = b.Build(std::move(outputs));
  EXPECT_TRUE(graph.ok()) << graph.status();
  passes::PipelineOptions options;
  options.disabled_passes.insert("fuse");
  absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(*graph, X86Avx2(), options);
  EXPECT_TRUE(program.ok()) << program.status();
  return *std::move(program);
}

TEST(Memory, AChainIsComputedInPlace) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {16, 64});
  for (int i = 0; i < 12; ++i) x = Tanh(x);
  EXPECT_EQ(Unfused(b, {{"y", x}}).arena_bytes, 16 * 64 * 4);
}

TEST(Memory, WhatLivesTogetherLiesApart) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {100});
  std::vector<Value> all;
  for (int i = 0; i < 5; ++i) all.push_back(Exp(x + i));
  const kernel::Program program = Unfused(b, {{"y", Concat(all, 0)}});
  EXPECT_GE(program.arena_bytes, 5 * 448);  // 100 elements take seven lines of the cache
  for (const kernel::Buffer& buffer : program.buffers) {
    if (buffer.kind == kernel::BufferKind::kArena) EXPECT_EQ(buffer.offset % 64, 0);
  }
}

TEST(Memory, BigBuffersAreStaggered) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {1 << 19});
  const kernel::Program program = Unfused(b, {{"y", Tanh(Exp(x)) * Exp(x * 2)}});
  std::vector<int64_t> offsets;
  for (const kernel::Buffer& buffer : program.buffers) {
    if (buffer.kind == kernel::BufferKind::kArena) offsets.push_back(buffer.offset);
  }
  std::sort(offsets.begin(), offsets.end());
  for (size_t i = 1; i < offsets.size(); ++i) {
    if (offsets[i] != offsets[i - 1]) EXPECT_NE((offsets[i] - offsets[i - 1]) % (2 << 20), 0);
  }
}

TEST(Memory, SizesAreThoseAtTheBound) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {Dim("n").AtMost(1000), 16});
  EXPECT_EQ(Unfused(b, {{"y", Tanh(Exp(x))}}).arena_bytes, 1000 * 16 * 4);
}

}  // namespace
}  // namespace tenon::memory
