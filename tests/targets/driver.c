/* Runs compiled programs one after the other from an image in memory, on whatever machine this is
 * compiled for; it needs no library. hosted.c, board.c and run_wasm.mjs bring the image and take it
 * back.
 *
 * The image is 64-bit numbers: how many runs; then for each run the number of its program
 * (programs.c), arena bytes, prepared bytes, steps, extents (their count first), bindings (their count
 * first). A binding is the number of the earlier one that it shares memory with, or -1; its stride in
 * bytes from step to step; its bytes, and then its contents, filled up to a multiple of 8. Bindings are
 * written back in place; the arena's bytes become the status, the prepared area's the fault's value. */
#include "driver.h"

static void spoil(unsigned char* at, int64_t bytes) {
  for (int64_t i = 0; i < bytes; ++i) at[i] = 0xcd; /* nothing may count on zeros */
}

void run_image(int64_t* next, unsigned char* pool) {
  static void* buffers[MAX_BINDINGS];
  static int64_t strides[MAX_BINDINGS];
  for (int64_t left = *next++; left > 0; --left) {
    const struct tenon_program* program = &programs[*next++];
    int64_t* result = next;
    const int64_t arena_bytes = *next++;
    const int64_t prepared_bytes = *next++;
    tenon_frame frame = {0};
    frame.runs = *next++;
    const int64_t extents = *next++;
    frame.extents = next;
    next += extents;
    const int64_t count = *next++;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t shared = *next++;
      strides[i] = *next++;
      const int64_t bytes = *next++;
      buffers[i] = shared >= 0 ? buffers[shared] : next;
      next += (bytes + 7) / 8;
    }
    frame.buffers = buffers;
    frame.strides = strides;
    frame.arena = (char*)pool;
    frame.prepared = (char*)pool + (arena_bytes + 63) / 64 * 64;
    spoil(pool, (arena_bytes + 63) / 64 * 64 + prepared_bytes);
    int32_t status = program->prepare(&frame, 0, 1);
    if (status == TENON_OK) status = program->step(&frame, 0, 1);
    result[0] = status;
    result[1] = frame.fault_value;
  }
}
