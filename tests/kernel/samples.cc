#include "tests/kernel/samples.h"

#include <limits>

namespace tenon::kernel {

using ir::Combiner;
using ir::Dim;
using ir::ScalarOp;

int AddBinding(Program* program, const std::string& name, bool is_output, DType dtype,
               std::vector<Dim> dims, ir::InputKind kind) {
  Binding binding{.name = name, .is_output = is_output, .kind = kind};
  binding.type.dtype = dtype;
  binding.type.dims = std::move(dims);
  Buffer buffer{.name = name, .kind = BufferKind::kBinding, .dtype = dtype};
  buffer.size = binding.type.NumElements();
  buffer.binding = static_cast<int32_t>(program->bindings.size());
  program->bindings.push_back(std::move(binding));
  program->buffers.push_back(std::move(buffer));
  return static_cast<int>(program->buffers.size()) - 1;
}

int AddArena(Program* program, const std::string& name, DType dtype, Dim size) {
  Buffer buffer{.name = name, .kind = BufferKind::kArena, .dtype = dtype};
  buffer.size = std::move(size);
  program->buffers.push_back(std::move(buffer));
  return static_cast<int>(program->buffers.size()) - 1;
}

Step LaunchStep(int kernel, std::vector<BufferArg> args, std::vector<Dim> symbols) {
  Step step;
  step.launch = {kernel, std::move(args), std::move(symbols)};
  return step;
}

Step BarrierStep() {
  Step step;
  step.kind = Step::Kind::kBarrier;
  return step;
}

Program VectorAddProgram() {
  Program program;
  program.name = "vector_add";
  program.symbols = {{"n", 1000}};
  const Dim n = Dim("n").AtMost(1000);
  const int x = AddBinding(&program, "x", false, DType::kF32, {n});
  const int y = AddBinding(&program, "y", false, DType::kF32, {n});
  const int z = AddBinding(&program, "z", true, DType::kF32, {n});

  KernelBuilder k("add");
  const int px = k.AddParam({.name = "x"});
  const int py = k.AddParam({.name = "y"});
  const int pz = k.AddParam({.name = "z", .written = true, .read = false});
  const ValueId size = k.Symbol("n");
  k.Parallel(k.CeilDiv(size, 64), [&](ValueId chunk) {
    const ValueId low = k.Mul(chunk, k.ConstI64(64));
    const ValueId high = k.Min(k.Add(low, k.ConstI64(64)), size);
    k.For(low, high, 16, {}, [&](ValueId i, std::vector<ValueId>) {
      const ValueId count = k.Min(k.Sub(size, i), k.ConstI64(16));
      const ValueId a =
          k.Load(DType::kF32, 1, 16, {.buffer = px, .offset = i, .lane_count = count});
      const ValueId b =
          k.Load(DType::kF32, 1, 16, {.buffer = py, .offset = i, .lane_count = count});
      k.Store(k.Add(a, b), {.buffer = pz, .offset = i, .lane_count = count});
      return std::vector<ValueId>();
    });
  });
  program.kernels.push_back(k.Finish());
  program.step = {LaunchStep(0, {{x}, {y}, {z}}, {n})};
  return program;
}

namespace {

// packed[p][i][0..47] = b[i][48p...], zero beyond column n. One chunk a panel.
Kernel PackKernel(int64_t k_size, int64_t n) {
  KernelBuilder k("pack");
  const int b = k.AddParam({.name = "b"});
  const int packed = k.AddParam({.name = "packed", .written = true, .read = false});
  k.Parallel(k.ConstI64((n + 47) / 48), [&](ValueId panel) {
    const ValueId column = k.Mul(panel, k.ConstI64(48));
    const ValueId count = k.Min(k.Sub(k.ConstI64(n), column), k.ConstI64(48));
    k.For(k.ConstI64(0), k.ConstI64(k_size), 1, {}, [&](ValueId i, std::vector<ValueId>) {
      const ValueId row = k.Add(k.Mul(i, k.ConstI64(n)), column);
      const ValueId v =
          k.Load(DType::kF32, 1, 48, {.buffer = b, .offset = row, .lane_count = count});
      const ValueId to = k.Mul(k.Add(k.Mul(panel, k.ConstI64(k_size)), i), k.ConstI64(48));
      k.Store(v, {.buffer = packed, .offset = to});
      return std::vector<ValueId>();
    });
  });
  return k.Finish();
}

// One chunk a tile of 8 x 48.
Kernel TileKernel(int64_t m, int64_t k_size, int64_t n) {
  KernelBuilder k("tile");
  const int a = k.AddParam({.name = "a"});
  const int packed = k.AddParam({.name = "packed"});
  const int c = k.AddParam({.name = "c", .written = true, .read = false});
  const int64_t panels = (n + 47) / 48;
  k.Parallel(k.ConstI64((m + 7) / 8 * panels), [&](ValueId tile) {
    const ValueId row = k.Mul(k.Div(tile, panels), k.ConstI64(8));
    const ValueId panel = k.Rem(tile, panels);
    const ValueId rows = k.Min(k.Sub(k.ConstI64(m), row), k.ConstI64(8));
    const ValueId column = k.Mul(panel, k.ConstI64(48));
    const ValueId columns = k.Min(k.Sub(k.ConstI64(n), column), k.ConstI64(48));
    const ValueId sum = k.For(
        k.ConstI64(0), k.ConstI64(k_size), 1, {k.Const(DType::kF32, 0, 8, 48)},
        [&](ValueId i, std::vector<ValueId> carried) {
          const ValueId left = k.Load(DType::kF32, 8, 1,
                                      {.buffer = a,
                                       .offset = k.Add(k.Mul(row, k.ConstI64(k_size)), i),
                                       .row_stride = k.ConstI64(k_size),
                                       .row_count = rows});
          const ValueId at = k.Mul(k.Add(k.Mul(panel, k.ConstI64(k_size)), i), k.ConstI64(48));
          const ValueId right = k.Load(DType::kF32, 1, 48, {.buffer = packed, .offset = at});
          return std::vector<ValueId>{k.Scalar(ScalarOp::kFma, {left, right, carried[0]})};
        },
        4)[0];
    k.Store(sum, {.buffer = c,
                  .offset = k.Add(k.Mul(row, k.ConstI64(n)), column),
                  .row_stride = k.ConstI64(n),
                  .lane_count = columns,
                  .row_count = rows});
  });
  return k.Finish();
}

}  // namespace

Program PackedMatmulProgram(int64_t m, int64_t k, int64_t n) {
  Program program;
  program.name = "matmul";
  const int a = AddBinding(&program, "a", false, DType::kF32, {m, k});
  const int b = AddBinding(&program, "b", false, DType::kF32, {k, n});
  const int c = AddBinding(&program, "c", true, DType::kF32, {m, n});
  const int packed = AddArena(&program, "packed", DType::kF32, (n + 47) / 48 * 48 * k);
  program.kernels = {PackKernel(k, n), TileKernel(m, k, n)};
  program.step = {LaunchStep(0, {{b}, {packed}}), BarrierStep(),
                  LaunchStep(1, {{a}, {packed}, {c}})};
  return program;
}

Program TileDotProgram(int64_t m, int64_t pairs) {
  Program program;
  program.name = "tile_dot";
  const int x = AddBinding(&program, "x", false, DType::kBF16, {m, 2 * pairs});
  const int y = AddBinding(&program, "y", false, DType::kI32, {pairs, 16});
  const int z = AddBinding(&program, "z", true, DType::kF32, {m, 16});

  KernelBuilder k("tile");
  const int px = k.AddParam({.name = "x", .dtype = DType::kBF16});
  const int py = k.AddParam({.name = "y", .dtype = DType::kI32});
  const int pz = k.AddParam({.name = "z", .written = true, .read = false});
  k.Parallel(k.ConstI64((m + 15) / 16), [&](ValueId tile) {
    const ValueId row = k.Mul(tile, k.ConstI64(16)), sixteen = k.ConstI64(16);
    const ValueId rows = k.Min(k.Sub(k.ConstI64(m), row), sixteen);
    const ValueId sum = k.For(
        k.ConstI64(0), k.ConstI64(pairs), 16, {k.Const(DType::kF32, 0, 16, 16)},
        [&](ValueId i, std::vector<ValueId> acc) {
          const ValueId steps = k.Min(k.Sub(k.ConstI64(pairs), i), sixteen);
          const ValueId at = k.Add(k.Mul(row, k.ConstI64(2 * pairs)), k.Mul(i, k.ConstI64(2)));
          const ValueId a = k.Load(DType::kI32, 16, 16,
                                   {.buffer = px,
                                    .offset = at,
                                    .row_stride = k.ConstI64(2 * pairs),
                                    .lane_stride = k.ConstI64(2),
                                    .lane_count = steps,
                                    .row_count = rows});
          const ValueId b = k.Load(DType::kI32, 16, 16,
                                   {.buffer = py,
                                    .offset = k.Mul(i, sixteen),
                                    .row_stride = sixteen,
                                    .row_count = steps});
          return std::vector<ValueId>{k.TileDot(a, b, acc[0])};
        })[0];
    k.Store(
        sum,
        {.buffer = pz, .offset = k.Mul(row, sixteen), .row_stride = sixteen, .row_count = rows});
  });
  program.kernels = {k.Finish()};
  program.step = {LaunchStep(0, {{x}, {y}, {z}})};
  return program;
}

Program SoftmaxProgram() {
  constexpr int64_t kColumns = 37;
  Program program;
  program.name = "softmax";
  program.symbols = {{"m", 64}};
  const Dim m = Dim("m").AtMost(64);
  const int x = AddBinding(&program, "x", false, DType::kF32, {m, kColumns});
  const int y = AddBinding(&program, "y", true, DType::kF32, {m, kColumns});

  KernelBuilder k("softmax");
  const int px = k.AddParam({.name = "x"});
  const int py = k.AddParam({.name = "y", .written = true, .read = false});
  const int row = k.AddLocal({.name = "row", .size = 48});
  const ValueId zero = k.ConstI64(0), columns = k.ConstI64(kColumns);
  k.Parallel(k.Symbol("m"), [&](ValueId chunk) {
    const ValueId base = k.Mul(chunk, columns);
    auto count = [&](ValueId i) { return k.Min(k.Sub(columns, i), k.ConstI64(16)); };
    auto mask = [&](ValueId i) {
      return k.Scalar(ScalarOp::kLt,
                      {k.Add(k.Iota(16), k.Splat(i, 1, 16)), k.Splat(columns, 1, 16)});
    };
    const ValueId lowest = k.Const(DType::kF32, -std::numeric_limits<double>::infinity(), 1, 16);
    const ValueId max = k.For(zero, columns, 16, {lowest}, [&](ValueId i, std::vector<ValueId> m) {
      const ValueId v = k.Load(DType::kF32, 1, 16,
                               {.buffer = px, .offset = k.Add(base, i), .lane_count = count(i)});
      const ValueId masked = k.Scalar(ScalarOp::kSelect, {mask(i), v, lowest});
      return std::vector<ValueId>{k.Max(m[0], masked)};
    })[0];
    const ValueId top = k.ReduceLanes(Combiner::kMax, max);
    const ValueId none = k.Const(DType::kF32, 0, 1, 16);
    const ValueId sum = k.For(zero, columns, 16, {none}, [&](ValueId i, std::vector<ValueId> s) {
      const ValueId v = k.Load(DType::kF32, 1, 16,
                               {.buffer = px, .offset = k.Add(base, i), .lane_count = count(i)});
      const ValueId e = k.Scalar(ScalarOp::kExp, {k.Sub(v, top)});
      const ValueId masked = k.Scalar(ScalarOp::kSelect, {mask(i), e, none});
      k.Store(masked, {.buffer = row, .offset = i});
      return std::vector<ValueId>{k.Add(s[0], masked)};
    })[0];
    const ValueId total = k.ReduceLanes(Combiner::kSum, sum);
    k.For(zero, columns, 16, {}, [&](ValueId i, std::vector<ValueId>) {
      const ValueId e = k.Load(DType::kF32, 1, 16, {.buffer = row, .offset = i});
      k.Store(k.Scalar(ScalarOp::kDiv, {e, total}),
              {.buffer = py, .offset = k.Add(base, i), .lane_count = count(i)});
      return std::vector<ValueId>();
    });
  });
  program.kernels.push_back(k.Finish());
  program.step = {LaunchStep(0, {{x}, {y}}, {m})};
  return program;
}

}  // namespace tenon::kernel
