#include "tenon/ir/kernel/execute.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/kernel/lanes.h"
#include "tenon/ir/scalar.h"

namespace tenon::kernel {

KernelExecutor::KernelExecutor(const Kernel& kernel, ExecutionState* state)
    : kernel_(kernel), state_(*state) {
  int64_t size = 0;
  for (const Type& type : kernel.types) {
    slots_.push_back(size);
    const int64_t bytes = ir::ByteSize(type.dtype) * type.rows * type.lanes;
    size += (bytes + 63) / 64 * 64;
  }
  registers_.resize(size);
  for (const Local& local : kernel.locals) {
    locals_.push_back({std::vector<std::byte>(local.size * ir::ByteSize(local.dtype)),
                       std::vector<int64_t>(local.size, -1)});
  }
}

void KernelExecutor::Launch(std::vector<BufferView> views, std::vector<int64_t> symbols) {
  views_ = std::move(views);
  symbols_ = std::move(symbols);
  ++chunk_serial_;
  RunBlock(kernel_.body);
}

int64_t KernelExecutor::I64(ValueId v) const {
  int64_t value;
  std::memcpy(&value, registers_.data() + slots_[v.index], sizeof(value));
  return value;
}

int64_t KernelExecutor::Bytes(ValueId v) const {
  const Type& type = kernel_.type(v);
  return ir::ByteSize(type.dtype) * type.rows * type.lanes;
}

void KernelExecutor::Copy(ValueId from, ValueId to) {
  if (from != to) std::memcpy(Slot(to), Slot(from), Bytes(to));
}

// to[skip_to...] = from[skip_from...], all at once: a loop may swap its carried values.
void KernelExecutor::Assign(const std::vector<ValueId>& from, size_t skip_from,
                            const std::vector<ValueId>& to, size_t skip_to) {
  const size_t count = to.size() - skip_to;
  if (count == 1) return Copy(from[skip_from], to[skip_to]);
  scratch_.clear();
  for (size_t i = 0; i < count; ++i) {
    const std::byte* source = Slot(from[skip_from + i]);
    scratch_.insert(scratch_.end(), source, source + Bytes(from[skip_from + i]));
  }
  const std::byte* next = scratch_.data();
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(Slot(to[skip_to + i]), next, Bytes(to[skip_to + i]));
    next += Bytes(to[skip_to + i]);
  }
}

void KernelExecutor::RunBlock(const Block& block) {
  state_.instructions_left -= static_cast<int64_t>(block.instrs.size());
  for (const Instr& instr : block.instrs) Run(instr);
}

void KernelExecutor::Run(const Instr& instr) {
  switch (instr.op) {
    case Op::kScalar:
      return RunScalar(instr);
    case Op::kConst:
      return EvalConst(instr, kernel_.type(instr.results[0]), Slot(instr.results[0]));
    case Op::kSymbol:
      std::memcpy(Slot(instr.results[0]), &symbols_[instr.integer], sizeof(int64_t));
      return;
    case Op::kIota: {
      const int lanes = kernel_.type(instr.results[0]).lanes;
      for (int64_t l = 0; l < lanes; ++l) {
        std::memcpy(Slot(instr.results[0]) + l * sizeof(l), &l, sizeof(l));
      }
      return;
    }
    case Op::kSplat:
      return EvalSplat({Slot(instr.args[0]), kernel_.type(instr.args[0])},
                       kernel_.type(instr.results[0]), Slot(instr.results[0]));
    case Op::kLoad:
      return RunLoad(instr);
    case Op::kStore:
      return RunStore(instr);
    case Op::kReduceLanes:
      EvalReduceLanes(instr.combiner, {Slot(instr.args[0]), kernel_.type(instr.args[0])},
                      Slot(instr.results[0]));
      return HideNan(instr);
    case Op::kReduceRows:
      EvalReduceRows(instr.combiner, {Slot(instr.args[0]), kernel_.type(instr.args[0])},
                     Slot(instr.results[0]));
      return HideNan(instr);
    case Op::kTranspose:
      return EvalTranspose({Slot(instr.args[0]), kernel_.type(instr.args[0])},
                           Slot(instr.results[0]));
    case Op::kExtract: {
      const Type& type = kernel_.type(instr.args[0]);
      const int64_t width = ir::ByteSize(type.dtype);
      for (int r = 0; r < type.rows; ++r) {
        std::memcpy(Slot(instr.results[0]) + r * width,
                    Slot(instr.args[0]) + (r * type.lanes + instr.integer) * width, width);
      }
      return;
    }
    case Op::kRow: {
      const int64_t bytes = Bytes(instr.results[0]);
      std::memcpy(Slot(instr.results[0]), Slot(instr.args[0]) + instr.integer * bytes, bytes);
      return;
    }
    case Op::kConcatRows:
      return RunConcatRows(instr);
    case Op::kTileDot: {
      const auto arg = [&](size_t i) {
        return Tile{Slot(instr.args[i]), kernel_.type(instr.args[i])};
      };
      return EvalTileDot(state_.fused, arg(0), arg(1), arg(2), Slot(instr.results[0]));
    }
    case Op::kFor:
      return RunFor(instr);
    case Op::kIf:
      return RunIf(instr);
    case Op::kParallel:
      return RunParallel(instr);
    case Op::kYield:
    case Op::kPrefetch:
      return;
    case Op::kFault:
      return RunFault(instr);
    case Op::kFence:
      return state_.sanitizer->Fence(agent_);
  }
}

void KernelExecutor::RunScalar(const Instr& instr) {
  std::array<Tile, 3> args;
  for (size_t i = 0; i < instr.args.size(); ++i) {
    args[i] = {Slot(instr.args[i]), kernel_.type(instr.args[i])};
  }
  EvalScalar(instr.scalar_op, state_.fused, args, kernel_.type(instr.results[0]),
             Slot(instr.results[0]));
  HideNan(instr);
}

// Where any value will do it is some number here, so that whoever looks at it is found out.
void KernelExecutor::HideNan(const Instr& instr) {
  if (!instr.of_numbers) return;
  const Type& type = kernel_.type(instr.results[0]);
  const ir::ScalarValue number = ir::ScalarValue::FromDouble(type.dtype, 1);
  std::byte* element = Slot(instr.results[0]);
  for (int i = 0; i < type.rows * type.lanes; ++i, element += ir::ByteSize(type.dtype)) {
    if (std::isnan(ir::ScalarValue::Load(type.dtype, element).ToDouble())) number.Store(element);
  }
}

void KernelExecutor::RunConcatRows(const Instr& instr) {
  std::byte* to = Slot(instr.results[0]);
  for (ValueId arg : instr.args) {
    std::memcpy(to, Slot(arg), Bytes(arg));
    to += Bytes(arg);
  }
}

void KernelExecutor::RunFor(const Instr& instr) {
  const Block& body = instr.blocks[0];
  const int64_t high = I64(instr.args[1]);
  Assign(instr.args, 2, body.params, 1);
  for (int64_t i = I64(instr.args[0]); i < high && !state_.stopped(); i += instr.integer) {
    std::memcpy(Slot(body.params[0]), &i, sizeof(i));
    RunBlock(body);
    Assign(body.instrs.back().args, 0, body.params, 1);
    // i + step may overflow; the way that is left may not fit a signed number either.
    const uint64_t left = static_cast<uint64_t>(high) - static_cast<uint64_t>(i);
    if (left <= static_cast<uint64_t>(instr.integer)) break;
  }
  Assign(body.params, 1, instr.results, 0);
}

void KernelExecutor::RunIf(const Instr& instr) {
  const Block& taken = instr.blocks[*Slot(instr.args[0]) != std::byte{0} ? 0 : 1];
  RunBlock(taken);
  if (!instr.results.empty()) Assign(taken.instrs.back().args, 0, instr.results, 0);
}

void KernelExecutor::RunParallel(const Instr& instr) {
  chunks_ = I64(instr.args[0]);
  const Block& body = instr.blocks[0];
  for (chunk_ = 0; chunk_ < chunks_ && !state_.stopped(); ++chunk_) {
    agent_ = state_.sanitizer->Agent(chunk_, chunks_);
    ++chunk_serial_;
    std::memcpy(Slot(body.params[0]), &chunk_, sizeof(chunk_));
    RunBlock(body);
  }
  chunk_ = -1;
  agent_ = kEveryThread;
  ++chunk_serial_;
}

void KernelExecutor::RunFault(const Instr& instr) {
  const Type& condition = kernel_.type(instr.args[0]);
  const bool one_value = kernel_.type(instr.args[1]).is_scalar();
  const int count = condition.rows * condition.lanes;
  for (int i = 0; i < count && state_.fault.status == 0; ++i) {
    if (Slot(instr.args[0])[i] == std::byte{0}) continue;
    int64_t value;
    std::memcpy(&value, Slot(instr.args[1]) + (one_value ? 0 : i) * sizeof(value), sizeof(value));
    state_.fault = {static_cast<int32_t>(instr.integer), instr.site, value};
  }
}

AccessSite KernelExecutor::Site(const Instr& instr) const {
  return {&kernel_, &instr, chunk_, chunks_, agent_, store_};
}

int KernelExecutor::Count(ValueId v, int all, const char* what, const Instr& instr) {
  if (!v.valid()) return all;
  const int64_t count = I64(v);
  if (count < 0) {
    state_.sanitizer->Report(absl::StrCat("mask: ", what, " is ", count), Site(instr));
    return 0;
  }
  return static_cast<int>(std::min<int64_t>(count, all));
}

// Calls `visit(number, index)` for every element that the masks leave, where `number` counts
// row-major in the tile and `index` is the element of the buffer.
template <typename Visit>
void KernelExecutor::VisitElements(const Instr& instr, Type type, const Visit& visit) {
  const MemRef& m = instr.mem;
  const int rows = Count(m.row_count, type.rows, "row_count", instr);
  const int lanes = Count(m.lane_count, type.lanes, "lane_count", instr);
  const uint64_t row_stride = m.row_stride.valid() ? I64(m.row_stride) : 0;
  const uint64_t lane_stride = m.lane_stride.valid() ? I64(m.lane_stride) : 1;
  const bool gathers = !kernel_.type(m.offset).is_scalar();
  const uint64_t offset = gathers ? 0 : I64(m.offset);
  const std::byte* predicate = m.predicate.valid() ? Slot(m.predicate) : nullptr;
  const Type predicate_type = predicate != nullptr ? kernel_.type(m.predicate) : Type{};
  for (int r = 0; r < rows; ++r) {
    for (int l = 0; l < lanes; ++l) {
      if (predicate != nullptr) {
        const int row = predicate_type.rows == 1 ? 0 : r;
        const int lane = predicate_type.lanes == 1 ? 0 : l;
        if (predicate[row * predicate_type.lanes + lane] == std::byte{0}) continue;
      }
      // Unsigned: a wild stride wraps instead of being undefined, and is then out of bounds.
      uint64_t index = offset + r * row_stride + l * lane_stride;
      if (gathers) std::memcpy(&index, Slot(m.offset) + l * sizeof(index), sizeof(index));
      visit(r * type.lanes + l, static_cast<int64_t>(index));
    }
  }
}

bool KernelExecutor::LocalInBounds(const Instr& instr, int64_t index, const char* verb) {
  const Local& local = kernel_.locals[instr.mem.buffer - kernel_.params.size()];
  if (index >= 0 && index < local.size) return true;
  state_.sanitizer->Report(absl::StrCat("out of bounds: ", verb, " element ", index, " of local ",
                                        local.name, ", which has ", local.size),
                           Site(instr));
  return false;
}

const std::byte* KernelExecutor::ReadAddress(const Instr& instr, int64_t index, int64_t width) {
  const size_t buffer = instr.mem.buffer;
  if (buffer < views_.size()) {
    const BufferView& view = views_[buffer];
    if (!state_.sanitizer->Read(view, index, width, Site(instr))) return nullptr;
    return view.memory->bytes.data() + view.offset + index * width;
  }
  if (!LocalInBounds(instr, index, "reads")) return nullptr;
  const LocalMemory& local = locals_[buffer - views_.size()];
  if (local.written_in[index] != chunk_serial_) [[unlikely]] {
    state_.sanitizer->Report(absl::StrCat("unwritten: reads element ", index, " of local ",
                                          kernel_.locals[buffer - views_.size()].name,
                                          ", which this chunk did not write"),
                             Site(instr));
  }
  return local.bytes.data() + index * width;
}

std::byte* KernelExecutor::WriteAddress(const Instr& instr, int64_t index, int64_t width) {
  const size_t buffer = instr.mem.buffer;
  if (buffer < views_.size()) {
    const BufferView& view = views_[buffer];
    if (!state_.sanitizer->Write(view, index, width, instr.mem.non_temporal, Site(instr))) {
      return nullptr;
    }
    return view.memory->bytes.data() + view.offset + index * width;
  }
  if (!LocalInBounds(instr, index, "writes")) return nullptr;
  LocalMemory& local = locals_[buffer - views_.size()];
  local.written_in[index] = chunk_serial_;
  return local.bytes.data() + index * width;
}

void KernelExecutor::Digest(const Instr& instr, int64_t index, const std::byte* value,
                            int64_t width) {
  if (static_cast<size_t>(instr.mem.buffer) >= views_.size()) return;
  const BufferView& view = views_[instr.mem.buffer];
  uint64_t bits = 0;
  std::memcpy(&bits, value, width);
  for (uint64_t word : {uint64_t{view.owner}, static_cast<uint64_t>(view.first + index), bits}) {
    // A multiplication that carries into all bits, folded (as in wyhash).
    const auto product =
        static_cast<unsigned __int128>(state_.written_digest ^ word ^ 0xa0761d6478bd642f) *
        0xe7037ed1a0b428db;
    state_.written_digest = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
}

void KernelExecutor::RunLoad(const Instr& instr) {
  const Type& type = kernel_.type(instr.results[0]);
  const size_t params = kernel_.params.size(), buffer = instr.mem.buffer;
  const int64_t width = ir::ByteSize(buffer < params ? kernel_.params[buffer].dtype
                                                     : kernel_.locals[buffer - params].dtype);
  const int64_t parts = ir::ByteSize(type.dtype) / width;  // 2 for pairs, else 1
  std::byte* to = Slot(instr.results[0]);
  // Not into the slot at once: what is masked reads as zero.
  std::memset(to, 0, Bytes(instr.results[0]));
  VisitElements(instr, type, [&](int number, int64_t index) {
    for (int64_t part = 0; part < parts; ++part) {
      const std::byte* from = ReadAddress(instr, index + part, width);
      if (from != nullptr) std::memcpy(to + (number * parts + part) * width, from, width);
    }
  });
}

void KernelExecutor::RunStore(const Instr& instr) {
  const Type& type = kernel_.type(instr.args[0]);
  const int64_t width = ir::ByteSize(type.dtype);
  const std::byte* from = Slot(instr.args[0]);
  // Offsets of their own may meet: the last lane stays. Strides that meet are a mistake.
  const bool strided = kernel_.type(instr.mem.offset).is_scalar();
  if (strided && ++state_.stores == 0) state_.stores = 1;
  store_ = strided ? state_.stores : 0;
  VisitElements(instr, type, [&](int number, int64_t index) {
    std::byte* to = WriteAddress(instr, index, width);
    if (to == nullptr) return;
    std::memcpy(to, from + number * width, width);
    Digest(instr, index, to, width);
  });
}

}  // namespace tenon::kernel
