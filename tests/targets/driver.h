#ifndef TENON_TESTS_TARGETS_DRIVER_H_
#define TENON_TESTS_TARGETS_DRIVER_H_

#include "runtime/abi.h"

enum { MAX_BINDINGS = 128 };

/* programs.c, which the test writes. */
struct tenon_program {
  tenon_entry prepare, step;
};
extern const struct tenon_program programs[];

/* `pool`: at a multiple of 64, enough for the arena and the prepared area of every run. */
void run_image(int64_t* image, unsigned char* pool);

#endif
