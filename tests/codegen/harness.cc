#include "tests/codegen/harness.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/codegen/host.h"
#include "tenon/codegen/jit.h"
#include "tenon/ir/check.h"
#include "tenon/ir/kernel/verifier.h"
#include "tenon/runtime/arena.h"
#include "tenon/runtime/team.h"
#include "tests/codegen/emulate.h"

namespace tenon::codegen {
namespace {

// Memory between two pages that fault when they are touched.
class GuardedBuffer {
 public:
  GuardedBuffer(size_t size, bool at_start) : size_(size) {
    constexpr size_t kPage = 4096;
    const size_t inner = (size + kPage - 1) / kPage * kPage;
    mapped_ = inner + 2 * kPage;
    base_ =
        static_cast<char*>(mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    TENON_CHECK(base_ != MAP_FAILED);
    if (inner > 0) TENON_CHECK(mprotect(base_ + kPage, inner, PROT_READ | PROT_WRITE) == 0);
    data_ = at_start ? base_ + kPage : base_ + kPage + inner - size;
  }
  GuardedBuffer(GuardedBuffer&& other) noexcept
      : size_(other.size_),
        mapped_(other.mapped_),
        base_(std::exchange(other.base_, nullptr)),
        data_(other.data_) {}
  ~GuardedBuffer() {
    if (base_ != nullptr) munmap(base_, mapped_);
  }
  char* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  size_t size_, mapped_;
  char* base_;
  char* data_;
};

ir::Extents ExtentsOf(const kernel::Program& program, const std::vector<int64_t>& values) {
  ir::Extents extents;
  for (size_t i = 0; i < values.size(); ++i) extents[program.symbols[i].name] = values[i];
  return extents;
}

template <typename Bits>
bool IsNan(Bits bits, int mantissa) {
  const Bits magnitude = bits & static_cast<Bits>(~(Bits{1} << (sizeof(Bits) * 8 - 1)));
  const Bits infinity =
      static_cast<Bits>(((Bits{1} << (sizeof(Bits) * 8 - 1 - mantissa)) - 1) << mantissa);
  return magnitude > infinity;
}

bool ElementIsNan(ir::DType dtype, const std::byte* element) {
  const auto check = [&](auto bits, int mantissa) {
    std::memcpy(&bits, element, sizeof(bits));
    return IsNan(bits, mantissa);
  };
  if (dtype == ir::DType::kF32) return check(uint32_t{}, 23);
  if (dtype == ir::DType::kF64) return check(uint64_t{}, 52);
  if (dtype == ir::DType::kBF16) return check(uint16_t{}, 7);
  if (dtype == ir::DType::kF16) return check(uint16_t{}, 10);
  return false;
}

uint64_t Mix(uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

std::vector<NamedTarget> RunnableTargets() {
  std::vector<NamedTarget> targets;
  for (NamedTarget t :
       {NamedTarget{"sse2", ir::X86Sse2()}, NamedTarget{"avx2", ir::X86Avx2()},
        NamedTarget{"avx512", ir::X86Avx512()}, NamedTarget{"host", HostTarget()}}) {
    if (HostCanRun(t.target)) targets.push_back(std::move(t));
  }
  return targets;
}

kernel::Program ProgramOf(kernel::Kernel kernel, const std::vector<ir::Dim>& sizes,
                          std::vector<kernel::Symbol> symbols) {
  kernel::Program program;
  program.name = kernel.name;
  program.symbols = std::move(symbols);
  program.sites.resize(8);
  kernel::Launch launch;
  launch.kernel = 0;
  TENON_CHECK(sizes.size() == kernel.params.size());
  for (const bool outputs : {false, true}) {
    for (size_t i = 0; i < sizes.size(); ++i) {
      const kernel::Param& param = kernel.params[i];
      if (param.written != outputs) continue;
      kernel::Binding binding;
      binding.name = param.name;
      binding.is_output = outputs;
      binding.type = {param.dtype, {sizes[i]}};
      program.bindings.push_back(binding);
    }
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    kernel::Buffer buffer;
    buffer.name = kernel.params[i].name;
    buffer.kind = kernel::BufferKind::kBinding;
    buffer.dtype = kernel.params[i].dtype;
    buffer.size = sizes[i];
    for (size_t b = 0; b < program.bindings.size(); ++b) {
      if (program.bindings[b].name == buffer.name) buffer.binding = static_cast<int>(b);
    }
    program.buffers.push_back(buffer);
    launch.args.push_back({static_cast<int>(i), 0});
  }
  for (const std::string& name : kernel.symbols) {
    for (const kernel::Symbol& symbol : program.symbols) {
      if (symbol.name == name) launch.symbols.push_back(ir::Dim(name).AtMost(symbol.bound));
    }
  }
  program.kernels.push_back(std::move(kernel));
  kernel::Step step;
  step.launch = std::move(launch);
  program.step.push_back(std::move(step));
  int64_t scratch = 0;
  for (const kernel::Local& local : program.kernels[0].locals) {
    const int64_t bytes = local.size * ir::ByteSize(local.dtype);
    if (bytes > 4096) scratch += (bytes + 63) / 64 * 64;
  }
  program.scratch_bytes = scratch;
  return program;
}

kernel::Program Join(const std::vector<kernel::Program>& programs) {
  kernel::Program joined;
  joined.name = "joined";
  joined.symbols = programs[0].symbols;
  joined.sites = programs[0].sites;
  for (const kernel::Program& program : programs) {
    const int bindings = static_cast<int>(joined.bindings.size());
    const int buffers = static_cast<int>(joined.buffers.size());
    for (kernel::Binding binding : program.bindings) {
      binding.name = absl::StrCat(binding.name, "_", joined.bindings.size());
      joined.bindings.push_back(binding);
    }
    for (kernel::Buffer buffer : program.buffers) {
      buffer.binding += bindings;
      buffer.name = absl::StrCat(buffer.name, "_", joined.buffers.size());
      joined.buffers.push_back(buffer);
    }
    for (kernel::Step step : program.step) {
      step.launch.kernel += static_cast<int>(joined.kernels.size());
      for (kernel::BufferArg& arg : step.launch.args) arg.buffer += buffers;
      joined.step.push_back(step);
    }
    joined.kernels.insert(joined.kernels.end(), program.kernels.begin(), program.kernels.end());
    joined.scratch_bytes = std::max(joined.scratch_bytes, program.scratch_bytes);
  }
  return joined;
}

absl::StatusOr<ir::Literal> OutputShape(const kernel::Program& program,
                                        const kernel::Binding& binding,
                                        const std::vector<int64_t>& extents) {
  std::vector<int64_t> dims;
  for (const ir::Dim& dim : binding.type.dims) {
    TENON_ASSIGN_OR_RETURN(const int64_t extent, dim.Evaluate(ExtentsOf(program, extents)));
    dims.push_back(extent);
  }
  return ir::Literal(binding.type.dtype, dims);
}

absl::StatusOr<NativeResult> RunNative(const kernel::Program& program, const Artifact& artifact,
                                       const LoadedProgram& loaded,
                                       const std::vector<int64_t>& extents,
                                       const std::vector<ir::Literal>& inputs, int threads,
                                       bool guard_start) {
  std::vector<GuardedBuffer> memory;
  std::vector<void*> pointers;
  size_t next_input = 0;
  std::vector<ir::Literal> outputs;
  for (const kernel::Binding& binding : program.bindings) {
    if (binding.is_output) {
      TENON_ASSIGN_OR_RETURN(ir::Literal output, OutputShape(program, binding, extents));
      outputs.push_back(std::move(output));
    }
    const ir::Literal& shape = binding.is_output ? outputs.back() : inputs[next_input++];
    memory.emplace_back(shape.byte_size(), guard_start);
    if (!binding.is_output && shape.byte_size() > 0) {
      std::memcpy(memory.back().data(), shape.bytes(), shape.byte_size());
    }
    pointers.push_back(memory.back().data());
  }
  const runtime::Arena arena(artifact.ArenaBytes(threads));
  const runtime::Arena prepared(artifact.prepared_bytes);
  tenon_frame frame = {};
  frame.buffers = pointers.data();
  frame.extents = extents.data();
  frame.arena = arena.data();
  frame.prepared = prepared.data();
  runtime::Team team(threads);
  NativeResult result;
  result.status = team.Run(loaded.prepare(), &frame);
  if (result.status == TENON_OK) result.status = team.Run(loaded.step(), &frame);
  if (result.status != TENON_OK) {
    result.fault_site = frame.fault_site;
    result.fault_value = frame.fault_value;
  }
  size_t next_output = 0;
  for (size_t b = 0; b < program.bindings.size(); ++b) {
    if (!program.bindings[b].is_output) continue;
    ir::Literal& output = outputs[next_output++];
    if (output.byte_size() > 0) {
      std::memcpy(output.mutable_bytes(), memory[b].data(), output.byte_size());
    }
  }
  result.outputs = std::move(outputs);
  return result;
}

std::string FirstDifference(const ir::Literal& expected, const ir::Literal& actual) {
  if (expected.dtype() != actual.dtype() || expected.dims() != actual.dims()) return "types differ";
  const int64_t bytes = ir::ByteSize(expected.dtype());
  for (int64_t i = 0; i < expected.size(); ++i) {
    const std::byte* a = expected.bytes() + i * bytes;
    const std::byte* b = actual.bytes() + i * bytes;
    if (std::memcmp(a, b, bytes) == 0) continue;
    if (ElementIsNan(expected.dtype(), a) && ElementIsNan(actual.dtype(), b)) continue;
    return absl::StrCat("element ", i, ": expected ", expected.GetAsDouble(i), ", got ",
                        actual.GetAsDouble(i));
  }
  return "";
}

namespace {

void ExpectEqual(const kernel::InterpretResult& expected,
                 const absl::StatusOr<NativeResult>& actual) {
  ASSERT_TRUE(actual.ok()) << actual.status();
  EXPECT_EQ(actual->status, expected.status);
  if (expected.status != TENON_OK) {
    EXPECT_EQ(actual->fault_value, expected.fault_value);
    return;
  }
  for (size_t i = 0; i < expected.outputs.size(); ++i) {
    EXPECT_EQ(FirstDifference(expected.outputs[i], actual->outputs[i]), "") << "output " << i;
  }
}

}  // namespace

void ExpectNativeEqualsInterpreter(kernel::Program program, const std::vector<int64_t>& extents,
                                   const std::vector<ir::Literal>& inputs, Emulate emulate) {
  ASSERT_EQ(kernel::Verify(program), absl::OkStatus());
  // The same kernels run at several extents: compiled once.
  static KernelCache& cache = *new KernelCache;
  bool guard_start = false;
  std::vector<NamedTarget> targets = RunnableTargets();
  if (emulate == Emulate::kYes && CanEmulate()) targets.push_back({"neon", ir::Aarch64Neon()});
  for (const NamedTarget& target : targets) {
    SCOPED_TRACE(target.name);
    program.has_fma = target.target.has_fma;
    const absl::StatusOr<kernel::InterpretResult> expected =
        kernel::Interpret(program, extents, inputs, {.each_chunk_its_own_thread = true});
    ASSERT_TRUE(expected.ok()) << expected.status();
    const absl::StatusOr<Artifact> artifact =
        Compile(program, target.target, {.threads = 1, .cache = &cache});
    ASSERT_TRUE(artifact.ok()) << artifact.status();
    if (!HostCanRun(target.target)) {
      ExpectEqual(*expected, RunEmulated(program, *artifact, extents, inputs));
      continue;
    }
    const absl::StatusOr<std::unique_ptr<LoadedProgram>> loaded = Load(*artifact);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    for (const int threads : {1, 3}) {
      SCOPED_TRACE(absl::StrCat(threads, " threads"));
      guard_start = !guard_start;
      const absl::StatusOr<NativeResult> actual =
          RunNative(program, *artifact, **loaded, extents, inputs, threads, guard_start);
      ExpectEqual(*expected, actual);
      if (actual.ok() && expected->status != TENON_OK) {
        EXPECT_EQ(actual->fault_site, expected->fault_site);
      }
    }
  }
}

ir::Literal Provocative(ir::DType dtype, int64_t size, uint64_t seed) {
  ir::Literal literal(dtype, {size});
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> reals = {
      0.0,    -0.0,  1.0,          -1.0,          0.5,          -0.5,  1.5,
      2.5,    -2.5,  infinity,     -infinity,     std::nan(""), 1e-40, -1e-40,
      1e-45,  3e38,  -3e38,        65504.0,       65520.0,      6e-8,  88.7,
      -103.9, 1e10,  2147483648.0, -2147483649.0, 9.3e18,       127.5, -128.5,
      255.5,  1e300, 4.9e-324,     0.1,           3.14159,      100.0, -7.25};
  for (int64_t i = 0; i < size; ++i) {
    const uint64_t random = Mix(seed * 1000003 + static_cast<uint64_t>(i));
    std::byte* element = literal.mutable_bytes() + i * ir::ByteSize(dtype);
    if (dtype == ir::DType::kBool) {
      literal.SetFromDouble(i, static_cast<double>(random & 1));
    } else if (ir::IsFloat(dtype)) {
      const uint64_t kind = random % 4;
      if (kind == 0) {
        literal.SetFromDouble(i, reals[(random >> 8) % reals.size()]);
      } else if (kind == 1) {
        std::memcpy(element, &random, ir::ByteSize(dtype));  // any bits
      } else {
        literal.SetFromDouble(i, std::ldexp(static_cast<double>(random >> 11), -53) * 16 - 8);
      }
    } else {
      const uint64_t kind = random % 8;
      const unsigned bits = static_cast<unsigned>(ir::ByteSize(dtype) * 8);
      uint64_t value = random >> 8;
      if (kind == 0) value = 0;
      if (kind == 1) value = ~uint64_t{0};
      if (kind == 2) value = uint64_t{1} << (bits - 1);
      if (kind == 3) value = (uint64_t{1} << (bits - 1)) - 1;
      if (kind == 4) value = random >> 61;
      std::memcpy(element, &value, ir::ByteSize(dtype));
    }
  }
  return literal;
}

}  // namespace tenon::codegen
