#include "tenon/frontend/data/file.h"

#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"

namespace tenon::data {

namespace {

absl::Status FileError(absl::string_view what, const std::string& path, int error) {
  const std::string message = absl::StrCat(what, " '", path, "': ", std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

struct GzClose {
  void operator()(gzFile file) const { gzclose(file); }
};

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return FileError("cannot read", path, errno);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "' is not a regular file"));
  }
  // gzread passes files that are not compressed through as they are.
  std::unique_ptr<gzFile_s, GzClose> file(gzopen(path.c_str(), "rb"));
  if (file == nullptr) return FileError("cannot open", path, errno);
  constexpr size_t kChunk = size_t{1} << 20;
  std::string contents;
  for (;;) {
    const size_t have = contents.size();
    contents.resize(have + kChunk);
    const int got = gzread(file.get(), contents.data() + have, kChunk);
    contents.resize(have + std::max(got, 0));
    if (static_cast<int64_t>(contents.size()) > max_bytes) {
      return absl::OutOfRangeError(
          absl::StrCat("'", path, "' holds more than ", max_bytes, " bytes"));
    }
    if (got <= 0) break;  // only at the very end has the checksum been compared
  }
  int code = Z_OK;
  const char* message = gzerror(file.get(), &code);
  if (code != Z_OK) {
    return absl::DataLossError(absl::StrCat("'", path, "' is damaged: ", message));
  }
  return contents;
}

}  // namespace tenon::data
