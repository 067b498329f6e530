// Aligned memory for arenas and prepared areas.
#ifndef TENON_RUNTIME_ARENA_H_
#define TENON_RUNTIME_ARENA_H_

#include <cstdint>

namespace tenon::runtime {

// `size` bytes, aligned to TENON_ARENA_ALIGNMENT and freed with the object. The bytes are zero.
class Arena {
 public:
  Arena() = default;
  // data() is null afterwards when the memory cannot be had; size 0 gives an address all the same.
  explicit Arena(int64_t size);
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) noexcept;
  ~Arena();

  char* data() const { return data_; }
  int64_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  int64_t size_ = 0;
  int64_t mapped_ = 0;  // bytes to unmap; 0 when the memory came from the heap
};

}  // namespace tenon::runtime

#endif  // TENON_RUNTIME_ARENA_H_
