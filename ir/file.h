// Whole files: read, and written so that a reader sees the old contents or the new, never a part.
#ifndef TENON_IR_FILE_H_
#define TENON_IR_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tenon::ir {

// The contents of a file, or of standard input for "-". Errors name the path.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Writes `pieces`, one after the other, beside `path`, and renames once all is on the disk: a
// failure leaves what was there. "-" is standard output.
absl::Status WriteFileAtomically(const std::string& path,
                                 absl::Span<const absl::string_view> pieces);
inline absl::Status WriteFileAtomically(const std::string& path, absl::string_view contents) {
  return WriteFileAtomically(path, absl::MakeConstSpan(&contents, 1));
}

}  // namespace tenon::ir

#endif  // TENON_IR_FILE_H_
