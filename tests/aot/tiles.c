/* A product of bf16, which hosts with AMX compute in its tile registers: `prepare` has to ask the
 * system for them. Prints a hash of the result's bits; tests/aot/aot_test.cc does the same by the
 * JIT. */
#include "tiles.h"

#include <stdio.h>

static uint16_t x[TILES_X_ELEMENTS], w[TILES_W_ELEMENTS], y[TILES_Y_ELEMENTS];
static _Alignas(64) unsigned char arena[TILES_ARENA_BYTES + 1];
static _Alignas(64) unsigned char prepared[TILES_PREPARED_BYTES + 1];

static void fill(uint16_t* to, int count, uint32_t state) {
  for (int i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    to[i] = (uint16_t)((state >> 16 & 0x80ff) | 0x3f00); /* between 0.5 and 2, of either sign */
  }
}

int main(void) {
  tiles_instance m = {0};
  fill(x, TILES_X_ELEMENTS, 1);
  fill(w, TILES_W_ELEMENTS, 2);
  m.tensors.x = x;
  m.tensors.w = w;
  m.tensors.y = y;
  m.arena = arena;
  m.prepared = prepared;
  int32_t status = tiles_prepare(&m);
  if (status == TENON_OK) status = tiles_step(&m);
  if (status != TENON_OK) {
    printf("%s: %s\n", tiles_status_text(status), tiles_culprit(&m));
    return 1;
  }
  printf("%016llx\n", (unsigned long long)tenon_hash(0, y, sizeof y));
  return 0;
}
