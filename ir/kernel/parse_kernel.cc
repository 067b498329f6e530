#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/kernel/canonical.h"
#include "tenon/ir/kernel/parser.h"
#include "tenon/ir/kernel/text.h"

namespace tenon::kernel {

using ir::Token;

namespace {

std::optional<ir::ScalarOp> FindScalarOp(absl::string_view word) {
#define TENON_SCALAR_OP(enumerator, spelling, arity) \
  if (word == spelling) return ir::ScalarOp::enumerator;
#include "tenon/ir/scalar_ops.def"
  return std::nullopt;
}

std::optional<Op> FindOp(absl::string_view word) {
#define TENON_KERNEL_OP(enumerator, spelling) \
  if (word == spelling) return Op::enumerator;
#include "tenon/ir/kernel/ops.def"
  return std::nullopt;
}

}  // namespace

absl::Status ReadName(ir::TokenCursor& cursor, std::string* name) {
  const Token token = cursor.token();
  if (token.kind == Token::Kind::kString) {
    if (!ir::Unquote(token.text, name)) return cursor.Error("unknown escape in a name");
  } else if (token.kind == Token::Kind::kIdentifier) {
    *name = std::string(token.text);
  } else {
    return cursor.Expected("a name");
  }
  cursor.Take();
  return absl::OkStatus();
}

absl::Status ReadGlobal(ir::TokenCursor& cursor, std::string* name) {
  const Token token = cursor.token();
  if (token.kind != Token::Kind::kGlobal) return cursor.Expected("'@' and a name");
  if (token.text.empty() || token.text[0] != '"') {
    *name = std::string(token.text);
  } else if (!ir::Unquote(token.text, name)) {
    return cursor.Error("unknown escape in a name");
  }
  cursor.Take();
  return absl::OkStatus();
}

bool TakeWord(ir::TokenCursor& cursor, absl::string_view word) {
  if (!cursor.token().IsWord(word)) return false;
  cursor.Take();
  return true;
}

absl::Status KernelParser::Parse(Kernel* kernel) {
  kernel_ = Kernel();
  kernel_.types.emplace_back();
  buffers_.clear();
  names_.clear();
  TENON_RETURN_IF_ERROR(ParseSignature());
  TENON_RETURN_IF_ERROR(cursor_.Expect("{"));
  while (cursor_.token().IsWord("local")) TENON_RETURN_IF_ERROR(ParseLocal());
  TENON_RETURN_IF_ERROR(ParseBody(&kernel_.body, 0));
  Renumber(&kernel_);
  *kernel = std::move(kernel_);
  return absl::OkStatus();
}

absl::Status KernelParser::ParseSignature() {
  TENON_RETURN_IF_ERROR(cursor_.ExpectWord("kernel"));
  TENON_RETURN_IF_ERROR(ReadGlobal(cursor_, &kernel_.name));
  TENON_RETURN_IF_ERROR(cursor_.Expect("("));
  while (!cursor_.token().Is(")")) {
    TENON_RETURN_IF_ERROR(ParseParam());
    if (!cursor_.TakeIf(",")) break;
  }
  TENON_RETURN_IF_ERROR(cursor_.Expect(")"));
  if (!TakeWord(cursor_, "symbols")) return absl::OkStatus();
  TENON_RETURN_IF_ERROR(cursor_.Expect("("));
  do {
    std::string name;
    TENON_RETURN_IF_ERROR(ReadName(cursor_, &name));
    kernel_.symbols.push_back(std::move(name));
  } while (cursor_.TakeIf(","));
  return cursor_.Expect(")");
}

absl::Status KernelParser::ParseParam() {
  const Token start = cursor_.token();
  Param param{.written = false, .read = false};
  TENON_RETURN_IF_ERROR(ReadName(cursor_, &param.name));
  TENON_RETURN_IF_ERROR(cursor_.Expect(":"));
  TENON_RETURN_IF_ERROR(values_.Read(param.dtype));
  param.read = TakeWord(cursor_, "read");
  param.written = TakeWord(cursor_, "write");
  param.no_alias = !TakeWord(cursor_, "may_alias");
  if (!buffers_.emplace(param.name, kernel_.params.size()).second) {
    return cursor_.ErrorAt(start, absl::StrCat("parameter ", param.name, " stands twice"));
  }
  kernel_.params.push_back(std::move(param));
  return absl::OkStatus();
}

absl::Status KernelParser::ParseLocal() {
  cursor_.Take();
  const Token start = cursor_.token();
  Local local;
  TENON_RETURN_IF_ERROR(ReadName(cursor_, &local.name));
  TENON_RETURN_IF_ERROR(cursor_.Expect(":"));
  TENON_RETURN_IF_ERROR(values_.Read(local.dtype));
  TENON_RETURN_IF_ERROR(cursor_.Expect("["));
  TENON_RETURN_IF_ERROR(ParseInteger(0, std::numeric_limits<int64_t>::max(), &local.size));
  TENON_RETURN_IF_ERROR(cursor_.Expect("]"));
  const size_t number = kernel_.params.size() + kernel_.locals.size();
  if (!buffers_.emplace(local.name, number).second) {
    return cursor_.ErrorAt(start, absl::StrCat("buffer ", local.name, " stands twice"));
  }
  kernel_.locals.push_back(std::move(local));
  return absl::OkStatus();
}

absl::Status KernelParser::ParseInteger(int64_t low, int64_t high, int64_t* value) {
  const Token start = cursor_.token();
  TENON_RETURN_IF_ERROR(values_.Read(*value));
  if (*value < low || *value > high) return cursor_.ErrorAt(start, "a number is out of range");
  return absl::OkStatus();
}

// Up to and with the closing brace. A yield of nothing is understood.
absl::Status KernelParser::ParseBody(Block* block, int depth) {
  if (depth > kMaxBlockDepth) return cursor_.Error("blocks nest too deep");
  while (!cursor_.token().Is("}")) TENON_RETURN_IF_ERROR(ParseInstr(block, depth));
  cursor_.Take();
  if (block->instrs.empty() || block->instrs.back().op != Op::kYield) {
    block->instrs.push_back({.op = Op::kYield});
  }
  return absl::OkStatus();
}

absl::Status KernelParser::ParseInstr(Block* block, int depth) {
  std::vector<Token> results;
  if (cursor_.token().kind == Token::Kind::kValue) {
    do {
      if (cursor_.token().kind != Token::Kind::kValue) return cursor_.Expected("a value");
      results.push_back(cursor_.Take());
    } while (cursor_.TakeIf(","));
    TENON_RETURN_IF_ERROR(cursor_.Expect("="));
  }
  if (cursor_.token().kind != Token::Kind::kIdentifier) return cursor_.Expected("an instruction");
  const Token word = cursor_.Take();
  Instr instr;
  TENON_RETURN_IF_ERROR(ParseOp(&instr, word, depth));
  const bool nests = instr.op == Op::kFor || instr.op == Op::kIf || instr.op == Op::kParallel;
  if (!nests) TENON_RETURN_IF_ERROR(ParseTypes());
  if (types_.size() != results.size()) {
    return cursor_.ErrorAt(word,
                           absl::StrCat(results.size(), " results have ", types_.size(), " types"));
  }
  if (instr.op == Op::kConst && !types_.empty() && !ir::IsFloat(types_[0].dtype)) {
    // Integers are read as such: a double has not all of i64.
    ir::TokenCursor digits(pending_const_, "<const>");
    if (!ir::ValueReader(digits).Read(instr.integer).ok()) {
      return cursor_.ErrorAt(word, "an integer constant is no integer of 64 bits");
    }
    instr.real = 0;
  }
  const std::vector<Type> types = std::move(types_);
  types_.clear();
  for (size_t i = 0; i < results.size(); ++i) {
    TENON_RETURN_IF_ERROR(Define(results[i], types[i], &instr.results.emplace_back()));
  }
  block->instrs.push_back(std::move(instr));
  return absl::OkStatus();
}

absl::Status KernelParser::Use(ValueId* value) {
  const Token token = cursor_.token();
  if (token.kind != Token::Kind::kValue) return cursor_.Expected("a value");
  auto it = names_.find(token.text);
  if (it == names_.end()) {
    return cursor_.Error(absl::StrCat("%", token.text, " is not defined before this use"));
  }
  *value = it->second;
  cursor_.Take();
  return absl::OkStatus();
}

absl::Status KernelParser::Define(const Token& name, Type type, ValueId* value) {
  kernel_.types.push_back(type);
  *value = ValueId{static_cast<uint32_t>(kernel_.types.size() - 1)};
  if (!names_.emplace(std::string(name.text), *value).second) {
    return cursor_.ErrorAt(name, absl::StrCat("%", name.text, " is defined twice"));
  }
  return absl::OkStatus();
}

// [":" type {"," type}]
absl::Status KernelParser::ParseTypes() {
  types_.clear();
  if (!cursor_.TakeIf(":")) return absl::OkStatus();
  do {
    TENON_RETURN_IF_ERROR(ParseType(&types_.emplace_back()));
  } while (cursor_.TakeIf(","));
  return absl::OkStatus();
}

// dtype ["<" [rows "x"] lanes ">"]
absl::Status KernelParser::ParseType(Type* type) {
  TENON_RETURN_IF_ERROR(values_.Read(type->dtype));
  if (!cursor_.TakeIf("<")) return absl::OkStatus();
  int64_t number = 0;
  TENON_RETURN_IF_ERROR(ParseInteger(1, 1 << 20, &number));
  type->lanes = static_cast<int32_t>(number);
  if (TakeWord(cursor_, "x")) {
    type->rows = type->lanes;
    TENON_RETURN_IF_ERROR(ParseInteger(1, 1 << 20, &number));
    type->lanes = static_cast<int32_t>(number);
  }
  return cursor_.Expect(">");
}

absl::Status KernelParser::ParseArgs(Instr* instr) {
  do {
    TENON_RETURN_IF_ERROR(Use(&instr->args.emplace_back()));
  } while (cursor_.TakeIf(","));
  return absl::OkStatus();
}

absl::Status KernelParser::ParseOp(Instr* instr, const Token& word, int depth) {
  const std::optional<ir::ScalarOp> scalar = FindScalarOp(word.text);
  const std::optional<Op> op = FindOp(word.text);
  if (scalar.has_value()) return ParseScalar(instr, *scalar);
  if (!op.has_value() || *op == Op::kScalar) {
    return cursor_.ErrorAt(word, absl::StrCat("unknown instruction '", word.text, "'"));
  }
  instr->op = *op;
  switch (*op) {
    case Op::kScalar:
    case Op::kSplat:
    case Op::kTranspose:
    case Op::kConcatRows:
    case Op::kTileDot:
      return ParseArgs(instr);
    case Op::kIota:
    case Op::kFence:
      return absl::OkStatus();
    case Op::kYield:
      // `yield` alone may be followed by the closing brace only.
      return cursor_.token().Is("}") ? absl::OkStatus() : ParseArgs(instr);
    case Op::kConst:
      return ParseConst(instr);
    case Op::kSymbol: {
      const Token start = cursor_.token();
      std::string name;
      TENON_RETURN_IF_ERROR(ReadName(cursor_, &name));
      auto it = std::find(kernel_.symbols.begin(), kernel_.symbols.end(), name);
      if (it == kernel_.symbols.end()) {
        return cursor_.ErrorAt(start, absl::StrCat("the kernel has no symbol ", name));
      }
      instr->integer = it - kernel_.symbols.begin();
      return absl::OkStatus();
    }
    case Op::kLoad:
      return ParseMemory(&instr->mem);
    case Op::kStore:
      TENON_RETURN_IF_ERROR(Use(&instr->args.emplace_back()));
      TENON_RETURN_IF_ERROR(cursor_.Expect(","));
      return ParseMemory(&instr->mem);
    case Op::kPrefetch:
      return ParsePrefetch(instr);
    case Op::kReduceLanes:
    case Op::kReduceRows:
      TENON_RETURN_IF_ERROR(values_.Read(instr->combiner));
      TakeOfNumbers(instr);
      return ParseArgs(instr);
    case Op::kExtract:
    case Op::kRow:
      TENON_RETURN_IF_ERROR(Use(&instr->args.emplace_back()));
      TENON_RETURN_IF_ERROR(cursor_.Expect(","));
      return ParseInteger(0, 1 << 20, &instr->integer);
    case Op::kFor:
      return ParseFor(instr, depth);
    case Op::kIf:
      return ParseIf(instr, depth);
    case Op::kParallel:
      return ParseParallel(instr, depth);
    case Op::kFault:
      return ParseFault(instr);
  }
  return absl::OkStatus();
}

void KernelParser::TakeOfNumbers(Instr* instr) {
  instr->of_numbers = cursor_.token().IsWord("of_numbers");
  if (instr->of_numbers) cursor_.Take();
}

absl::Status KernelParser::ParseScalar(Instr* instr, ir::ScalarOp op) {
  instr->op = Op::kScalar;
  instr->scalar_op = op;
  TakeOfNumbers(instr);
  return ParseArgs(instr);
}

// The type that decides how to read the digits comes after them.
absl::Status KernelParser::ParseConst(Instr* instr) {
  const bool negative = cursor_.token().Is("-");
  pending_const_ =
      absl::StrCat(negative ? "-" : "", negative ? cursor_.Peek().text : cursor_.token().text);
  return values_.Read(instr->real);
}

absl::Status KernelParser::ParseMemory(MemRef* mem) {
  const Token start = cursor_.token();
  std::string name;
  TENON_RETURN_IF_ERROR(ReadName(cursor_, &name));
  auto it = buffers_.find(name);
  if (it == buffers_.end()) {
    return cursor_.ErrorAt(start, absl::StrCat("the kernel has no buffer ", name));
  }
  mem->buffer = it->second;
  TENON_RETURN_IF_ERROR(cursor_.Expect("["));
  TENON_RETURN_IF_ERROR(Use(&mem->offset));
  const std::pair<const char*, ValueId*> parts[] = {{"row_stride", &mem->row_stride},
                                                    {"lane_stride", &mem->lane_stride},
                                                    {"row_count", &mem->row_count},
                                                    {"lane_count", &mem->lane_count},
                                                    {"where", &mem->predicate}};
  while (cursor_.TakeIf(",")) {
    ValueId* value = nullptr;
    for (const auto& [word, part] : parts) {
      if (value == nullptr && TakeWord(cursor_, word)) value = part;
    }
    if (value == nullptr || value->valid()) {
      return cursor_.Expected("row_stride, lane_stride, row_count, lane_count or where, each once");
    }
    TENON_RETURN_IF_ERROR(Use(value));
  }
  TENON_RETURN_IF_ERROR(cursor_.Expect("]"));
  mem->non_temporal = TakeWord(cursor_, "non_temporal");
  return absl::OkStatus();
}

absl::Status KernelParser::ParsePrefetch(Instr* instr) {
  int64_t level = 0;
  TENON_RETURN_IF_ERROR(ParseMemory(&instr->mem));
  TENON_RETURN_IF_ERROR(cursor_.Expect(","));
  TENON_RETURN_IF_ERROR(cursor_.ExpectWord("elements"));
  TENON_RETURN_IF_ERROR(ParseInteger(1, 1 << 20, &instr->integer));
  TENON_RETURN_IF_ERROR(cursor_.Expect(","));
  TENON_RETURN_IF_ERROR(cursor_.ExpectWord("level"));
  TENON_RETURN_IF_ERROR(ParseInteger(1, 3, &level));
  instr->level = static_cast<int32_t>(level);
  if (cursor_.TakeIf(",")) {
    TENON_RETURN_IF_ERROR(cursor_.ExpectWord("to_write"));
    instr->to_write = true;
  }
  return absl::OkStatus();
}

absl::Status KernelParser::ParseFault(Instr* instr) {
  int64_t number = 0;
  TENON_RETURN_IF_ERROR(Use(&instr->args.emplace_back()));
  TENON_RETURN_IF_ERROR(cursor_.Expect(","));
  TENON_RETURN_IF_ERROR(cursor_.ExpectWord("status"));
  TENON_RETURN_IF_ERROR(ParseInteger(0, std::numeric_limits<int32_t>::max(), &instr->integer));
  TENON_RETURN_IF_ERROR(cursor_.Expect(","));
  if (TakeWord(cursor_, "site")) {
    TENON_RETURN_IF_ERROR(ParseInteger(0, std::numeric_limits<int32_t>::max(), &number));
    instr->site = static_cast<int32_t>(number);
    TENON_RETURN_IF_ERROR(cursor_.Expect(","));
  }
  TENON_RETURN_IF_ERROR(cursor_.ExpectWord("value"));
  return Use(&instr->args.emplace_back());
}

absl::Status KernelParser::ParseFor(Instr* instr, int depth) {
  Block block;
  const Token counter = cursor_.token();
  if (counter.kind != Token::Kind::kValue) return cursor_.Expected("the counter");
  cursor_.Take();
  TENON_RETURN_IF_ERROR(cursor_.Expect("="));
  TENON_RETURN_IF_ERROR(Use(&instr->args.emplace_back()));
  TENON_RETURN_IF_ERROR(cursor_.ExpectWord("to"));
  TENON_RETURN_IF_ERROR(Use(&instr->args.emplace_back()));
  instr->integer = 1;
  if (TakeWord(cursor_, "step")) {
    TENON_RETURN_IF_ERROR(ParseInteger(1, std::numeric_limits<int64_t>::max(), &instr->integer));
  }
  if (TakeWord(cursor_, "unroll")) {
    int64_t unroll = 1;
    TENON_RETURN_IF_ERROR(ParseInteger(0, 1 << 20, &unroll));
    instr->unroll = static_cast<int32_t>(unroll);
  }
  TENON_RETURN_IF_ERROR(Define(counter, Type{}, &block.params.emplace_back()));
  if (TakeWord(cursor_, "carry")) {
    std::vector<Token> names;
    do {
      names.push_back(cursor_.token());
      if (names.back().kind != Token::Kind::kValue) return cursor_.Expected("a carried value");
      cursor_.Take();
      TENON_RETURN_IF_ERROR(cursor_.Expect("="));
      TENON_RETURN_IF_ERROR(Use(&instr->args.emplace_back()));
    } while (cursor_.TakeIf(","));
    for (size_t i = 0; i < names.size(); ++i) {
      const Type type = kernel_.type(instr->args[i + 2]);
      TENON_RETURN_IF_ERROR(Define(names[i], type, &block.params.emplace_back()));
    }
  }
  TENON_RETURN_IF_ERROR(ParseTypes());
  const std::vector<Type> types = types_;
  TENON_RETURN_IF_ERROR(cursor_.Expect("{"));
  TENON_RETURN_IF_ERROR(ParseBody(&block, depth + 1));
  instr->blocks.push_back(std::move(block));
  types_ = types;
  return absl::OkStatus();
}

absl::Status KernelParser::ParseIf(Instr* instr, int depth) {
  TENON_RETURN_IF_ERROR(Use(&instr->args.emplace_back()));
  TENON_RETURN_IF_ERROR(ParseTypes());
  const std::vector<Type> types = types_;
  TENON_RETURN_IF_ERROR(cursor_.Expect("{"));
  instr->blocks.resize(2);
  TENON_RETURN_IF_ERROR(ParseBody(&instr->blocks[0], depth + 1));
  if (TakeWord(cursor_, "else")) {
    TENON_RETURN_IF_ERROR(cursor_.Expect("{"));
    TENON_RETURN_IF_ERROR(ParseBody(&instr->blocks[1], depth + 1));
  } else {
    instr->blocks[1].instrs.push_back({.op = Op::kYield});
  }
  types_ = types;
  return absl::OkStatus();
}

absl::Status KernelParser::ParseParallel(Instr* instr, int depth) {
  Block block;
  const Token chunk = cursor_.token();
  if (chunk.kind != Token::Kind::kValue) return cursor_.Expected("the chunk's number");
  cursor_.Take();
  TENON_RETURN_IF_ERROR(cursor_.Expect("<"));
  TENON_RETURN_IF_ERROR(Use(&instr->args.emplace_back()));
  TENON_RETURN_IF_ERROR(Define(chunk, Type{}, &block.params.emplace_back()));
  TENON_RETURN_IF_ERROR(cursor_.Expect("{"));
  TENON_RETURN_IF_ERROR(ParseBody(&block, depth + 1));
  instr->blocks.push_back(std::move(block));
  types_.clear();
  return absl::OkStatus();
}

absl::StatusOr<Kernel> ParseKernel(absl::string_view text, absl::string_view filename) {
  ir::TokenCursor cursor(text, filename);
  Kernel kernel;
  TENON_RETURN_IF_ERROR(KernelParser(cursor).Parse(&kernel));
  if (cursor.token().kind != Token::Kind::kEnd) return cursor.Expected("the end of the text");
  return kernel;
}

}  // namespace tenon::kernel
