// Weight files in safetensors form: named tensors and a little text, readable by anyone's tools.
//
// A file is eight bytes of header length (little-endian), a JSON header with type, shape and place
// of every tensor, and the elements, without gaps, those of the widest types first: in a file that
// is mapped all of them are aligned. Files are written atomically. A file is trusted with nothing:
// whatever its header claims is checked against its size before memory is taken.
#ifndef TENON_FRONTEND_CHECKPOINT_SAFETENSORS_H_
#define TENON_FRONTEND_CHECKPOINT_SAFETENSORS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tenon/frontend/tensor.h"

namespace tenon::checkpoint {

struct Checkpoint {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

// What stands before the elements in a file, the tensors in the order in which they follow, and
// where the elements of each begin.
struct Layout {
  std::string header;
  std::vector<std::string> order;
  std::map<std::string, int64_t> offsets;
};
// Errors: names that are empty or "__metadata__".
absl::StatusOr<Layout> LayOut(const std::map<std::string, TensorView>& tensors,
                              const std::map<std::string, std::string>& metadata = {});

// Errors: names that are empty or "__metadata__", and a file that cannot be written; what stood
// under `path` before is then untouched.
absl::Status Save(const std::string& path, const std::map<std::string, TensorView>& tensors,
                  const std::map<std::string, std::string>& metadata = {});

// Errors name the file and what is wrong in it.
absl::StatusOr<Checkpoint> Load(const std::string& path);

}  // namespace tenon::checkpoint

#endif  // TENON_FRONTEND_CHECKPOINT_SAFETENSORS_H_
