// Reads IDX, the format of MNIST and Fashion-MNIST: a big-endian header and raw elements. Files may
// be compressed by gzip.
#ifndef TENON_FRONTEND_DATA_IDX_H_
#define TENON_FRONTEND_DATA_IDX_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tenon/frontend/data/dataset.h"
#include "tenon/frontend/tensor.h"

namespace tenon::data {

// The tensor in a file. Errors name the file and what is wrong with it.
absl::StatusOr<Tensor> ReadIdx(const std::string& path);
// The same from contents in memory; `name` stands in errors.
absl::StatusOr<Tensor> ParseIdx(absl::string_view contents, absl::string_view name);

// An MNIST-like pair: images u8[n, h, w] scaled to f32[n, h, w, 1] in [0, 1], labels u8[n].
absl::StatusOr<Dataset> ReadImages(const std::string& images_path, const std::string& labels_path);

}  // namespace tenon::data

#endif  // TENON_FRONTEND_DATA_IDX_H_
