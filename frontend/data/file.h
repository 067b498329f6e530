// Whole files, plain or compressed by gzip, with errors that name the file.
#ifndef TENON_FRONTEND_DATA_FILE_H_
#define TENON_FRONTEND_DATA_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tenon::data {

// The contents; those of a gzip file (told by its first bytes) decompressed. At most `max_bytes`
// come out: a small file that would unpack to more is an error.
absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes = int64_t{8} << 30);

// Writes `pieces`, one after the other, to a new file beside `path`, and moves it there once it is
// whole and on the disk: a run that fails leaves what was there before.
absl::Status WriteFileAtomically(const std::string& path,
                                 absl::Span<const absl::string_view> pieces);

}  // namespace tenon::data

#endif  // TENON_FRONTEND_DATA_FILE_H_
