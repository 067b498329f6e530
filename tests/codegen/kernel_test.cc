// Tiles, memory references and control flow: native code against the kernel interpreter.
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "tests/codegen/harness.h"

namespace tenon::codegen {
namespace {

using ir::DType;
using ir::ScalarOp;
using kernel::KernelBuilder;
using kernel::MemRef;
using kernel::ValueId;
using Values = std::vector<ValueId>;

// out[0, rows x lanes) = body(in), in one chunk.
kernel::Program OneChunk(DType in_type, int64_t in_size, DType out_type, int64_t out_size,
                         const std::function<void(KernelBuilder&, int in, int out)>& body) {
  KernelBuilder k("kernel");
  const int in = k.AddParam({.name = "in", .dtype = in_type});
  const int out = k.AddParam({.name = "out", .dtype = out_type, .written = true, .read = false});
  k.Parallel(k.ConstI64(1), [&](ValueId) { body(k, in, out); });
  return ProgramOf(k.Finish(), {in_size, out_size});
}

void Check(const kernel::Program& program) {
  std::vector<ir::Literal> inputs;
  for (const kernel::Binding& b : program.bindings) {
    if (b.is_output) continue;
    inputs.push_back(Provocative(b.type.dtype, b.type.dims[0].constant(), inputs.size()));
  }
  ExpectNativeEqualsInterpreter(program, {}, inputs, Emulate::kYes);
}

void StoreAll(KernelBuilder& k, ValueId value, int out) {
  const ValueId stride = k.ConstI64(k.type(value).lanes);
  k.Store(value, {.buffer = out, .offset = k.ConstI64(0), .row_stride = stride});
}

TEST(Tile, Transpose) {
  const std::pair<int, int> shapes[] = {{16, 16}, {8, 8},  {4, 4},   {4, 16}, {16, 4},
                                        {32, 16}, {1, 16}, {16, 32}, {2, 8},  {1, 4}};
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kI8, DType::kBF16}) {
    std::vector<kernel::Program> programs;
    for (const auto& [rows, lanes] : shapes) {
      programs.push_back(OneChunk(
          dtype, rows * lanes, dtype, rows * lanes, [&](KernelBuilder& k, int in, int out) {
            const ValueId v =
                k.Load(dtype, rows, lanes,
                       {.buffer = in, .offset = k.ConstI64(0), .row_stride = k.ConstI64(lanes)});
            StoreAll(k, k.Transpose(v), out);
          }));
    }
    Check(Join(programs));
  }
}

TEST(Tile, ReducesLanesAndRowsByTheDocumentedTrees) {
  std::vector<kernel::Program> programs;
  for (const ir::Combiner combiner :
       {ir::Combiner::kSum, ir::Combiner::kProd, ir::Combiner::kMax, ir::Combiner::kMin}) {
    for (const DType dtype : {DType::kF32, DType::kF64, DType::kI32, DType::kU8}) {
      for (const int lanes : {1, 2, 4, 16, 64}) {
        programs.push_back(
            OneChunk(dtype, 8 * lanes, dtype, 8 + lanes, [&](KernelBuilder& k, int in, int out) {
              const ValueId v =
                  k.Load(dtype, 8, lanes,
                         {.buffer = in, .offset = k.ConstI64(0), .row_stride = k.ConstI64(lanes)});
              StoreAll(k, k.ReduceLanes(combiner, v), out);
              k.Store(k.ReduceRows(combiner, v), {.buffer = out, .offset = k.ConstI64(8)});
            }));
      }
    }
  }
  Check(Join(programs));
}

TEST(Tile, ExtractRowConcatSplat) {
  Check(OneChunk(DType::kF32, 3 * 32, DType::kF32, 5 * 32, [](KernelBuilder& k, int in, int out) {
    const ValueId v = k.Load(DType::kF32, 3, 32,
                             {.buffer = in, .offset = k.ConstI64(0), .row_stride = k.ConstI64(32)});
    const ValueId lane = k.Splat(k.Extract(v, 19), 3, 32);
    StoreAll(k, k.ConcatRows({k.Row(v, 2), lane, k.Splat(k.Row(v, 1), 1, 32)}), out);
  }));
}

// Lanes of short vectors, each stretched to longer ones of several lengths: loaded, computed and
// carried by a loop.
TEST(Tile, LanesOfShortVectorsStretch) {
  std::vector<kernel::Program> programs;
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kI32}) {
    for (const int lanes : {4, 8, 16, 48}) {
      programs.push_back(
          OneChunk(dtype, 64, dtype, 4 * 3 * lanes, [&](KernelBuilder& k, int in, int out) {
            const ValueId row = k.Load(dtype, 1, lanes, {.buffer = in, .offset = k.ConstI64(9)});
            ValueId group = k.Load(
                dtype, 3, 4, {.buffer = in, .offset = k.ConstI64(1), .row_stride = k.ConstI64(5)});
            if (lanes == 8) group = k.Add(group, group);
            if (lanes == 16) {
              group =
                  k.For(k.ConstI64(0), k.ConstI64(3), 1, {group},
                        [&](ValueId, std::vector<ValueId> carried) {
                          return std::vector<ValueId>{k.Add(carried[0], k.Extract(carried[0], 2))};
                        })[0];
            }
            std::vector<ValueId> sums;
            for (int lane = 0; lane < 4; ++lane) sums.push_back(k.Add(k.Extract(group, lane), row));
            StoreAll(k, k.ConcatRows(sums), out);
          }));
    }
  }
  Check(Join(programs));
}

TEST(Tile, BroadcastsRowsAndLanes) {
  Check(OneChunk(DType::kF32, 100, DType::kF32, 6 * 48, [](KernelBuilder& k, int in, int out) {
    const ValueId column = k.Load(
        DType::kF32, 6, 1, {.buffer = in, .offset = k.ConstI64(0), .row_stride = k.ConstI64(3)});
    const ValueId row = k.Load(DType::kF32, 1, 48, {.buffer = in, .offset = k.ConstI64(40)});
    StoreAll(k, k.Scalar(ScalarOp::kFma, {column, row, row}), out);
  }));
}

// All kinds of limits and strides, on whole and partial tiles.
TEST(Memory, StridesCountsAndPredicates) {
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kI8, DType::kBF16, DType::kBool}) {
    std::vector<kernel::Program> programs;
    for (const int64_t lane_stride : {1, 0, 2, 5}) {
      for (const int64_t count : {-1, 0, 1, 7, 15, 16, 31, 32}) {  // -1: no limit
        const int64_t used = count < 0 ? 32 : count;
        const int64_t reach = used == 0 ? 0 : (used - 1) * lane_stride + 1;
        programs.push_back(
            OneChunk(dtype, 40 + reach, dtype, 2 * 32, [&](KernelBuilder& k, int in, int out) {
              MemRef from{.buffer = in, .offset = k.ConstI64(0), .row_stride = k.ConstI64(40)};
              if (lane_stride != 1) from.lane_stride = k.ConstI64(lane_stride);
              if (count >= 0) from.lane_count = k.ConstI64(count);
              StoreAll(k, k.Load(dtype, 2, 32, from), out);
            }));
      }
    }
    Check(Join(programs));
  }
}

// Stores whose count is a constant, up to the very end of the buffer; also of values that were just
// narrowed, which LLVM likes to fold into the store.
TEST(Memory, StoresOfConstantCounts) {
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kI8, DType::kBF16, DType::kF16}) {
    std::vector<kernel::Program> programs;
    for (const int64_t count : {1, 2, 3, 15}) {
      programs.push_back(
          OneChunk(DType::kF32, 16, dtype, count, [&](KernelBuilder& k, int in, int out) {
            const ValueId v = k.Load(DType::kF32, 1, 16, {.buffer = in, .offset = k.ConstI64(0)});
            k.Store(k.Cast(dtype, v),
                    {.buffer = out, .offset = k.ConstI64(0), .lane_count = k.ConstI64(count)});
          }));
    }
    Check(Join(programs));
  }
}

// The same with counts that are known at run time only, and stores limited as well.
TEST(Memory, CountsAtRunTime) {
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kU8, DType::kF16, DType::kBool}) {
    for (const int lanes : {1, 4, 16, 48}) {
      KernelBuilder k("counts");
      const int in = k.AddParam({.name = "in", .dtype = dtype});
      const int out = k.AddParam({.name = "out", .dtype = dtype, .written = true, .read = false});
      const ValueId n = k.Symbol("n");
      k.Parallel(k.CeilDiv(n, 3 * lanes), [&](ValueId chunk) {
        const ValueId offset = k.Mul(chunk, k.ConstI64(3 * lanes));
        const ValueId left = k.Min(k.Sub(n, offset), k.ConstI64(3 * lanes));
        // Three rows of `lanes` elements, of which the last ones may be beyond the end.
        const ValueId rows = k.Div(left, lanes);
        MemRef mem{
            .buffer = in, .offset = offset, .row_stride = k.ConstI64(lanes), .row_count = rows};
        const ValueId v = k.Load(dtype, 3, lanes, mem);
        mem.buffer = out;
        k.Store(v, mem);
        const ValueId done = k.Mul(rows, k.ConstI64(lanes));
        MemRef tail{.buffer = in, .offset = k.Add(offset, done), .lane_count = k.Sub(left, done)};
        const ValueId rest = k.Load(dtype, 1, lanes, tail);
        tail.buffer = out;
        k.Store(rest, tail);
      });
      const ir::Dim dim = ir::Dim("n").AtMost(1000);
      const kernel::Program program = ProgramOf(k.Finish(), {dim, dim}, {{"n", 1000}});
      for (const int64_t size : {0, 1, 3 * lanes, 3 * lanes - 1, 157, 1000}) {
        if (size < 0) continue;
        ExpectNativeEqualsInterpreter(program, {size}, {Provocative(dtype, size, 5)});
      }
    }
  }
}

TEST(Memory, PredicatesAndOffsets) {
  for (const DType dtype : {DType::kF32, DType::kI64, DType::kI8}) {
    KernelBuilder k("gather");
    const int in = k.AddParam({.name = "in", .dtype = dtype});
    const int index = k.AddParam({.name = "index", .dtype = DType::kI64});
    const int out = k.AddParam({.name = "out", .dtype = dtype, .written = true, .read = false});
    k.Parallel(k.ConstI64(1), [&](ValueId) {
      const ValueId zero = k.ConstI64(0);
      const ValueId raw = k.Load(DType::kI64, 1, 16, {.buffer = index, .offset = zero});
      const ValueId size = k.ConstI64(50);
      const ValueId valid = k.Scalar(ScalarOp::kAnd, {k.Scalar(ScalarOp::kGe, {raw, zero}),
                                                      k.Scalar(ScalarOp::kLt, {raw, size})});
      const ValueId masked =
          k.Load(dtype, 1, 16, {.buffer = in, .offset = raw, .predicate = valid});
      const ValueId safe = k.Scalar(ScalarOp::kSelect, {valid, raw, k.Splat(zero, 1, 16)});
      const ValueId plain = k.Load(dtype, 1, 16, {.buffer = in, .offset = safe});
      // Scattered with gaps, then the gaps.
      const ValueId twice = k.Scalar(ScalarOp::kMul, {k.Iota(16), k.ConstI64(2)});
      k.Store(masked, {.buffer = out, .offset = twice});
      k.Store(plain, {.buffer = out, .offset = k.Scalar(ScalarOp::kAdd, {twice, k.ConstI64(1)})});
      // A predicate by rows, which leaves every second row.
      const ValueId rows =
          k.Load(DType::kI64, 4, 1, {.buffer = index, .offset = zero, .row_stride = k.ConstI64(1)});
      const ValueId even =
          k.Scalar(ScalarOp::kEq, {k.Scalar(ScalarOp::kAnd, {rows, k.ConstI64(1)}), zero});
      const ValueId v =
          k.Load(dtype, 4, 1,
                 {.buffer = in, .offset = zero, .row_stride = k.ConstI64(2), .predicate = even});
      k.Store(v, {.buffer = out, .offset = k.ConstI64(32), .row_stride = k.ConstI64(1)});
      k.Store(k.Splat(k.Extract(plain, 3), 1, 4), {.buffer = out, .offset = k.ConstI64(36)});
    });
    const kernel::Program program = ProgramOf(k.Finish(), {50, 16, 40});
    ir::Literal indices(DType::kI64, {16});
    for (int64_t i = 0; i < 16; ++i) indices.mutable_data<int64_t>()[i] = (i * 37 + 3) % 61 - 5;
    ExpectNativeEqualsInterpreter(program, {}, {Provocative(dtype, 50, 9), indices});
  }
}

TEST(Memory, NonTemporalStoresReachUnalignedBuffersToo) {
  for (const int64_t shift : {0, 1}) {
    Check(OneChunk(DType::kF32, 65, DType::kF32, 65, [&](KernelBuilder& k, int in, int out) {
      const ValueId v = k.Load(DType::kF32, 1, 64, {.buffer = in, .offset = k.ConstI64(shift)});
      k.Store(v, {.buffer = out, .offset = k.ConstI64(shift), .non_temporal = true});
      const int64_t other = shift == 0 ? 64 : 0;
      const ValueId one = k.Load(DType::kF32, 1, 1, {.buffer = in, .offset = k.ConstI64(other)});
      k.Store(one, {.buffer = out, .offset = k.ConstI64(other)});
      k.Fence();
    }));
  }
}

// Within the buffer, before it, and where nothing is mapped; in a loop and outside of one.
TEST(Memory, PrefetchesChangeNothing) {
  Check(OneChunk(DType::kF32, 64, DType::kF32, 64, [&](KernelBuilder& k, int in, int out) {
    for (const int level : {1, 2, 3}) k.Prefetch(in, k.ConstI64(-(int64_t{1} << 40)), 100, level);
    k.For(k.ConstI64(0), k.ConstI64(64), 16, {}, [&](ValueId i, Values) {
      k.Prefetch(in, k.Add(i, k.ConstI64(32)), 16, 1);
      k.Prefetch(out, k.Mul(i, k.ConstI64(int64_t{1} << 38)), 16, 2);
      k.Store(k.Load(DType::kF32, 1, 16, {.buffer = in, .offset = i}),
              {.buffer = out, .offset = i});
      return Values();
    });
  }));
}

// Locals on the stack and in the scratch memory behind the arena.
TEST(Memory, LocalsSmallAndBig) {
  KernelBuilder k("locals");
  const int in = k.AddParam({.name = "in", .dtype = DType::kF32});
  const int out = k.AddParam({.name = "out", .dtype = DType::kF32, .written = true, .read = false});
  const int small = k.AddLocal({.name = "small", .dtype = DType::kF32, .size = 64});
  const int big = k.AddLocal({.name = "big", .dtype = DType::kF32, .size = 2000});
  const int bigger = k.AddLocal({.name = "bigger", .dtype = DType::kF64, .size = 1001});
  k.Parallel(k.ConstI64(6), [&](ValueId chunk) {
    const ValueId offset = k.Mul(chunk, k.ConstI64(16));
    const ValueId v = k.Load(DType::kF32, 1, 16, {.buffer = in, .offset = offset});
    k.Store(v, {.buffer = small, .offset = k.ConstI64(48)});
    k.Store(v, {.buffer = big, .offset = k.ConstI64(1984)});
    k.Store(k.Cast(DType::kF64, v), {.buffer = bigger, .offset = k.ConstI64(985)});
    const ValueId a = k.Load(DType::kF32, 1, 16, {.buffer = small, .offset = k.ConstI64(48)});
    const ValueId b = k.Load(DType::kF32, 1, 16, {.buffer = big, .offset = k.ConstI64(1984)});
    const ValueId c = k.Load(DType::kF64, 1, 16, {.buffer = bigger, .offset = k.ConstI64(985)});
    const ValueId sum =
        k.Scalar(ScalarOp::kAdd, {k.Scalar(ScalarOp::kAdd, {a, b}), k.Cast(DType::kF32, c)});
    k.Store(sum, {.buffer = out, .offset = offset});
  });
  Check(ProgramOf(k.Finish(), {96, 96}));
}

// c[m, n] += a[m, k] b[k, n] by tiles: the loop of every contraction, at every unroll factor, with
// trip counts that leave a rest.
TEST(Control, ContractionLoop) {
  for (const bool symbolic : {false, true}) {
    std::vector<kernel::Program> programs;
    std::vector<ir::Literal> inputs;
    for (const int unroll : {1, 2, 4, 8}) {
      constexpr int64_t kDepth = 23;
      KernelBuilder k("contraction");
      const int a = k.AddParam({.name = "a", .dtype = DType::kF32});
      const int b = k.AddParam({.name = "b", .dtype = DType::kF32});
      const int c = k.AddParam({.name = "c", .dtype = DType::kF32, .written = true, .read = false});
      const ValueId depth = symbolic ? k.Symbol("k") : k.ConstI64(kDepth);
      k.Parallel(k.ConstI64(2), [&](ValueId chunk) {
        const ValueId first = k.Mul(chunk, k.ConstI64(4));
        const Values sums = k.For(
            k.ConstI64(0), depth, 1, {k.Const(DType::kF32, 0, 4, 32)},
            [&](ValueId i, Values carried) -> Values {
              const ValueId column = k.Load(
                  DType::kF32, 4, 1,
                  {.buffer = a, .offset = k.Add(k.Mul(first, depth), i), .row_stride = depth});
              const ValueId row =
                  k.Load(DType::kF32, 1, 32, {.buffer = b, .offset = k.Mul(i, k.ConstI64(32))});
              return {k.Scalar(ScalarOp::kFma, {column, row, carried[0]})};
            },
            unroll);
        k.Store(
            sums[0],
            {.buffer = c, .offset = k.Mul(first, k.ConstI64(32)), .row_stride = k.ConstI64(32)});
      });
      const ir::Dim dim = symbolic ? ir::Dim("k").AtMost(64) : ir::Dim(kDepth);
      programs.push_back(ProgramOf(
          k.Finish(), {dim * 8, dim * 32, 256},
          symbolic ? std::vector<kernel::Symbol>{{"k", 64}} : std::vector<kernel::Symbol>{}));
    }
    const kernel::Program program = Join(programs);
    for (const int64_t depth : {0, 1, 3, 4, 9, 23, 64}) {
      if (!symbolic && depth != 23) continue;
      std::vector<ir::Literal> values;
      for (size_t i = 0; i < programs.size(); ++i) {
        values.push_back(Provocative(DType::kF32, 8 * depth, i));
        values.push_back(Provocative(DType::kF32, 32 * depth, i + 50));
      }
      ExpectNativeEqualsInterpreter(
          program, symbolic ? std::vector<int64_t>{depth} : std::vector<int64_t>{}, values);
    }
  }
}

// Nested loops with several carried values, steps above one, bounds from an outer loop, strides
// that are products of values, and a loop that is unrolled away.
TEST(Control, NestedLoops) {
  KernelBuilder k("nested");
  const int in = k.AddParam({.name = "in", .dtype = DType::kI64});
  const int out = k.AddParam({.name = "out", .dtype = DType::kI64, .written = true, .read = false});
  const ValueId n = k.Symbol("n");
  k.Parallel(k.ConstI64(1), [&](ValueId) {
    const ValueId zero = k.ConstI64(0);
    const Values result = k.For(zero, n, 2, {zero, k.ConstI64(1)}, [&](ValueId i, Values outer) {
      const Values inner = k.For(
          i, n, 3, outer,
          [&](ValueId j, Values c) -> Values {
            const ValueId at = k.Rem(k.Add(k.Mul(i, n), k.Mul(j, k.ConstI64(3))), 100);
            const ValueId x = k.Load(DType::kI64, 1, 1, {.buffer = in, .offset = at});
            const ValueId row = k.Load(DType::kI64, 1, 4,
                                       {.buffer = in,
                                        .offset = k.Sub(k.Mul(j, k.ConstI64(2)), i),
                                        .lane_count = k.Sub(n, j)});
            const ValueId sum = k.ReduceLanes(ir::Combiner::kSum, row);
            return {k.Add(k.Add(c[0], x), sum), k.Scalar(ScalarOp::kXor, {c[1], k.Mul(c[0], x)})};
          },
          2);
      const Values unrolled = k.For(
          zero, k.ConstI64(5), 2, inner,
          [&](ValueId u, Values c) -> Values {
            const ValueId x = k.Load(DType::kI64, 1, 1, {.buffer = in, .offset = k.Add(u, i)});
            return {k.Add(c[0], k.Mul(x, u)), c[1]};
          },
          0);
      return unrolled;
    });
    k.Store(result[0], {.buffer = out, .offset = zero});
    k.Store(result[1], {.buffer = out, .offset = k.ConstI64(1)});
  });
  const kernel::Program program = ProgramOf(k.Finish(), {140, 2}, {{"n", 40}});
  for (const int64_t n_value : {0, 1, 2, 7, 40}) {
    ExpectNativeEqualsInterpreter(program, {n_value}, {Provocative(DType::kI64, 140, 1)});
  }
}

TEST(Control, Conditionals) {
  KernelBuilder k("if");
  const int in = k.AddParam({.name = "in", .dtype = DType::kF32});
  const int out = k.AddParam({.name = "out", .dtype = DType::kF32, .written = true, .read = false});
  k.Parallel(k.ConstI64(9), [&](ValueId chunk) {
    const ValueId offset = k.Mul(chunk, k.ConstI64(16));
    const ValueId v = k.Load(DType::kF32, 1, 16, {.buffer = in, .offset = offset});
    const ValueId odd = k.Scalar(ScalarOp::kEq, {k.Rem(chunk, 2), k.ConstI64(1)});
    const Values chosen = k.If(
        odd,
        [&]() -> Values {
          return {k.Scalar(ScalarOp::kAdd, {v, v}), chunk};
        },
        [&]() -> Values {
          return {v, k.ConstI64(0)};
        });
    const ValueId big = k.Scalar(ScalarOp::kGt, {chosen[1], k.ConstI64(4)});
    k.Store(chosen[0], {.buffer = out, .offset = offset});
    k.If(
        big,
        [&]() -> Values {
          k.Store(k.Const(DType::kF32, 7, 1, 4), {.buffer = out, .offset = offset});
          return {};
        },
        [&]() -> Values { return {}; });
  });
  Check(ProgramOf(k.Finish(), {144, 144}));
}

TEST(Control, FaultsReportTheFirstLane) {
  for (const int64_t bad : {-1, 0, 5, 15}) {
    const kernel::Program program =
        OneChunk(DType::kI64, 16, DType::kI64, 16, [](KernelBuilder& k, int in, int out) {
          const ValueId v = k.Load(DType::kI64, 1, 16, {.buffer = in, .offset = k.ConstI64(0)});
          k.Fault(k.Scalar(ScalarOp::kLt, {v, k.ConstI64(0)}), TENON_INDEX_OUT_OF_RANGE, 3, v);
          k.Store(v, {.buffer = out, .offset = k.ConstI64(0)});
        });
    ir::Literal input(DType::kI64, {16});
    if (bad >= 0) {
      input.mutable_data<int64_t>()[bad] = -100 - bad;
      input.mutable_data<int64_t>()[15] = -115;
    }
    ExpectNativeEqualsInterpreter(program, {}, {input});
  }
}

}  // namespace
}  // namespace tenon::codegen
