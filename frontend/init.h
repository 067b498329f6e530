// First values of parameters and state: evaluates what ir::Initializer describes, as Keras does.
#ifndef TENON_FRONTEND_INIT_H_
#define TENON_FRONTEND_INIT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tenon/frontend/tensor.h"
#include "tenon/ir/graph.h"

namespace tenon {

struct Fans {
  double in = 1, out = 1;
};
// Of a shape [..., in, out]: both times the product of the leading dimensions. A vector's two fans
// are its extent, a scalar's are 1.
Fans ComputeFans(absl::Span<const int64_t> dims);

// A tensor filled as `initializer` says. The values depend on seed and name alone, not on how many
// tensors were made before. Random forms need a float type.
absl::StatusOr<Tensor> Initialize(const ir::Initializer& initializer, ir::DType dtype,
                                  absl::Span<const int64_t> dims, uint64_t seed,
                                  absl::string_view name);

}  // namespace tenon

#endif  // TENON_FRONTEND_INIT_H_
