#include "tenon/passes/kernel/barriers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tenon/ir/kernel/interpreter.h"
#include "tenon/ir/kernel/text.h"
#include "tenon/ir/kernel/verifier.h"
#include "tenon/passes/kernel/usage.h"

namespace tenon::passes {
namespace {

using kernel::Program;

// Kernels that the steps of the tests launch: `copy` has 8 chunks, `single` one, `reverse` reads
// the other end, `outside` reads on every thread, `flag` writes a predicate, `rows` has one chunk
// for every 16 of n.
constexpr char kHead[] = R"(program @p arena 4096
symbol n <= 16
input x: f32[8]
output y: f32[8]
buffer x: f32[8] = binding 0
buffer y: f32[8] = binding 1
buffer a: f32[8] = arena at 0
buffer b: f32[8] = arena at 64
buffer c: f32[8] = arena at 128
buffer shares_a: f32[8] = arena at 16
buffer p: bool[1] = arena at 256
kernel @copy(x: f32 read, y: f32 write) {
  %n = const 8 : i64
  parallel %c < %n {
    %v = load x[%c] : f32
    store %v, y[%c]
  }
}
kernel @single(x: f32 read, y: f32 write) {
  %n = const 1 : i64
  %zero = const 0 : i64
  parallel %c < %n {
    %v = load x[%zero] : f32<8>
    store %v, y[%zero]
  }
}
kernel @rows(x: f32 read, y: f32 write) symbols(n) {
  %n = symbol n : i64
  %15 = const 15 : i64
  %16 = const 16 : i64
  %zero = const 0 : i64
  %m = add %n, %15 : i64
  %chunks = div %m, %16 : i64
  parallel %c < %chunks {
    %v = load x[%zero] : f32<8>
    store %v, y[%zero]
  }
}
kernel @outside(x: f32 read, y: f32 write) {
  %n = const 1 : i64
  %zero = const 0 : i64
  %v = load x[%zero] : f32<8>
  parallel %c < %n {
    store %v, y[%zero]
  }
}
kernel @flag(x: f32 read, p: bool write) {
  %n = const 1 : i64
  %zero = const 0 : i64
  parallel %c < %n {
    %v = load x[%zero] : f32
    %b = gt %v, %v : bool
    store %b, p[%zero]
  }
}
step {
)";

// The steps after placing, as text.
std::string Placed(absl::string_view steps) {
  absl::StatusOr<Program> program = kernel::ParseProgram(absl::StrCat(kHead, steps, "}"));
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return "";
  PlaceBarriers(&*program);
  EXPECT_TRUE(kernel::Verify(*program).ok()) << kernel::Verify(*program);
  for (int64_t n : {1, 16}) {
    const auto result =
        kernel::Interpret(*program, {n}, {ir::Literal::Filled(ir::DType::kF32, {8}, 1)},
                          {.each_chunk_its_own_thread = true});
    EXPECT_TRUE(result.ok()) << result.status();
  }
  const std::string text = Print(*program);
  const size_t begin = text.find("step {\n") + 7;
  return text.substr(begin, text.rfind("}\n") - begin);
}

TEST(BarriersTest, BetweenWriterAndReader) {
  EXPECT_EQ(Placed(R"(  launch @copy(x, a)
  launch @copy(a, y)
)"),
            R"(  launch @copy(x, a)
  barrier
  launch @copy(a, y)
)");
}

TEST(BarriersTest, NoneBetweenReaders) {
  EXPECT_EQ(Placed(R"(  launch @copy(x, a)
  launch @copy(x, b)
  launch @copy(x, c)
  launch @copy(a, y)
)"),
            R"(  launch @copy(x, a)
  launch @copy(x, b)
  launch @copy(x, c)
  barrier
  launch @copy(a, y)
)");
}

TEST(BarriersTest, BeforeOverwritingWhatIsRead) {
  EXPECT_EQ(Placed(R"(  launch @copy(x, a)
  launch @copy(a, y)
  launch @copy(x, a)
)"),
            R"(  launch @copy(x, a)
  barrier
  launch @copy(a, y)
  barrier
  launch @copy(x, a)
)");
}

// The last thread takes the only chunk of every launch that has one.
TEST(BarriersTest, NoneBetweenSingleChunks) {
  const char* steps = R"(  launch @single(x, a)
  launch @single(a, b)
  launch @rows(b, c) symbols(n)
  launch @single(c, y)
)";
  EXPECT_EQ(Placed(steps), steps);
}

TEST(BarriersTest, SingleChunksMeetManyChunks) {
  EXPECT_EQ(Placed(R"(  launch @single(x, a)
  launch @copy(a, y)
)"),
            R"(  launch @single(x, a)
  barrier
  launch @copy(a, y)
)");
}

TEST(BarriersTest, WhatIsReadOutsideParallelIsReadByAll) {
  EXPECT_EQ(Placed(R"(  launch @single(x, a)
  launch @outside(a, y)
)"),
            R"(  launch @single(x, a)
  barrier
  launch @outside(a, y)
)");
}

// Buffers that take turns in the same memory conflict like one.
TEST(BarriersTest, SharedMemory) {
  EXPECT_EQ(Placed(R"(  launch @copy(x, a)
  barrier
  launch @copy(a, y)
  launch @copy(x, shares_a)
)"),
            R"(  launch @copy(x, a)
  barrier
  launch @copy(a, y)
  barrier
  launch @copy(x, shares_a)
)");
}

TEST(BarriersTest, LoopsMeetThemselves) {
  EXPECT_EQ(Placed(R"(  launch @copy(x, a)
  launch @copy(x, y)
  repeat i < n {
    launch @copy(a, b)
    launch @copy(b, a)
  }
)"),
            R"(  launch @copy(x, a)
  launch @copy(x, y)
  repeat i < n {
    barrier
    launch @copy(a, b)
    barrier
    launch @copy(b, a)
  }
)");
  // The turn itself needs one here: the first launch of the body meets nothing from before the
  // loop.
  EXPECT_EQ(Placed(R"(  launch @single(x, a)
  launch @copy(x, y)
  repeat i < n {
    launch @single(x, c)
    launch @copy(x, c)
  }
)"),
            R"(  launch @single(x, a)
  launch @copy(x, y)
  repeat i < n {
    launch @single(x, c)
    barrier
    launch @copy(x, c)
    barrier
  }
)");
}

TEST(BarriersTest, PredicatesAreReadByAll) {
  EXPECT_EQ(Placed(R"(  launch @copy(x, y)
  launch @single(x, a)
  while p {
    launch @flag(a, p)
  } do {
    launch @single(x, a)
  }
  launch @flag(a, p)
)"),
            R"(  launch @copy(x, y)
  launch @single(x, a)
  while p {
    launch @flag(a, p)
    barrier
  } do {
    launch @single(x, a)
    barrier
  }
  barrier
  launch @flag(a, p)
)");
  EXPECT_EQ(Placed(R"(  launch @flag(x, p)
  branch p {
    launch @copy(x, y)
  } else {
    launch @single(x, y)
  }
  launch @single(y, a)
)"),
            R"(  launch @flag(x, p)
  barrier
  branch p {
    launch @copy(x, y)
  } else {
    launch @single(x, y)
  }
  barrier
  launch @single(y, a)
)");
}

TEST(UsageTest, ProgramsThatOneThreadDoesAllOf) {
  const auto one_thread = [](absl::string_view steps) {
    absl::StatusOr<Program> program = kernel::ParseProgram(absl::StrCat(kHead, steps, "}"));
    EXPECT_TRUE(program.ok()) << program.status();
    return RunsOnOneThread(*program);
  };
  EXPECT_TRUE(one_thread(""));
  EXPECT_TRUE(one_thread("launch @single(x, a)\nlaunch @rows(a, y) symbols(n)\n"));
  EXPECT_FALSE(one_thread("launch @single(x, a)\nlaunch @copy(a, y)\n"));
  EXPECT_FALSE(one_thread("launch @rows(a, y) symbols(n*2)\n"));
  EXPECT_TRUE(one_thread("repeat i < n {\nlaunch @single(x, a)\n}\n"));
  EXPECT_FALSE(one_thread("repeat i < n {\nlaunch @copy(x, a)\n}\n"));
  EXPECT_TRUE(one_thread("while p {\nlaunch @flag(a, p)\n} do {\nlaunch @single(x, a)\n}\n"));
  EXPECT_FALSE(one_thread("while p {\nlaunch @flag(a, p)\n} do {\nlaunch @copy(x, a)\n}\n"));
  EXPECT_FALSE(one_thread("branch p {\nlaunch @single(x, y)\n} else {\nlaunch @copy(x, y)\n}\n"));
}

}  // namespace
}  // namespace tenon::passes
