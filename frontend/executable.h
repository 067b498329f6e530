// What a program is once it is ready to run: tables and entry pointers, or the graph to interpret.
// Immutable, shared by a Program and its instances.
#ifndef TENON_FRONTEND_EXECUTABLE_H_
#define TENON_FRONTEND_EXECUTABLE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "tenon/ir/graph.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/runtime/abi.h"

namespace tenon {

struct Executable {
  // Inputs in the graph's order, then outputs; see kernel::Binding.
  std::vector<kernel::Binding> bindings;
  std::vector<kernel::Symbol> symbols;
  std::vector<ir::Location> sites;  // by tenon_frame.fault_site

  int64_t arena_bytes = 0;    // of the program, 64-byte aligned
  int64_t scratch_bytes = 0;  // of each thread, likewise
  int64_t prepared_bytes = 0;
  bool one_thread = false;  // there is nothing to do for more than one

  // Null when the graph is interpreted; prepare also when there is nothing to prepare.
  tenon_entry prepare = nullptr;
  tenon_entry step = nullptr;
  std::shared_ptr<const void> code;  // keeps the entries mapped

  ir::Graph graph;  // as it was given to the compiler

  int64_t ArenaBytes(int threads) const { return arena_bytes + threads * scratch_bytes; }
};

}  // namespace tenon

#endif  // TENON_FRONTEND_EXECUTABLE_H_
