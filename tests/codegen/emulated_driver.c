/* Runs a compiled program under an emulator: linked with its objects for the emulated target.
 *
 *   driver FILE
 *
 * FILE holds 64-bit numbers: arena bytes, prepared bytes, extents (their count first), buffers (the
 * count first, each its size in bytes and then its contents, filled up to a multiple of 8). The
 * buffers are written back in place; the first number becomes the status, the second the fault's
 * value. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/abi.h"

int32_t tenon_prepare(tenon_frame* frame, int32_t thread, int32_t threads);
int32_t tenon_step(tenon_frame* frame, int32_t thread, int32_t threads);

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  FILE* file = fopen(argv[1], "rb+");
  if (file == NULL) return 2;
  fseek(file, 0, SEEK_END);
  const size_t size = (size_t)ftell(file);
  rewind(file);
  int64_t* words = malloc(size);
  if (words == NULL || fread(words, 1, size, file) != size) return 2;
  int64_t* next = words;
  const int64_t arena_bytes = *next++;
  const int64_t prepared_bytes = *next++;
  const int64_t extents = *next++;
  tenon_frame frame;
  memset(&frame, 0, sizeof(frame));
  frame.extents = next;
  next += extents;
  const int64_t count = *next++;
  void** buffers = malloc(sizeof(void*) * (size_t)(count + 1));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t bytes = *next++;
    buffers[i] = next;
    next += (bytes + 7) / 8;
  }
  frame.buffers = buffers;
  frame.arena = aligned_alloc(64, (size_t)(arena_bytes / 64 + 1) * 64);
  frame.prepared = aligned_alloc(64, (size_t)(prepared_bytes / 64 + 1) * 64);
  if (frame.arena == NULL || frame.prepared == NULL) return 2;
  if (tenon_prepare(&frame, 0, 1) == TENON_OK) tenon_step(&frame, 0, 1);
  words[0] = frame.status;
  words[1] = frame.fault_value;
  rewind(file);
  if (fwrite(words, 1, size, file) != size || fclose(file) != 0) return 2;
  return 0;
}
