// Unit roundoff: what tolerances are multiples of.
#ifndef TENON_IR_ROUNDOFF_H_
#define TENON_IR_ROUNDOFF_H_

#include "tenon/ir/dtype.h"

namespace tenon::ir {

// The largest relative error of rounding a number to a float format: half of the distance between 1
// and the next one. 0 for integers and bool, whose results are exact.
constexpr double UnitRoundoff(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return 0x1p-53;
    case DType::kF32:
      return 0x1p-24;
    case DType::kF16:
      return 0x1p-11;
    case DType::kBF16:
      return 0x1p-8;
    case DType::kI8:
    case DType::kU8:
    case DType::kI32:
    case DType::kI64:
    case DType::kBool:
      return 0;
  }
  return 0;
}

}  // namespace tenon::ir

#endif  // TENON_IR_ROUNDOFF_H_
