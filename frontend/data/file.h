// Whole files, plain or compressed by gzip, with errors that name the file.
#ifndef TENON_FRONTEND_DATA_FILE_H_
#define TENON_FRONTEND_DATA_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace tenon::data {

// The contents; those of a gzip file (told by its first bytes) decompressed. At most `max_bytes`
// come out: a small file that would unpack to more is an error.
absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes = int64_t{8} << 30);

}  // namespace tenon::data

#endif  // TENON_FRONTEND_DATA_FILE_H_
