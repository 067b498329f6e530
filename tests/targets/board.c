/* The driver on Arm's MPS2 boards without an operating system: files through semihosting, the image
 * and the pool in the 16 MB of external memory. */
#include "driver.h"

enum { kOpen = 1, kClose = 2, kWrite = 5, kRead = 6, kSeek = 10, kLength = 12, kExit = 24 };

static int call(int operation, const void* argument) {
  register int r0 __asm__("r0") = operation;
  register const void* r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static void leave(int ok) { call(kExit, (const void*)(ok ? 0x20026 : 0x20023)); }

static void start(void) {
  volatile uint32_t* const coprocessors = (volatile uint32_t*)0xe000ed88;
  *coprocessors |= 0xfu << 20; /* the floating-point unit, where there is one */
  __asm__ volatile("dsb\n isb" ::: "memory");
  unsigned char* const memory = (unsigned char*)BOARD_MEMORY;
  const uint32_t open[] = {(uint32_t)"image", 3 /* rb+ */, 5};
  const int file = call(kOpen, open);
  if (file < 0) leave(0);
  const uint32_t handle = (uint32_t)file;
  const uint32_t size = (uint32_t)call(kLength, &handle);
  const uint32_t transfer[] = {handle, (uint32_t)memory, size};
  const uint32_t begin[] = {handle, 0};
  if (size > (15u << 20) || call(kRead, transfer) != 0) leave(0);
  run_image((int64_t*)memory, memory + (size + 63) / 64 * 64);
  call(kSeek, begin);
  const int failed = call(kWrite, transfer);
  call(kClose, &handle);
  leave(failed == 0);
  for (;;) {
  }
}

static void fault(void) {
  leave(0);
  for (;;) {
  }
}

__attribute__((section(".vectors"), used)) static const void* const vectors[16] = {
    (const void*)0x20400000, (const void*)start, (const void*)fault, (const void*)fault,
    (const void*)fault,      (const void*)fault, (const void*)fault};
