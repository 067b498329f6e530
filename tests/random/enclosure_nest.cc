#include "tests/random/enclosure_nest.h"

#include <algorithm>

#include "tenon/ir/check.h"
#include "tenon/ir/scalar.h"

namespace tenon::tests {

using ir::Combiner;
using ir::DType;

Reducer::Reducer(Combiner combiner, DType dtype, double units)
    : combiner_(combiner), dtype_(dtype), units_(units) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double lowest = -kInfinity, highest = kInfinity;
  if (!ir::IsFloat(dtype)) {
    const double width = static_cast<double>(ir::ByteSize(dtype) * 8);
    lowest = ir::IsSigned(dtype) ? -std::exp2(width - 1) : 0;
    highest = dtype == DType::kBool ? 1 : std::exp2(ir::IsSigned(dtype) ? width - 1 : width) - 1;
  }
  switch (combiner) {
    case Combiner::kProd:
    case Combiner::kAnd:
      value_ = Interval::Point(1);
      break;
    case Combiner::kMax:
      value_ = Interval::Point(lowest);
      break;
    case Combiner::kMin:
      value_ = Interval::Point(highest);
      break;
    case Combiner::kSum:
    case Combiner::kOr:
    case Combiner::kNone:
      break;
  }
}

void Reducer::Take(const Interval& x) {
  auto combine = [&](ir::ScalarOp op, DType dtype) {
    const Interval args[2] = {value_, x};
    value_ = EvalInterval(op, dtype, dtype, args);
  };
  const DType wide = ir::IsFloat(dtype_) ? DType::kF64 : dtype_;  // roundings come with the result
  switch (combiner_) {
    case Combiner::kSum:
      magnitude_ += x.magnitude();
      return combine(ir::ScalarOp::kAdd, wide);
    case Combiner::kProd:
      return combine(ir::ScalarOp::kMul, wide);
    case Combiner::kMax:
      return combine(ir::ScalarOp::kMax, wide);
    case Combiner::kMin:
      return combine(ir::ScalarOp::kMin, wide);
    case Combiner::kAnd:
      return combine(ir::ScalarOp::kAnd, dtype_);
    case Combiner::kOr:
      return combine(ir::ScalarOp::kOr, dtype_);
    case Combiner::kNone:
      value_ = x;
      return;
  }
}

Interval Reducer::Result() const {
  if (!ir::IsFloat(dtype_)) return value_;
  const bool sum = combiner_ == Combiner::kSum, product = combiner_ == Combiner::kProd;
  if (!sum && !product) return value_;
  const double magnitude = sum ? magnitude_ : value_.magnitude();
  // 16-bit formats accumulate in f32 and round once.
  const Interval accumulated = Widen(value_, units_ + kOpUnits, magnitude, ir::ComputeType(dtype_));
  if (ir::ComputeType(dtype_) == dtype_) return accumulated;
  return Widen(accumulated, kOpUnits, accumulated.magnitude(), dtype_);
}

namespace {

struct Place {
  std::vector<int64_t> coefficients;  // one an iterator
  int64_t offset = 0, clamp_max = 0, extent = 0, stride = 0;
};

class Nest {
 public:
  Nest(const ir::ComputeDef& def, absl::Span<const Enclosure* const> operands)
      : def_(def), operands_(operands) {}
  absl::Status Prepare(const ir::Extents& extents);
  void Run(Enclosure& result);

 private:
  // The element that an access reads at the present point.
  Interval Read(int number);
  Interval Body();

  const ir::ComputeDef& def_;
  absl::Span<const Enclosure* const> operands_;
  std::vector<int64_t> extents_, point_;
  std::vector<std::vector<Place>> places_;  // access by access, index by index
  std::vector<Interval> read_, values_;
  std::vector<bool> inside_;
};

absl::Status Nest::Prepare(const ir::Extents& extents) {
  TENON_ASSIGN_OR_RETURN(extents_, ir::EvaluateShape(def_.domain, extents));
  for (const ir::Access& access : def_.accesses) {
    std::vector<Place>& places = places_.emplace_back(access.index.size());
    const std::vector<int64_t>& dims = operands_[access.operand]->dims;
    int64_t stride = 1;
    for (int d = static_cast<int>(dims.size()) - 1; d >= 0; --d) {
      const ir::Index& index = access.index[d];
      Place& place = places[d];
      place.coefficients.assign(extents_.size(), 0);
      for (const ir::Affine::Term& term : index.affine.terms) {
        TENON_ASSIGN_OR_RETURN(const int64_t c, term.coefficient.Evaluate(extents));
        place.coefficients[term.iterator] += c;
      }
      TENON_ASSIGN_OR_RETURN(place.offset, index.affine.offset.Evaluate(extents));
      TENON_ASSIGN_OR_RETURN(place.clamp_max, index.clamp_max.Evaluate(extents));
      place.extent = dims[d];
      place.stride = stride;
      stride *= dims[d];
    }
  }
  read_.resize(def_.accesses.size());
  inside_.resize(def_.accesses.size());
  values_.resize(def_.body.instrs.size());
  return absl::OkStatus();
}

Interval Nest::Read(int number) {
  const ir::Access& access = def_.accesses[number];
  int64_t at = 0;
  inside_[number] = true;
  for (size_t d = 0; d < access.index.size(); ++d) {
    const ir::Index& index = access.index[d];
    const Place& place = places_[number][d];
    int64_t i = place.offset;
    for (size_t k = 0; k < point_.size(); ++k) i += place.coefficients[k] * point_[k];
    if (index.affine.divisor > 1) {
      if (i % index.affine.divisor != 0) inside_[number] = false;
      i /= index.affine.divisor;
    }
    if (index.indirect >= 0) {
      const Interval& v = read_[index.indirect];
      if (!v.point()) {
        i = -1;  // unknown
      } else {
        int64_t read = static_cast<int64_t>(v.low);
        if (index.clamp) read = std::clamp<int64_t>(read, 0, place.clamp_max);
        i += index.indirect_sign * read;
      }
      if (!v.point() || (!access.guarded && (i < 0 || i >= place.extent))) {
        return Interval::Anything();
      }
    }
    if (i < 0 || i >= place.extent) inside_[number] = false;
    at += i * place.stride;
  }
  return inside_[number] ? operands_[access.operand]->elements[at] : Interval::Point(0);
}

Interval Nest::Body() {
  const std::vector<ir::ScalarInstr>& instrs = def_.body.instrs;
  for (size_t i = 0; i < instrs.size(); ++i) {
    const ir::ScalarInstr& instr = instrs[i];
    using Kind = ir::ScalarInstr::Kind;
    switch (instr.kind) {
      case Kind::kAccess:
        values_[i] = read_[instr.index];
        break;
      case Kind::kInBounds:
        values_[i] = Interval::Point(inside_[instr.index]);
        break;
      case Kind::kIterator:
        values_[i] = Interval::Point(static_cast<double>(point_[instr.index]));
        break;
      case Kind::kExtent:
        values_[i] = Interval::Point(static_cast<double>(extents_[instr.index]));
        break;
      case Kind::kConstant:
        values_[i] = Interval::Point(
            instr.dtype == DType::kI64
                ? static_cast<double>(instr.integer)
                : ir::ScalarValue::FromDouble(instr.dtype, instr.constant).ToDouble());
        break;
      case Kind::kOp: {
        Interval args[3];
        const int arity = ir::ScalarOpArity(instr.op);
        for (int k = 0; k < arity; ++k) args[k] = values_[instr.args[k]];
        values_[i] = EvalInterval(instr.op, instrs[instr.args[arity - 1]].dtype, instr.dtype, args);
        break;
      }
    }
  }
  return values_.back();
}

void Nest::Run(Enclosure& result) {
  double domain = 1;
  int64_t reduced = 1;
  for (size_t i = 0; i < extents_.size(); ++i) {
    domain *= static_cast<double>(extents_[i]);
    if (static_cast<int>(i) >= def_.num_parallel) reduced *= extents_[i];
  }
  point_.assign(extents_.size(), 0);
  for (Interval& element : result.elements) {
    // Contractions of 16-bit operands have products of f32, rounded with the result.
    Reducer reducer(def_.combiner, result.dtype, domain);
    for (int64_t r = 0; r < reduced; ++r) {
      for (size_t a = 0; a < read_.size(); ++a) read_[a] = Read(static_cast<int>(a));
      reducer.Take(Body());
      for (int i = static_cast<int>(point_.size()) - 1; i >= 0; --i) {
        if (++point_[i] < extents_[i]) break;
        point_[i] = 0;
      }
    }
    element = reducer.Result();
  }
}

}  // namespace

absl::Status EncloseNest(const ir::ComputeDef& def, absl::Span<const Enclosure* const> operands,
                         const ir::Extents& extents, Enclosure& result) {
  Nest nest(def, operands);
  TENON_RETURN_IF_ERROR(nest.Prepare(extents));
  nest.Run(result);
  return absl::OkStatus();
}

}  // namespace tenon::tests
