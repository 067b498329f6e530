#include "tenon/frontend/data/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
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

namespace {

// Writes all of `contents`; returns 0 or an error number.
int WriteAll(int fd, absl::string_view contents) {
  while (!contents.empty()) {
    const ssize_t n = write(fd, contents.data(), contents.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? errno : EIO;
    contents.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

// The permissions that a new file gets from this process.
mode_t NewFileMode() {
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

}  // namespace

absl::Status WriteFileAtomically(const std::string& path,
                                 absl::Span<const absl::string_view> pieces) {
  std::string temporary = absl::StrCat(path, ".XXXXXX");
  const int fd = mkstemp(temporary.data());
  if (fd < 0) return FileError("cannot write beside", path, errno);
  int error = 0;
  for (absl::string_view piece : pieces) {
    if (error == 0) error = WriteAll(fd, piece);
  }
  // mkstemp makes files for the owner alone; what is saved is as public as any new file.
  if (error == 0 && (fchmod(fd, NewFileMode()) != 0 || fsync(fd) != 0)) error = errno;
  if (close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return absl::OkStatus();
  unlink(temporary.c_str());
  return FileError("cannot write", path, error);
}

}  // namespace tenon::data
