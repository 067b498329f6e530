#include "tenon/runtime/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "tenon/runtime/abi.h"

namespace tenon::runtime {
namespace {

// From here on memory is mapped: fresh pages are zero and come when they are touched.
constexpr int64_t kMapFrom = 1 << 20;
// The size of a huge page, where the system has them. Walks over packed panels and long rows miss
// the translation buffers on small ones.
constexpr int64_t kHugePage = 2 << 20;

// `size` bytes of fresh memory; from a huge page's size on at a multiple of that. Null if there is
// none.
char* Map(int64_t size) {
  const int64_t slack = size >= kHugePage ? kHugePage : 0;
  void* memory = mmap(nullptr, static_cast<size_t>(size + slack), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  char* data = static_cast<char*>(memory);
  if (slack == 0) return data;
  const auto before = static_cast<int64_t>(-reinterpret_cast<uintptr_t>(data) & (kHugePage - 1));
  const int64_t page = sysconf(_SC_PAGESIZE);
  const int64_t used = (size + page - 1) / page * page;
  if (before > 0) munmap(data, static_cast<size_t>(before));
  if (before + used < size + slack) {
    munmap(data + before + used, static_cast<size_t>(size + slack - before - used));
  }
#ifdef MADV_HUGEPAGE
  madvise(data + before, static_cast<size_t>(size), MADV_HUGEPAGE);  // a wish: may fail
#endif
  return data + before;
}

}  // namespace

Arena::Arena(int64_t size) : size_(size) {
  if (size < 0) return;
  if (size >= kMapFrom) {
    data_ = Map(size);
    if (data_ != nullptr) mapped_ = size;
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
