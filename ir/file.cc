#include "tenon/ir/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"

namespace tenon::ir {
namespace {

absl::Status SystemError(absl::string_view what, const std::string& path, int error) {
  const std::string message = absl::StrCat(what, " '", path, "': ", std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

absl::StatusOr<std::string> ReadDescriptor(int fd, const std::string& path) {
  std::string contents;
  struct stat info;
  // Room for a regular file at once, and a byte more to see its end.
  size_t step = size_t{1} << 16;
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) step = static_cast<size_t>(info.st_size) + 1;
  size_t used = 0;
  while (true) {
    if (used == contents.size()) contents.resize(used + std::max(step, used));
    const ssize_t n = read(fd, contents.data() + used, contents.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("cannot read", path, errno);
    if (n == 0) break;
    used += static_cast<size_t>(n);
  }
  contents.resize(used);
  return contents;
}

// 0, or errno.
int WriteAll(int fd, absl::Span<const absl::string_view> pieces) {
  for (absl::string_view piece : pieces) {
    while (!piece.empty()) {
      const ssize_t n = write(fd, piece.data(), piece.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return n < 0 ? errno : EIO;
      piece.remove_prefix(static_cast<size_t>(n));
    }
  }
  return 0;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  if (path == "-") return ReadDescriptor(STDIN_FILENO, "standard input");
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError("cannot open", path, errno);
  absl::StatusOr<std::string> contents = ReadDescriptor(fd, path);
  close(fd);
  return contents;
}

absl::Status WriteFileAtomically(const std::string& path,
                                 absl::Span<const absl::string_view> pieces) {
  if (path == "-") {
    const int error = WriteAll(STDOUT_FILENO, pieces);
    return error == 0 ? absl::OkStatus() : SystemError("cannot write", "standard output", error);
  }
  struct stat info;
  const bool exists = stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode)) return SystemError("cannot write", path, EISDIR);
  if (exists && !S_ISREG(info.st_mode)) {  // a device or pipe cannot be renamed over
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return SystemError("cannot write", path, errno);
    const int error = WriteAll(fd, pieces);
    close(fd);
    return error == 0 ? absl::OkStatus() : SystemError("cannot write", path, error);
  }
  std::string temporary = path + ".XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return SystemError("cannot write beside", path, errno);
  // mkostemp makes a private file; the result has the rights of the old one, or the usual ones.
  const mode_t mask = umask(0);
  umask(mask);
  fchmod(fd, exists ? info.st_mode & 07777 : 0666 & ~mask);
  int error = WriteAll(fd, pieces);
  if (error == 0 && fsync(fd) != 0 && errno != EINVAL) error = errno;
  if (close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(temporary.c_str());
    return SystemError("cannot write", path, error);
  }
  return absl::OkStatus();
}

}  // namespace tenon::ir
