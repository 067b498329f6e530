#include "tenon/frontend/instance.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/interpreter.h"
#include "tenon/ir/kernel/fault.h"

namespace tenon {

namespace {

// The number of the symbol that `dim` is, or -1 when it is something else. Allocates nothing.
int SymbolIndex(const std::vector<kernel::Symbol>& symbols, const ir::Dim& dim) {
  if (dim.constant_term() != 0 || dim.terms().size() != 1) return -1;
  const ir::Dim::Term& term = dim.terms()[0];
  if (term.coefficient != 1 || term.factors.size() != 1 || term.factors[0].symbol.empty()) {
    return -1;
  }
  for (size_t i = 0; i < symbols.size(); ++i) {
    if (symbols[i].name == term.factors[0].symbol) return static_cast<int>(i);
  }
  return -1;
}

// "input 'x'".
std::string Describe(const kernel::Binding& binding) {
  return absl::StrCat(binding.is_output ? "output '" : "input '", binding.name, "'");
}

}  // namespace

Instance::Instance(std::shared_ptr<const Executable> executable, runtime::Team* team)
    : executable_(std::move(executable)), team_(executable_->one_thread ? nullptr : team) {
  const std::vector<kernel::Binding>& bindings = executable_->bindings;
  slots_.resize(bindings.size());
  buffers_.resize(bindings.size());
  partner_.assign(bindings.size(), -1);
  for (size_t i = 0; i < bindings.size(); ++i) {
    if (!bindings[i].is_output || bindings[i].donated_input < 0) continue;
    partner_[i] = bindings[i].donated_input;
    partner_[bindings[i].donated_input] = static_cast<int>(i);
  }
  strides_.resize(bindings.size());
  extents_.resize(executable_->symbols.size());
  known_.resize(executable_->symbols.size());
  arena_ = runtime::Arena(executable_->ArenaBytes(team_ == nullptr ? 1 : team_->threads()));
  prepared_area_ = runtime::Arena(executable_->prepared_bytes);
  // None of these moves any more; a run has little time to set what stays as it is.
  frame_.buffers = buffers_.data();
  frame_.extents = extents_.data();
  frame_.arena = arena_.data();
  frame_.prepared = prepared_area_.data();
  frame_.strides = strides_.data();
}

bool Instance::IsWritten(int i) const { return binding(i).is_output || partner_[i] >= 0; }

int Instance::FindInput(absl::string_view name) const {
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (!binding(i).is_output && binding(i).name == name) return static_cast<int>(i);
  }
  return -1;
}

int Instance::FindOutput(absl::string_view name) const {
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (binding(i).is_output && binding(i).name == name) return static_cast<int>(i);
  }
  return -1;
}

absl::Status Instance::BindInput(absl::string_view name, const TensorView& view, Series series) {
  const int i = FindInput(name);
  if (i < 0) return absl::NotFoundError(absl::StrCat("the program has no input '", name, "'"));
  return BindInput(i, view, series);
}

absl::Status Instance::BindInput(int i, const TensorView& view, Series series) {
  if (IsWritten(i)) {
    return absl::InvalidArgumentError(
        absl::StrCat(Describe(binding(i)), " is written by the program: bind it as mutable"));
  }
  // Never written through: the program reads what is no output and not donated.
  return Bind(i, view.dtype, view.dims, const_cast<void*>(view.data), series);
}

absl::Status Instance::BindMutable(absl::string_view name, const MutableTensorView& view,
                                   Series series) {
  int i = FindOutput(name);
  if (i < 0) i = FindInput(name);
  if (i < 0) {
    return absl::NotFoundError(absl::StrCat("the program has no input or output '", name, "'"));
  }
  return BindMutable(i, view, series);
}

absl::Status Instance::BindMutable(int i, const MutableTensorView& view, Series series) {
  TENON_RETURN_IF_ERROR(Bind(i, view.dtype, view.dims, view.data, series));
  if (PartnerOf(i) >= 0) return Bind(PartnerOf(i), view.dtype, view.dims, view.data, series);
  return absl::OkStatus();
}

// The bytes of the buffer, all its runs together.
absl::StatusOr<int64_t> Instance::CheckBuffer(int i, ir::DType dtype, const Dims& dims,
                                              const void* data, Series series) const {
  const kernel::Binding& b = binding(i);
  const auto error = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(Describe(b), what));
  };
  if (dtype != b.type.dtype || static_cast<int>(dims.size()) != b.type.rank()) {
    return error(absl::StrCat(" is ", b.type.ToString(true), ", which ", TypeToString(dtype, dims),
                              " does not fit"));
  }
  absl::StatusOr<int64_t> count = CountElements(dims, dtype);
  if (!count.ok()) return error(absl::StrCat(": ", count.status().message()));
  int64_t bytes = *count * ir::ByteSize(dtype);
  if (data == nullptr && bytes > 0) return error(": a null buffer");
  const int64_t element = ir::ByteSize(dtype);
  if (reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(element) != 0) {
    return error(": the buffer is not aligned for its elements");
  }
  if (series.runs == 1 && series.stride == 0) return bytes;
  const bool moves =
      b.is_output ? b.donated_input < 0 : b.kind == ir::InputKind::kInput && partner_[i] < 0;
  if (!moves) return error(" is the same for all runs: it takes no series");
  int64_t rest = 0;
  if (series.runs < 1 || series.stride < 0 || series.stride % element != 0 ||
      __builtin_mul_overflow(series.runs - 1, series.stride, &rest) ||
      __builtin_add_overflow(bytes, rest, &bytes)) {
    return error(absl::StrCat(": ", series.runs, " runs ", series.stride,
                              " bytes apart are no series of ", ir::DTypeName(dtype)));
  }
  return bytes;
}

absl::Status Instance::Bind(int i, ir::DType dtype, const Dims& dims, void* data, Series series) {
  const kernel::Binding& b = binding(i);
  TENON_ASSIGN_OR_RETURN(const int64_t bytes, CheckBuffer(i, dtype, dims, data, series));
  Slot& slot = slots_[i];
  const bool same_shape = slot.data != nullptr && !slot.own && slot.dims == dims;
  void* const old_data = slot.data;
  const int64_t old_bytes = slot.bytes;
  // An empty tensor may have no address, but an entry wants one.
  slot.data = data == nullptr ? arena_.data() : data;
  slot.bytes = bytes;
  absl::Status overlap = CheckOverlap(i);
  if (!overlap.ok()) {
    slot.data = old_data;
    slot.bytes = old_bytes;
    return overlap;
  }
  slot.own = false;
  slot.dims = dims;
  slot.runs = series.runs;
  buffers_[i] = slot.data;
  strides_[i] = series.stride;
  resolved_ &= same_shape;
  ready_ &= same_shape;
  if (b.kind == ir::InputKind::kParameter && !b.is_output) ParametersChanged();
  return absl::OkStatus();
}

absl::Status Instance::CheckOverlap(int i) const {
  const auto* begin = static_cast<const char*>(slots_[i].data);
  const char* end = begin + slots_[i].bytes;
  for (int j = 0; j < static_cast<int>(slots_.size()); ++j) {
    if (j == i || j == PartnerOf(i) || slots_[j].data == nullptr || slots_[j].own) continue;
    if (!IsWritten(i) && !IsWritten(j)) continue;
    if (slots_[i].bytes == 0 || slots_[j].bytes == 0) continue;
    const auto* other = static_cast<const char*>(slots_[j].data);
    if (begin < other + slots_[j].bytes && other < end) {
      return absl::InvalidArgumentError(absl::StrCat("the buffers of ", Describe(binding(i)),
                                                     " and ", Describe(binding(j)),
                                                     " overlap, and one of them is written"));
    }
  }
  return absl::OkStatus();
}

absl::Status Instance::MatchDim(int i, int axis) {
  const kernel::Binding& b = binding(i);
  const ir::Dim& dim = b.type.dims[axis];
  const int64_t extent = slots_[i].dims[axis];
  auto mismatch = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat(Describe(b), " is ", b.type.ToString(true), ", but ",
                     TypeToString(b.type.dtype, slots_[i].dims), " is bound: ", why));
  };
  if (dim.is_constant()) {
    if (dim.constant() == extent) return absl::OkStatus();
    return mismatch(absl::StrCat("dimension ", axis, " must be ", dim.constant()));
  }
  const int symbol = SymbolIndex(executable_->symbols, dim);
  if (symbol >= 0) {
    const kernel::Symbol& s = executable_->symbols[symbol];
    if (!known_[symbol]) {
      if (extent > s.bound) {
        return mismatch(absl::StrCat(s.name, " = ", extent, " is beyond its bound ", s.bound));
      }
      extents_[symbol] = extent;
      known_[symbol] = true;
    }
    if (extents_[symbol] == extent) return absl::OkStatus();
    return mismatch(absl::StrCat(s.name, " is ", extents_[symbol], " by another input"));
  }
  ir::Extents values;
  for (size_t s = 0; s < extents_.size(); ++s) {
    if (known_[s]) values[executable_->symbols[s].name] = extents_[s];
  }
  TENON_ASSIGN_OR_RETURN(int64_t expected, dim.Evaluate(values));
  if (expected == extent) return absl::OkStatus();
  return mismatch(absl::StrCat("dimension ", axis, ", ", dim.ToString(), ", must be ", expected));
}

// A symbol that no dimension is by itself, from a dimension `a * symbol + c` of a bound input.
absl::Status Instance::SolveSymbols(int i, bool* progress) {
  for (int axis = 0; axis < binding(i).type.rank(); ++axis) {
    const ir::Dim& dim = binding(i).type.dims[axis];
    if (dim.terms().size() != 1 || dim.terms()[0].factors.size() != 1) continue;
    const ir::Dim::Term& term = dim.terms()[0];
    for (size_t s = 0; s < extents_.size(); ++s) {
      const kernel::Symbol& symbol = executable_->symbols[s];
      if (known_[s] || symbol.name != term.factors[0].symbol) continue;
      const int64_t rest = slots_[i].dims[axis] - dim.constant_term();
      const int64_t value = rest / term.coefficient;
      if (rest % term.coefficient != 0 || value < 0 || value > symbol.bound) {
        return absl::InvalidArgumentError(absl::StrCat(
            Describe(binding(i)), ": an extent of ", slots_[i].dims[axis], " is no value of ",
            dim.ToString(), " with ", symbol.name, " from 0 to ", symbol.bound));
      }
      extents_[s] = value;
      known_[s] = *progress = true;
    }
  }
  return absl::OkStatus();
}

absl::Status Instance::ResolveExtents() {
  std::fill(known_.begin(), known_.end(), false);
  const int n = static_cast<int>(slots_.size());
  for (int i = 0; i < n; ++i) {
    if (binding(i).is_output) continue;
    if (slots_[i].data == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat(Describe(binding(i)), " is not bound"));
    }
    for (int axis = 0; axis < binding(i).type.rank(); ++axis) {
      if (SymbolIndex(executable_->symbols, binding(i).type.dims[axis]) >= 0) {
        TENON_RETURN_IF_ERROR(MatchDim(i, axis));
      }
    }
  }
  for (bool progress = true; progress;) {
    progress = false;
    for (int i = 0; i < n; ++i) {
      if (!binding(i).is_output) TENON_RETURN_IF_ERROR(SolveSymbols(i, &progress));
    }
  }
  for (size_t s = 0; s < known_.size(); ++s) {
    if (known_[s]) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("no bound input gives the extent of '", executable_->symbols[s].name, "'"));
  }
  for (int i = 0; i < n; ++i) {
    if (binding(i).is_output && slots_[i].data == nullptr) continue;
    if (slots_[i].own) continue;
    for (int axis = 0; axis < binding(i).type.rank(); ++axis) {
      TENON_RETURN_IF_ERROR(MatchDim(i, axis));
    }
  }
  return absl::OkStatus();
}

absl::Status Instance::PlaceOutputs() {
  ir::Extents values;
  for (int i = 0; i < static_cast<int>(slots_.size()); ++i) {
    Slot& slot = slots_[i];
    if (!binding(i).is_output || (slot.data != nullptr && !slot.own)) continue;
    slot.dims.clear();
    for (const ir::Dim& dim : binding(i).type.dims) {
      const int symbol = SymbolIndex(executable_->symbols, dim);
      if (dim.is_constant()) {
        slot.dims.push_back(dim.constant());
      } else if (symbol >= 0) {
        slot.dims.push_back(extents_[symbol]);
      } else {
        for (size_t s = 0; s < extents_.size() && values.size() < extents_.size(); ++s) {
          values[executable_->symbols[s].name] = extents_[s];
        }
        TENON_ASSIGN_OR_RETURN(int64_t extent, dim.Evaluate(values));
        slot.dims.push_back(extent);
      }
    }
    TENON_ASSIGN_OR_RETURN(int64_t count, CountElements(slot.dims, binding(i).type.dtype));
    slot.bytes = count * ir::ByteSize(binding(i).type.dtype);
    if (slot.data == nullptr || slot.storage.size() < slot.bytes) {
      slot.storage = runtime::Arena(slot.bytes);
      if (slot.storage.data() == nullptr) {
        return absl::ResourceExhaustedError(
            absl::StrCat("no memory for ", Describe(binding(i)), " of ", slot.bytes, " bytes"));
      }
    }
    slot.data = slot.storage.data();
    slot.own = true;
    buffers_[i] = slot.data;
  }
  return absl::OkStatus();
}

// An error where a buffer that moves from run to run does not hold enough of them.
absl::Status Instance::CheckSeries(int64_t runs) const {
  if (runs < 1) return absl::InvalidArgumentError(absl::StrCat("cannot run ", runs, " times"));
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (strides_[i] == 0 || slots_[i].runs >= runs) continue;
    return absl::InvalidArgumentError(absl::StrCat(Describe(binding(static_cast<int>(i))),
                                                   " is bound for ", slots_[i].runs, " runs, not ",
                                                   runs));
  }
  return absl::OkStatus();
}

// What has to be seen to before a run, but for those behind another one that nothing has changed
// since: they have little time.
absl::Status Instance::MakeReady(int64_t runs) {
  if (!resolved_) {
    TENON_RETURN_IF_ERROR(ResolveExtents());
    TENON_RETURN_IF_ERROR(PlaceOutputs());
    resolved_ = true;
  }
  if (runs != 1) TENON_RETURN_IF_ERROR(CheckSeries(runs));
  if (executable_->step == nullptr) return absl::OkStatus();
  if (frame_.arena == nullptr || frame_.prepared == nullptr) return NoMemory();
  if (!prepared_ && executable_->prepare != nullptr) {
    TENON_RETURN_IF_ERROR(RunEntry(executable_->prepare));
  }
  prepared_ = ready_ = true;
  return absl::OkStatus();
}

absl::Status Instance::Run(int64_t runs) {
  frame_.run = 0;
  frame_.runs = runs;
  if (!ready_ || runs != 1) {
    TENON_RETURN_IF_ERROR(MakeReady(runs));
    if (executable_->step == nullptr) return InterpretRuns();
  }
  return RunEntry(executable_->step);
}

inline absl::Status Instance::RunEntry(tenon_entry entry) {
  int32_t status;
  if (team_ != nullptr) {
    status = team_->Run(entry, &frame_);
  } else {
    frame_.status = TENON_OK;
    status = entry(&frame_, 0, 1);
  }
  return status == TENON_OK ? absl::OkStatus() : FaultStatus();
}

absl::Status Instance::InterpretRuns() {
  for (;; ++frame_.run) {
    TENON_RETURN_IF_ERROR(Interpret(frame_.run));
    if (frame_.run == frame_.runs - 1) return absl::OkStatus();
  }
}

absl::Status Instance::NoMemory() const {
  return absl::ResourceExhaustedError(
      absl::StrCat("no memory for an arena of ", executable_->arena_bytes, " bytes"));
}

absl::Status Instance::FaultStatus() const {
  return kernel::ToStatus({frame_.status, frame_.fault_site, frame_.fault_value},
                          executable_->sites, executable_->bindings, executable_->symbols);
}

absl::Status Instance::Interpret(int64_t run) {
  const auto address = [&](size_t i) {
    return static_cast<std::byte*>(slots_[i].data) + run * strides_[i];
  };
  std::vector<ir::Literal> inputs;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (binding(i).is_output) continue;
    ir::Literal literal(binding(i).type.dtype,
                        std::vector<int64_t>(slots_[i].dims.begin(), slots_[i].dims.end()));
    if (literal.byte_size() > 0) {
      std::memcpy(literal.mutable_bytes(), address(i), literal.byte_size());
    }
    inputs.push_back(std::move(literal));
  }
  TENON_ASSIGN_OR_RETURN(std::vector<ir::Literal> outputs,
                         ir::Interpret(executable_->graph, inputs));
  size_t next = 0;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (!binding(i).is_output) continue;
    const ir::Literal& literal = outputs[next++];
    if (literal.byte_size() > 0) {
      std::memcpy(address(i), literal.bytes(), literal.byte_size());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<TensorView> Instance::Output(absl::string_view name) const {
  const int i = FindOutput(name);
  if (i < 0) return absl::NotFoundError(absl::StrCat("the program has no output '", name, "'"));
  return Output(i);
}

TensorView Instance::Output(int i) const {
  return {binding(i).type.dtype, slots_[i].dims, slots_[i].data};
}

}  // namespace tenon
