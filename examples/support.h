// What the examples share: an error ends the program with its message and exit code 1.
#ifndef TENON_EXAMPLES_SUPPORT_H_
#define TENON_EXAMPLES_SUPPORT_H_

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

inline void OrExit(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "error: %s\n", status.ToString().c_str());
  std::exit(1);
}

template <typename T>
T OrExit(absl::StatusOr<T> result) {
  OrExit(result.status());
  return *std::move(result);
}

#endif  // TENON_EXAMPLES_SUPPORT_H_
