// The two halves of the kernel IR's parser: kernels here and in ir/kernel/parse_kernel.cc, programs
// around them in ir/kernel/parse_program.cc. Both stand on the graph text's tokens and readers.
#ifndef TENON_IR_KERNEL_PARSER_H_
#define TENON_IR_KERNEL_PARSER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/ir/text_parser.h"

namespace tenon::kernel {

// Blocks within blocks: beyond this a text is refused.
inline constexpr int kMaxBlockDepth = 64;

// A name where one is expected: a word, or a string in quotes.
absl::Status ReadName(ir::TokenCursor& cursor, std::string* name);
// After `@`.
absl::Status ReadGlobal(ir::TokenCursor& cursor, std::string* name);
// Takes the current token if it is this word.
bool TakeWord(ir::TokenCursor& cursor, absl::string_view word);

class KernelParser {
 public:
  explicit KernelParser(ir::TokenCursor& cursor) : cursor_(cursor), values_(cursor) {}

  // From `kernel` to the closing brace.
  absl::Status Parse(Kernel* kernel);

 private:
  absl::Status ParseSignature();
  absl::Status ParseParam();
  absl::Status ParseLocal();
  absl::Status ParseBody(Block* block, int depth);
  absl::Status ParseInstr(Block* block, int depth);
  absl::Status ParseOp(Instr* instr, const ir::Token& word, int depth);
  absl::Status ParseArgs(Instr* instr);
  absl::Status ParseScalar(Instr* instr, ir::ScalarOp op);
  void TakeOfNumbers(Instr* instr);
  absl::Status ParseConst(Instr* instr);
  absl::Status ParseMemory(MemRef* mem);
  absl::Status ParsePrefetch(Instr* instr);
  absl::Status ParseFault(Instr* instr);
  absl::Status ParseFor(Instr* instr, int depth);
  absl::Status ParseIf(Instr* instr, int depth);
  absl::Status ParseParallel(Instr* instr, int depth);
  absl::Status ParseTypes();
  absl::Status ParseType(Type* type);
  absl::Status ParseInteger(int64_t low, int64_t high, int64_t* value);
  absl::Status Use(ValueId* value);
  absl::Status Define(const ir::Token& name, Type type, ValueId* value);

  ir::TokenCursor& cursor_;
  ir::ValueReader values_;
  Kernel kernel_;
  std::map<std::string, int32_t, std::less<>> buffers_;
  std::map<std::string, ValueId, std::less<>> names_;
  std::vector<Type> types_;    // after the colon of the instruction under way
  std::string pending_const_;  // a constant's digits, until its type is known
};

}  // namespace tenon::kernel

#endif  // TENON_IR_KERNEL_PARSER_H_
