// KernelCache: compiled kernels by what they were compiled from.
//
// A key is a digest of everything that decides a kernel's object bytes: the canonical bytes of its
// kernel IR, the target, LLVM's version and the build of tenon. So an entry never goes stale; it is
// only ever absent. Entries live in memory, and in a directory too when one is given:
//   - the directory is made with mode 0700, and is not used when it belongs to someone else or
//     others may write to it;
//   - a file is written under a name of its own and renamed, so that readers see all of it or none;
//   - a file carries a checksum and its key: one that is damaged is ignored, and written anew.
// A cache that cannot be read or written is no error: kernels are then compiled. All methods may be
// called from several threads at once.
#ifndef TENON_CODEGEN_CACHE_H_
#define TENON_CODEGEN_CACHE_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace tenon::codegen {

class KernelCache {
 public:
  // In memory only.
  KernelCache() = default;
  // Backed by `directory`, which is made when missing (its parent must exist).
  explicit KernelCache(std::string directory);
  KernelCache(const KernelCache&) = delete;
  KernelCache& operator=(const KernelCache&) = delete;

  // The object stored under `key` (a file name: hexadecimal digits).
  std::optional<std::string> Find(absl::string_view key);
  void Insert(absl::string_view key, absl::string_view object);

  // What the cache did so far, for tests and reports.
  struct Counters {
    int64_t memory_hits = 0;
    int64_t disk_hits = 0;
    int64_t misses = 0;
    int64_t damaged = 0;  // files that were there and could not be used; also counted as misses
  };
  Counters counters() const;
  // Empty when entries are kept in memory only, also because the directory cannot be trusted.
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> entries_;
  Counters counters_;
};

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_CACHE_H_
