// Where in the user's source an op was written. Carried through every pass, never part of equality,
// hashes or objects.
#ifndef TENON_IR_LOCATION_H_
#define TENON_IR_LOCATION_H_

#include <source_location>
#include <string>

#include "absl/strings/str_cat.h"

namespace tenon::ir {

struct Location {
  std::string file;  // empty: unknown
  int line = 0;

  Location() = default;
  Location(std::string file_name, int line_number)
      : file(std::move(file_name)), line(line_number) {}
  explicit Location(const std::source_location& l)
      : file(l.file_name()), line(static_cast<int>(l.line())) {}

  bool known() const { return !file.empty(); }
  // "mlp.cc:14", or "<unknown>".
  std::string ToString() const { return known() ? absl::StrCat(file, ":", line) : "<unknown>"; }
};

}  // namespace tenon::ir

#endif  // TENON_IR_LOCATION_H_
