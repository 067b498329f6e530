/* Preloaded into a program: any call for memory ends it. */
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

static void* refuse(void) {
  static const char text[] = "this program asked for memory\n";
  if (write(2, text, sizeof text - 1) > 0) _exit(7);
  _exit(8);
}

void* malloc(size_t bytes) { return (void)bytes, refuse(); }
void* calloc(size_t n, size_t bytes) { return (void)n, (void)bytes, refuse(); }
void* realloc(void* old, size_t bytes) { return (void)old, (void)bytes, refuse(); }
