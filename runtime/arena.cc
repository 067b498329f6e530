#include "tenon/runtime/arena.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "tenon/runtime/abi.h"

namespace tenon::runtime {
namespace {

// From here on memory is mapped: fresh pages are zero and come when they are touched.
constexpr int64_t kMapFrom = 1 << 20;

}  // namespace

Arena::Arena(int64_t size) : size_(size) {
  if (size < 0) return;
  if (size >= kMapFrom) {
    void* memory = mmap(nullptr, static_cast<size_t>(size), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    data_ = static_cast<char*>(memory);
    mapped_ = size;
    return;
  }
  // Whole lines, so that nothing else shares the last one.
  const size_t rounded =
      static_cast<size_t>(size / TENON_ARENA_ALIGNMENT + 1) * TENON_ARENA_ALIGNMENT;
  data_ = static_cast<char*>(std::aligned_alloc(TENON_ARENA_ALIGNMENT, rounded));
  if (data_ != nullptr) std::memset(data_, 0, rounded);
}

Arena::Arena(Arena&& other) noexcept { *this = std::move(other); }

Arena& Arena::operator=(Arena&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

Arena::~Arena() {
  if (mapped_ > 0) {
    munmap(data_, static_cast<size_t>(mapped_));
  } else {
    std::free(data_);
  }
}

}  // namespace tenon::runtime
