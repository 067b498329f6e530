#include "tests/allocations/count.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<int64_t> allocations{0};

void* Allocate(std::size_t size, std::size_t alignment) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (size == 0) size = 1;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(size);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* AllocateOrThrow(std::size_t size, std::size_t alignment) {
  if (void* memory = Allocate(size, alignment)) return memory;
  throw std::bad_alloc();
}

constexpr std::size_t kPlain = alignof(std::max_align_t);
std::size_t Bytes(std::align_val_t alignment) { return static_cast<std::size_t>(alignment); }

}  // namespace

namespace tenon::tests {

int64_t AllocationCount() { return allocations.load(std::memory_order_relaxed); }

}  // namespace tenon::tests

// Not inlined: the compiler would otherwise see malloc and free through them and warn of a
// mismatch.
#define TENON_REPLACED [[gnu::noinline]]

#define TENON_REPLACE(suffix)                                                                      \
  TENON_REPLACED void* operator new suffix(std::size_t size) {                                     \
    return AllocateOrThrow(size, kPlain);                                                          \
  }                                                                                                \
  TENON_REPLACED void* operator new suffix(std::size_t size, std::align_val_t alignment) {         \
    return AllocateOrThrow(size, Bytes(alignment));                                                \
  }                                                                                                \
  TENON_REPLACED void* operator new suffix(std::size_t size, const std::nothrow_t&) noexcept {     \
    return Allocate(size, kPlain);                                                                 \
  }                                                                                                \
  TENON_REPLACED void* operator new suffix(std::size_t size, std::align_val_t alignment,           \
                                           const std::nothrow_t&) noexcept {                       \
    return Allocate(size, Bytes(alignment));                                                       \
  }                                                                                                \
  TENON_REPLACED void operator delete suffix(void* p) noexcept { std::free(p); }                   \
  TENON_REPLACED void operator delete suffix(void* p, std::size_t) noexcept { std::free(p); }      \
  TENON_REPLACED void operator delete suffix(void* p, std::align_val_t) noexcept { std::free(p); } \
  TENON_REPLACED void operator delete suffix(void* p, std::size_t, std::align_val_t) noexcept {    \
    std::free(p);                                                                                  \
  }                                                                                                \
  TENON_REPLACED void operator delete suffix(void* p, const std::nothrow_t&) noexcept {            \
    std::free(p);                                                                                  \
  }                                                                                                \
  TENON_REPLACED void operator delete suffix(void* p, std::align_val_t,                            \
                                             const std::nothrow_t&) noexcept {                     \
    std::free(p);                                                                                  \
  }

#define TENON_NOTHING
TENON_REPLACE(TENON_NOTHING)
TENON_REPLACE([])
