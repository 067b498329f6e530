#include "tests/ops/guarded.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace tenon::tests {
namespace {

const char* running = "nothing";

void OnFault(int signal) {
  // Only calls that a signal handler may make.
  const char* parts[] = {"generated code touched memory outside its buffers: ", running, "\n"};
  for (const char* part : parts) {
    if (write(STDERR_FILENO, part, std::strlen(part)) < 0) break;
  }
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  sigaction(signal, &standard, nullptr);
  raise(signal);
}

}  // namespace

void SetRunning(const char* name) {
  running = name;
  static const bool installed = [] {
    struct sigaction action = {};
    action.sa_handler = OnFault;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
    return true;
  }();
  static_cast<void>(installed);
}

GuardedBuffer::GuardedBuffer(size_t size, Guard guard) {
  page_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t inside = (size + page_ - 1) / page_ * page_;
  mapped_ = inside + 2 * page_;
  map_ = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map_ == MAP_FAILED) {
    std::perror("mmap");
    std::abort();
  }
  std::byte* const first = static_cast<std::byte*>(map_) + page_;
  if (inside > 0 && mprotect(first, inside, PROT_READ | PROT_WRITE) != 0) {
    std::perror("mprotect");
    std::abort();
  }
  data_ = guard == Guard::kAtStart ? first : first + inside - size;
  // What a program must not count on finding.
  if (size > 0) std::memset(first, 0xa5, inside);
}

GuardedBuffer::GuardedBuffer(GuardedBuffer&& other) noexcept
    : map_(std::exchange(other.map_, nullptr)),
      mapped_(other.mapped_),
      page_(other.page_),
      data_(other.data_) {}

GuardedBuffer::~GuardedBuffer() {
  if (map_ != nullptr) munmap(map_, mapped_);
}

void GuardedBuffer::Protect() const {
  if (mapped_ > 2 * page_) {
    mprotect(static_cast<std::byte*>(map_) + page_, mapped_ - 2 * page_, PROT_READ);
  }
}

}  // namespace tenon::tests
