/* A program without tenon, in plain C: trains an MLP for a few steps on one thread, from the object
 * that `tenon compile` made of examples/models/mlp_train.tn, and prints the bits of every loss and a
 * hash of all that it has updated. tests/aot/aot_test.cc does the same by the JIT. */
#include <stdio.h>
#include <string.h>

#include "mlp_train.h"

enum { kSteps = 3, kBatch = 33 };

static float x[MLP_TRAIN_X_ELEMENTS];
static int32_t y[MLP_TRAIN_Y_ELEMENTS];
static float loss[1];
static _Alignas(64) unsigned char arena[MLP_TRAIN_ARENA_BYTES];
static _Alignas(64) unsigned char prepared[MLP_TRAIN_PREPARED_BYTES + 1];

#define TENON_UPDATED(type, field, part, name) static type field[MLP_TRAIN_##part##_ELEMENTS];
#include "updated.def"

static void make_batch(int step) {
  uint32_t state = 12345u + (uint32_t)step;
  for (int i = 0; i < kBatch * 784; ++i) {
    state = state * 1664525u + 1013904223u;
    x[i] = (float)(state >> 16) / 65536.0f;
  }
  for (int i = 0; i < kBatch; ++i) y[i] = (int32_t)((unsigned)(i * 7 + step) % 10);
}

int main(int argc, char** argv) {
  const int steps = argc > 1 ? argv[1][0] - '0' : kSteps;
  mlp_train_instance m = {0};
#define TENON_UPDATED(type, field, part, name) m.tensors.field = field;
#include "updated.def"
  m.tensors.x = x;
  m.tensors.y = y;
  m.tensors.loss = loss;
  m.extents.n = kBatch;
  m.arena = arena;
  m.prepared = prepared;
  mlp_train_use_weights(&m);
  int32_t status = mlp_train_prepare(&m);
  for (int step = 0; step < steps && status == TENON_OK; ++step) {
    make_batch(step);
    status = mlp_train_step(&m);
    uint32_t bits;
    memcpy(&bits, loss, sizeof bits);
    printf("%08x\n", (unsigned)bits);
  }
  if (status != TENON_OK) {
    printf("%s: %s\n", mlp_train_status_text(status), mlp_train_culprit(&m));
    return 1;
  }
  uint64_t hash = 0;
#define TENON_UPDATED(type, field, part, name) hash = tenon_hash(hash, field, sizeof field);
#include "updated.def"
  printf("%016llx\n", (unsigned long long)hash);
  return 0;
}
