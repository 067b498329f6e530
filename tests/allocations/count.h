// How often this process has called operator new.
//
// Linking count.cc replaces every form of operator new and delete, so that an address sanitizer
// sees each allocation freed by its own kind, whichever library asked for it.
#ifndef TENON_TESTS_ALLOCATIONS_COUNT_H_
#define TENON_TESTS_ALLOCATIONS_COUNT_H_

#include <cstdint>

namespace tenon::tests {

int64_t AllocationCount();

}  // namespace tenon::tests

#endif  // TENON_TESTS_ALLOCATIONS_COUNT_H_
