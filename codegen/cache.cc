#include "tenon/codegen/cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tenon::codegen {
namespace {

// A file is: magic, the key, the object's size and checksum in hexadecimal, one line each, and the
// object.
constexpr char kMagic[] = "tenon kernel cache 1";

// FNV-1a in 64 bits: guards against damage, not against an enemy; the directory is private.
uint64_t Checksum(absl::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash;
}

// Makes `directory` when it is missing. Whether it is a directory of this user's that nobody else
// may write to.
bool IsPrivateDirectory(const std::string& directory) {
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return false;
  struct stat info;
  if (lstat(directory.c_str(), &info) != 0) return false;
  return S_ISDIR(info.st_mode) && info.st_uid == geteuid() && (info.st_mode & 0022) == 0;
}

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream contents;
  contents << file.rdbuf();
  return std::move(contents).str();
}

std::string Header(absl::string_view key, absl::string_view object) {
  return absl::StrCat(kMagic, "\n", key, "\n", absl::Hex(object.size(), absl::kZeroPad16), "\n",
                      absl::Hex(Checksum(object), absl::kZeroPad16), "\n");
}

// The object in a file's contents, where those are whole and belong to `key`.
std::optional<std::string> Unpack(absl::string_view key, const std::string& contents) {
  const size_t header_size = Header(key, "").size();
  if (contents.size() < header_size) return std::nullopt;
  const absl::string_view object = absl::string_view(contents).substr(header_size);
  if (contents.compare(0, header_size, Header(key, object)) != 0) return std::nullopt;
  return std::string(object);
}

// Writes all of `parts` to a new file and gives it its name only once it is complete.
void WriteFile(const std::string& path, absl::string_view header, absl::string_view object) {
  static std::atomic<unsigned> counter{0};
  const std::string temporary =
      absl::StrCat(path, ".", static_cast<int64_t>(getpid()), ".", counter.fetch_add(1));
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return;
  bool written = true;
  for (absl::string_view part : {header, object}) {
    while (written && !part.empty()) {
      const ssize_t n = write(file, part.data(), part.size());
      if (n < 0 && errno == EINTR) continue;
      written = n > 0;
      if (written) part.remove_prefix(static_cast<size_t>(n));
    }
  }
  written = close(file) == 0 && written;
  if (!written || std::rename(temporary.c_str(), path.c_str()) != 0) {
    unlink(temporary.c_str());
  }
}

}  // namespace

KernelCache::KernelCache(std::string directory) : directory_(std::move(directory)) {
  if (!directory_.empty() && !IsPrivateDirectory(directory_)) directory_.clear();
}

std::optional<std::string> KernelCache::Find(absl::string_view key) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(std::string(key));
    if (found != entries_.end()) {
      ++counters_.memory_hits;
      return found->second;
    }
    if (directory_.empty()) {
      ++counters_.misses;
      return std::nullopt;
    }
  }
  const std::optional<std::string> contents = ReadFile(absl::StrCat(directory_, "/", key));
  std::optional<std::string> object;
  if (contents.has_value()) object = Unpack(key, *contents);
  const std::lock_guard lock(mutex_);
  if (object.has_value()) {
    ++counters_.disk_hits;
    entries_.emplace(std::string(key), *object);
  } else {
    ++counters_.misses;
    if (contents.has_value()) ++counters_.damaged;
  }
  return object;
}

void KernelCache::Insert(absl::string_view key, absl::string_view object) {
  {
    const std::lock_guard lock(mutex_);
    entries_[std::string(key)] = std::string(object);
  }
  if (directory_.empty()) return;
  WriteFile(absl::StrCat(directory_, "/", key), Header(key, object), object);
}

KernelCache::Counters KernelCache::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace tenon::codegen
