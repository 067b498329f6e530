// Memory that faults right beyond its end, or right before its start.
#ifndef TENON_TESTS_OPS_GUARDED_H_
#define TENON_TESTS_OPS_GUARDED_H_

#include <cstddef>

namespace tenon::tests {

enum class Guard : unsigned char { kAtEnd, kAtStart };

// `size` bytes between two pages that must not be touched: against the one behind, or the one in
// front. Aligned to what `size` is a multiple of (at the end), or to a page (at the start).
class GuardedBuffer {
 public:
  GuardedBuffer(size_t size, Guard guard);
  GuardedBuffer(GuardedBuffer&& other) noexcept;
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;
  ~GuardedBuffer();

  std::byte* data() const { return data_; }
  // Makes it an error to write.
  void Protect() const;

 private:
  void* map_ = nullptr;
  size_t mapped_ = 0;
  size_t page_ = 0;
  std::byte* data_ = nullptr;
};

// Names what is running, for the message that a fault ends the process with. `name` must live on.
void SetRunning(const char* name);

}  // namespace tenon::tests

#endif  // TENON_TESTS_OPS_GUARDED_H_
