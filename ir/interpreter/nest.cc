// Loop nests: a ComputeDef evaluated over its whole domain.
//
// The domain is walked in row-major order, in chunks of points; every access and every instruction
// of the body is carried out for all points of a chunk before the next one. The order of points is
// what the numerics promise, and nothing else depends on the chunks.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/interpreter/evaluate.h"
#include "tenon/ir/scalar.h"

namespace tenon::ir::internal {
namespace {

constexpr int64_t kChunk = 1024;

// One chunk of values, of any type.
struct Buffer {
  alignas(16) std::array<std::byte, kChunk * 8> bytes;
  void* data() { return bytes.data(); }
  const void* data() const { return bytes.data(); }
};

// An index with the run's extents filled in.
struct CompiledIndex {
  std::vector<int64_t> coefficients;  // one an iterator
  int64_t offset = 0;
  int64_t divisor = 1;
  int indirect = -1;
  int indirect_sign = 1;
  bool clamp = false;
  int64_t clamp_max = 0;
  int64_t extent = 0;  // of the operand's dimension
  int64_t stride = 0;  // in elements
};

struct CompiledAccess {
  const Literal* operand = nullptr;
  std::vector<CompiledIndex> index;
  bool guarded = false;
  bool plain = true;                  // every index is inside and needs no division, no indirection
  std::vector<int64_t> coefficients;  // of the element's number, where plain
  int64_t offset = 0;
};

class NestEvaluator {
 public:
  NestEvaluator(const ComputeDef& def, const InterpretOptions& options, Literal& result)
      : def_(def), options_(options), result_(result) {}

  absl::Status Prepare(absl::Span<const Literal* const> operands);
  absl::Status Run();

 private:
  absl::StatusOr<CompiledIndex> Compile(const Index& index) const;
  void ReadPoints(int64_t n);
  absl::Status Read(int access, int64_t n);
  absl::Status ReadSlowly(int access, int64_t n);
  void EvaluateBody(int64_t n);
  void Reduce(int64_t first, int64_t n);
  void StoreAccumulator(int64_t element);
  int64_t Indirect(int access, int64_t point) const;

  const ComputeDef& def_;
  const InterpretOptions& options_;
  Literal& result_;
  std::vector<int64_t> extents_;
  int64_t points_ = 1;
  int64_t reduced_ = 1;
  std::vector<CompiledAccess> accesses_;
  std::vector<std::unique_ptr<Buffer>> points_of_;  // i64: iterator by iterator
  std::vector<std::unique_ptr<Buffer>> elements_;   // access by access
  std::vector<std::unique_ptr<Buffer>> inside_;     // bool, of guarded accesses
  std::vector<std::unique_ptr<Buffer>> values_;     // instruction by instruction
  std::vector<int64_t> point_;                      // the next one
  DType accumulator_type_ = DType::kF32;
  alignas(8) std::array<std::byte, 8> accumulator_;
};

absl::StatusOr<CompiledIndex> NestEvaluator::Compile(const Index& index) const {
  CompiledIndex out;
  out.coefficients.assign(def_.domain.size(), 0);
  for (const Affine::Term& term : index.affine.terms) {
    TENON_ASSIGN_OR_RETURN(const int64_t c, term.coefficient.Evaluate(options_.extents));
    out.coefficients[term.iterator] += c;
  }
  TENON_ASSIGN_OR_RETURN(out.offset, index.affine.offset.Evaluate(options_.extents));
  TENON_ASSIGN_OR_RETURN(out.clamp_max, index.clamp_max.Evaluate(options_.extents));
  out.divisor = index.affine.divisor;
  out.indirect = index.indirect;
  out.indirect_sign = index.indirect_sign;
  out.clamp = index.clamp;
  return out;
}

absl::Status NestEvaluator::Prepare(absl::Span<const Literal* const> operands) {
  TENON_ASSIGN_OR_RETURN(extents_, EvaluateShape(def_.domain, options_.extents));
  for (size_t i = 0; i < extents_.size(); ++i) {
    if (__builtin_mul_overflow(points_, extents_[i], &points_)) {
      return absl::OutOfRangeError("the number of points overflows 64 bits");
    }
    if (static_cast<int>(i) >= def_.num_parallel) reduced_ *= extents_[i];
  }
  for (const Access& access : def_.accesses) {
    CompiledAccess compiled;
    compiled.operand = operands[access.operand];
    compiled.guarded = access.guarded;
    compiled.plain = !access.guarded;
    compiled.coefficients.assign(extents_.size(), 0);
    int64_t stride = compiled.operand->size() == 0 ? 0 : 1;
    compiled.index.resize(access.index.size());
    for (int d = static_cast<int>(access.index.size()) - 1; d >= 0; --d) {
      TENON_ASSIGN_OR_RETURN(CompiledIndex index, Compile(access.index[d]));
      index.extent = compiled.operand->dims()[d];
      index.stride = stride;
      compiled.plain = compiled.plain && index.indirect < 0 && index.divisor == 1;
      for (size_t i = 0; i < extents_.size(); ++i) {
        compiled.coefficients[i] += index.coefficients[i] * stride;
      }
      compiled.offset += index.offset * stride;
      stride *= index.extent;
      compiled.index[d] = std::move(index);
    }
    elements_.push_back(std::make_unique<Buffer>());
    inside_.push_back(compiled.guarded ? std::make_unique<Buffer>() : nullptr);
    accesses_.push_back(std::move(compiled));
  }
  for (size_t i = 0; i < extents_.size(); ++i) points_of_.push_back(std::make_unique<Buffer>());
  for (size_t i = 0; i < def_.body.instrs.size(); ++i) {
    values_.push_back(std::make_unique<Buffer>());
  }
  point_.assign(extents_.size(), 0);
  accumulator_type_ = ComputeType(def_.body.instrs.back().dtype);
  return absl::OkStatus();
}

// The iterators of the next n points.
void NestEvaluator::ReadPoints(int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    for (size_t i = 0; i < point_.size(); ++i) {
      static_cast<int64_t*>(points_of_[i]->data())[j] = point_[i];
    }
    for (int i = static_cast<int>(point_.size()) - 1; i >= 0; --i) {
      if (++point_[i] < extents_[i]) break;
      point_[i] = 0;
    }
  }
}

template <int kBytes>
void CopyElements(const CompiledAccess& access, const int64_t* places, int64_t n, void* out) {
  const std::byte* from = access.operand->bytes();
  std::byte* to = static_cast<std::byte*>(out);
  for (int64_t j = 0; j < n; ++j) std::memcpy(to + j * kBytes, from + places[j] * kBytes, kBytes);
}

void CopyElements(const CompiledAccess& access, const int64_t* places, int64_t n, void* out) {
  switch (ByteSize(access.operand->dtype())) {
    case 1:
      return CopyElements<1>(access, places, n, out);
    case 2:
      return CopyElements<2>(access, places, n, out);
    case 4:
      return CopyElements<4>(access, places, n, out);
    default:
      return CopyElements<8>(access, places, n, out);
  }
}

absl::Status NestEvaluator::Read(int number, int64_t n) {
  const CompiledAccess& access = accesses_[number];
  if (!access.plain) return ReadSlowly(number, n);
  std::array<int64_t, kChunk> places;
  places.fill(access.offset);
  for (size_t i = 0; i < extents_.size(); ++i) {
    const int64_t c = access.coefficients[i];
    if (c == 0) continue;
    const auto* iterator = static_cast<const int64_t*>(points_of_[i]->data());
    for (int64_t j = 0; j < n; ++j) places[j] += c * iterator[j];
  }
  CopyElements(access, places.data(), n, elements_[number]->data());
  return absl::OkStatus();
}

// What access `number` read for a point, as an integer.
int64_t NestEvaluator::Indirect(int number, int64_t point) const {
  const DType dtype = accesses_[number].operand->dtype();
  const auto* bytes = static_cast<const std::byte*>(elements_[number]->data());
  return ScalarValue::Load(dtype, bytes + point * ByteSize(dtype)).ToInt();
}

absl::Status NestEvaluator::ReadSlowly(int number, int64_t n) {
  const CompiledAccess& access = accesses_[number];
  std::array<int64_t, kChunk> places;
  std::array<bool, kChunk> inside;
  for (int64_t j = 0; j < n; ++j) {
    places[j] = 0;
    inside[j] = true;
    for (size_t d = 0; d < access.index.size(); ++d) {
      const CompiledIndex& index = access.index[d];
      int64_t i = index.offset;
      for (size_t k = 0; k < extents_.size(); ++k) {
        if (index.coefficients[k] == 0) continue;
        i += index.coefficients[k] * static_cast<const int64_t*>(points_of_[k]->data())[j];
      }
      if (index.divisor > 1) {
        inside[j] = inside[j] && i % index.divisor == 0;
        i /= index.divisor;
      }
      if (index.indirect >= 0) {
        int64_t read = Indirect(index.indirect, j);
        if (index.clamp) {
          read = std::clamp<int64_t>(read, 0, index.clamp_max);
        } else if (!access.guarded && (read < 0 || read >= index.extent)) {
          return absl::OutOfRangeError(absl::StrCat("index ", read, " is out of range: dimension ",
                                                    d, " has extent ", index.extent));
        }
        i += index.indirect_sign * read;
      }
      inside[j] = inside[j] && i >= 0 && i < index.extent;
      places[j] += i * index.stride;
    }
    if (!inside[j]) {
      TENON_CHECK(access.guarded);  // an op's nest stays within its operands
      places[j] = 0;
    }
  }
  const int64_t size = ByteSize(access.operand->dtype());
  std::byte* out = elements_[number]->bytes.data();
  if (access.operand->size() > 0) {
    CopyElements(access, places.data(), n, out);
  }
  if (access.guarded) {
    auto* flags = static_cast<uint8_t*>(inside_[number]->data());
    for (int64_t j = 0; j < n; ++j) {
      flags[j] = inside[j];
      if (!inside[j]) std::memset(out + j * size, 0, size);
    }
  }
  return absl::OkStatus();
}

void NestEvaluator::EvaluateBody(int64_t n) {
  const std::vector<ScalarInstr>& instrs = def_.body.instrs;
  std::vector<ScalarArg> at(instrs.size());  // where each instruction's values are
  for (size_t i = 0; i < instrs.size(); ++i) {
    const ScalarInstr& instr = instrs[i];
    void* const own = values_[i]->data();
    switch (instr.kind) {
      case ScalarInstr::Kind::kAccess:
        at[i] = {elements_[instr.index]->data(), 1};
        break;
      case ScalarInstr::Kind::kInBounds:
        at[i] = {inside_[instr.index]->data(), 1};
        break;
      case ScalarInstr::Kind::kIterator:
        at[i] = {points_of_[instr.index]->data(), 1};
        break;
      case ScalarInstr::Kind::kExtent:
        *static_cast<int64_t*>(own) = extents_[instr.index];
        at[i] = {own, 0};
        break;
      case ScalarInstr::Kind::kConstant:
        if (instr.dtype == DType::kI64) {
          *static_cast<int64_t*>(own) = instr.integer;
        } else {
          ScalarValue::FromDouble(instr.dtype, instr.constant).Store(own);
        }
        at[i] = {own, 0};
        break;
      case ScalarInstr::Kind::kOp: {
        ScalarArg args[3] = {};
        const int arity = ScalarOpArity(instr.op);
        for (int k = 0; k < arity; ++k) args[k] = at[instr.args[k]];
        EvalScalarOp(instr.op, instrs[instr.args[arity - 1]].dtype, instr.dtype, options_.has_fma,
                     n, args, own);
        at[i] = {own, 1};
        break;
      }
    }
  }
  // The result into the last buffer, element by element, wherever it came from.
  const ScalarArg& last = at.back();
  std::byte* const out = values_.back()->bytes.data();
  const int64_t size = ByteSize(instrs.back().dtype);
  if (last.data != out) {
    std::memcpy(out, last.data, n * size);
  } else if (last.stride == 0) {
    for (int64_t j = 1; j < n; ++j) std::memcpy(out + j * size, out, size);
  }
}

void NestEvaluator::StoreAccumulator(int64_t element) {
  std::byte* const out = result_.mutable_bytes() + element * ByteSize(result_.dtype());
  const ScalarArg arg{accumulator_.data(), 0};
  EvalScalarOp(ScalarOp::kCast, accumulator_type_, result_.dtype(), options_.has_fma, 1, &arg, out);
}

// Combines the values of points first ... first + n - 1 into their elements of the result.
void NestEvaluator::Reduce(int64_t first, int64_t n) {
  const DType body_type = def_.body.instrs.back().dtype;
  Buffer widened;
  const void* values = values_.back()->data();
  if (accumulator_type_ != body_type) {
    const ScalarArg arg{values, 1};
    EvalScalarOp(ScalarOp::kCast, body_type, accumulator_type_, options_.has_fma, n, &arg,
                 widened.data());
    values = widened.data();
  }
  for (int64_t j = 0; j < n;) {
    const int64_t point = first + j;
    const int64_t at = point % reduced_;
    if (at == 0) SetIdentity(def_.combiner, accumulator_type_, accumulator_.data());
    const int64_t run = std::min(n - j, reduced_ - at);
    Accumulate(def_.combiner, accumulator_type_, run,
               static_cast<const std::byte*>(values) + j * ByteSize(accumulator_type_),
               accumulator_.data());
    if (at + run == reduced_) StoreAccumulator(point / reduced_);
    j += run;
  }
}

absl::Status NestEvaluator::Run() {
  const bool reduces = def_.combiner != Combiner::kNone;
  if (reduces && reduced_ == 0) {
    for (int64_t i = 0; i < result_.size(); ++i) {
      SetIdentity(def_.combiner, accumulator_type_, accumulator_.data());
      StoreAccumulator(i);
    }
    return absl::OkStatus();
  }
  const int64_t size = ByteSize(result_.dtype());
  for (int64_t first = 0; first < points_; first += kChunk) {
    const int64_t n = std::min(kChunk, points_ - first);
    ReadPoints(n);
    for (size_t i = 0; i < accesses_.size(); ++i) {
      TENON_RETURN_IF_ERROR(Read(static_cast<int>(i), n));
    }
    EvaluateBody(n);
    if (reduces) {
      Reduce(first, n);
    } else {
      std::memcpy(result_.mutable_bytes() + first * size, values_.back()->data(), n * size);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Literal> Allocate(const TensorType& type, const InterpretOptions& options) {
  TENON_ASSIGN_OR_RETURN(std::vector<int64_t> dims, EvaluateShape(type.dims, options.extents));
  int64_t bytes = ByteSize(type.dtype);
  for (int64_t d : dims) {
    if (d < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("extent ", d, " of ", type.ToString(), " is negative"));
    }
    if (__builtin_mul_overflow(bytes, d, &bytes) || bytes > options.max_value_bytes) {
      return absl::ResourceExhaustedError(absl::StrCat(
          type.ToString(), " takes more than ", options.max_value_bytes, " bytes in this run"));
    }
  }
  return Literal(type.dtype, std::move(dims));
}

absl::Status EvaluateNest(const ComputeDef& def, absl::Span<const Literal* const> operands,
                          const InterpretOptions& options, Literal& result) {
  NestEvaluator evaluator(def, options, result);
  TENON_RETURN_IF_ERROR(evaluator.Prepare(operands));
  return evaluator.Run();
}

}  // namespace tenon::ir::internal
