// Tells perf and gdb of code in memory: names and places of functions.
//
// perf reads /tmp/perf-PID.map, to which each registration adds a line a function. gdb reads
// objects that a process registers by its JIT interface: here one of symbols alone, made for the
// purpose, since the code's own symbols are hashes. That interface is a list of the whole process,
// guarded by a mutex; an application whose own LLVM registers code at the same moment is not
// guarded against.
#ifndef TENON_CODEGEN_LLVM_JIT_DEBUG_H_
#define TENON_CODEGEN_LLVM_JIT_DEBUG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace tenon::codegen {

struct CodeSymbol {
  std::string name;
  uint64_t address = 0;
  uint64_t size = 0;  // bytes
};

// What gdb knows of, as long as this object lives.
class GdbRegistration {
 public:
  explicit GdbRegistration(const std::vector<CodeSymbol>& symbols);
  ~GdbRegistration();
  GdbRegistration(const GdbRegistration&) = delete;
  GdbRegistration& operator=(const GdbRegistration&) = delete;

 private:
  struct Entry;
  std::unique_ptr<Entry> entry_;
};

// Appends to the process's map. Errors: the file cannot be written.
absl::Status AppendPerfMap(const std::vector<CodeSymbol>& symbols);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_JIT_DEBUG_H_
