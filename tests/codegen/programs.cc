#include "tests/codegen/programs.h"

#include <string>
#include <utility>

namespace tenon::codegen {

using ir::Dim;
using ir::DType;
using ir::ScalarOp;
using kernel::BufferKind;
using kernel::KernelBuilder;
using kernel::Program;
using kernel::Step;
using kernel::ValueId;

namespace {

// out[0] = in[0] < limit.
kernel::Kernel Below() {
  KernelBuilder k("below");
  const int in = k.AddParam({.name = "in", .dtype = DType::kI64});
  const int out =
      k.AddParam({.name = "out", .dtype = DType::kBool, .written = true, .read = false});
  const ValueId limit = k.Symbol("limit");
  k.Parallel(k.ConstI64(1), [&](ValueId) {
    const ValueId v = k.Load(DType::kI64, 1, 1, {.buffer = in, .offset = k.ConstI64(0)});
    k.Store(k.Scalar(ScalarOp::kLt, {v, limit}), {.buffer = out, .offset = k.ConstI64(0)});
  });
  return k.Finish();
}

}  // namespace

kernel::Kernel Rotate() {
  KernelBuilder k("rotate");
  const int in = k.AddParam({.name = "in", .dtype = DType::kI64});
  const int out = k.AddParam({.name = "out", .dtype = DType::kI64, .written = true, .read = false});
  const ValueId n = k.Symbol("n");
  k.Parallel(k.CeilDiv(n, 8), [&](ValueId chunk) {
    const ValueId first = k.Mul(chunk, k.ConstI64(8));
    k.For(first, k.Min(k.Add(first, k.ConstI64(8)), n), 1, {},
          [&](ValueId i, std::vector<ValueId>) -> std::vector<ValueId> {
            const ValueId next = k.Add(i, k.ConstI64(1));
            const ValueId wrapped = k.Scalar(
                ScalarOp::kSelect, {k.Scalar(ScalarOp::kEq, {next, n}), k.ConstI64(0), next});
            const ValueId v = k.Load(DType::kI64, 1, 1, {.buffer = in, .offset = wrapped});
            k.Store(k.Add(v, k.ConstI64(1)), {.buffer = out, .offset = i});
            return {};
          });
  });
  return k.Finish();
}

Step Launch(int kernel, std::vector<kernel::BufferArg> args, std::vector<Dim> symbols) {
  Step step;
  step.launch.kernel = kernel;
  step.launch.args = std::move(args);
  step.launch.symbols = std::move(symbols);
  return step;
}
Step Barrier() {
  Step step;
  step.kind = Step::Kind::kBarrier;
  return step;
}

kernel::Buffer BindingBuffer(int binding, DType dtype, Dim size) {
  kernel::Buffer buffer;
  buffer.name = "binding" + std::to_string(binding);
  buffer.kind = BufferKind::kBinding;
  buffer.dtype = dtype;
  buffer.size = std::move(size);
  buffer.binding = binding;
  return buffer;
}

Program RotationProgram() {
  Program program;
  program.name = "rotation";
  program.symbols = {{"n", 200}, {"times", 1000}};
  const Dim n = Dim("n").AtMost(200);
  program.bindings.resize(2);
  program.bindings[0] = {.name = "x", .type = {DType::kI64, {n}}};
  program.bindings[1] = {.name = "y", .is_output = true, .type = {DType::kI64, {n}}};
  program.buffers.push_back(BindingBuffer(0, DType::kI64, n));
  program.buffers.push_back(BindingBuffer(1, DType::kI64, n));
  for (int i = 0; i < 3; ++i) {
    kernel::Buffer buffer;
    buffer.name = "arena" + std::to_string(i);
    buffer.dtype = i < 2 ? DType::kI64 : DType::kBool;
    buffer.size = i < 2 ? n : Dim(1);
    buffer.offset = i * 1664;
    program.buffers.push_back(buffer);
  }
  program.arena_bytes = 2 * 1664 + 1;
  program.kernels.push_back(Rotate());
  program.kernels.push_back(Below());
  program.sites.resize(4);
  return program;
}

Step RotateStep(int from, int to) {
  return Launch(0, {{from, 0}, {to, 0}}, {Dim("n").AtMost(200)});
}

Program RepeatProgram() {
  Program program = RotationProgram();
  program.step = {RotateStep(0, 2), Barrier()};
  Step repeat;
  repeat.kind = Step::Kind::kRepeat;
  repeat.repeat.variable = "%i0";
  repeat.repeat.trip_count = Dim("times").AtMost(1000);
  repeat.repeat.body = {RotateStep(2, 3), Barrier(), RotateStep(3, 2), Barrier()};
  program.step.push_back(repeat);
  program.step.push_back(RotateStep(2, 1));
  return program;
}

ir::Literal Numbers(int64_t n) {
  ir::Literal literal(DType::kI64, {n});
  for (int64_t i = 0; i < n; ++i) literal.mutable_data<int64_t>()[i] = i * i;
  return literal;
}

Loaded CompileFor(Program program, const ir::TargetDesc& target) {
  program.has_fma = target.has_fma;
  absl::StatusOr<Artifact> artifact = Compile(program, target);
  EXPECT_TRUE(artifact.ok()) << artifact.status();
  absl::StatusOr<std::unique_ptr<LoadedProgram>> loaded = Load(*artifact);
  EXPECT_TRUE(loaded.ok()) << loaded.status();
  return {*std::move(artifact), *std::move(loaded)};
}

}  // namespace tenon::codegen
