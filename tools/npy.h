// NumPy's .npy files (format versions 1 to 3): one array a file, as `tenon run` reads and writes
// them. Object arrays (pickles) and big-endian files are refused.
//
// NumPy has no bf16: such tensors are written as f32, and read from f32 files, both exactly.
#ifndef TENON_TOOLS_NPY_H_
#define TENON_TOOLS_NPY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tenon/ir/literal.h"

namespace tenon::tools {

// The array in `bytes`. Errors name `filename`; memory is only taken once the bytes are there.
absl::StatusOr<ir::Literal> ParseNpy(absl::string_view bytes, absl::string_view filename);

// The file's bytes.
std::string ToNpy(const ir::Literal& literal);

// `literal` as an element of `dtype`: itself, or f32 rounded to bf16. Nothing else converts
// silently; the error names both types.
absl::StatusOr<ir::Literal> ConvertTo(ir::DType dtype, ir::Literal literal);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_NPY_H_
