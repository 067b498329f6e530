/* The three functions that the objects want, for a machine without a C library. */
#ifndef TENON_EXAMPLES_STRING_H_
#define TENON_EXAMPLES_STRING_H_

#include <stddef.h>

void* memcpy(void* to, const void* from, size_t bytes);
void* memmove(void* to, const void* from, size_t bytes);
void* memset(void* to, int byte, size_t bytes);

#endif /* TENON_EXAMPLES_STRING_H_ */
