#include "tenon/passes/lower/combine.h"

#include <cstdint>
#include <limits>

#include "tenon/ir/check.h"

namespace tenon::lower {

using ir::Combiner;
using ir::DType;

namespace {

// The greatest (or least) value of a type, for Const; i64's own are made separately.
double Limit(DType dtype, bool greatest) {
  switch (dtype) {
    case DType::kF32:
    case DType::kF64:
    case DType::kBF16:
    case DType::kF16:
      return greatest ? std::numeric_limits<double>::infinity()
                      : -std::numeric_limits<double>::infinity();
    case DType::kI8:
      return greatest ? 127 : -128;
    case DType::kU8:
      return greatest ? 255 : 0;
    case DType::kI32:
      return greatest ? 2147483647.0 : -2147483648.0;
    case DType::kI64:
    case DType::kBool:
      return greatest ? 1 : 0;
  }
  return 0;
}

}  // namespace

kernel::ValueId IdentityOf(kernel::KernelBuilder& k, Combiner combiner, DType dtype) {
  const bool greatest = combiner == Combiner::kMin;
  switch (combiner) {
    case Combiner::kNone:
      break;
    case Combiner::kSum:
    case Combiner::kOr:
      return dtype == DType::kI64 ? k.ConstI64(0) : k.Const(dtype, 0);
    case Combiner::kProd:
      return dtype == DType::kI64 ? k.ConstI64(1) : k.Const(dtype, 1);
    case Combiner::kAnd:
      return dtype == DType::kBool  ? k.Const(dtype, 1)
             : dtype == DType::kI64 ? k.ConstI64(-1)
                                    : k.Const(dtype, dtype == DType::kU8 ? 255 : -1);
    case Combiner::kMax:
    case Combiner::kMin:
      if (dtype == DType::kI64) {
        return k.ConstI64(greatest ? std::numeric_limits<int64_t>::max()
                                   : std::numeric_limits<int64_t>::min());
      }
      return k.Const(dtype, Limit(dtype, greatest));
  }
  TENON_CHECK(combiner != Combiner::kNone);
  return {};
}

}  // namespace tenon::lower
