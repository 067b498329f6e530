#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/kernel/parser.h"
#include "tenon/ir/kernel/text.h"

namespace tenon::kernel {

using ir::Token;

namespace {

class ProgramParser {
 public:
  explicit ProgramParser(ir::TokenCursor& cursor) : cursor_(cursor) {}

  absl::StatusOr<Program> Parse() {
    TENON_RETURN_IF_ERROR(ParseHead());
    while (cursor_.token().kind != Token::Kind::kEnd) TENON_RETURN_IF_ERROR(ParseItem());
    return std::move(program_);
  }

 private:
  absl::Status ReadCount(int64_t* value) {
    const Token start = cursor_.token();
    TENON_RETURN_IF_ERROR(ir::ValueReader(cursor_).Read(*value));
    if (*value < 0) return cursor_.ErrorAt(start, "a number is negative");
    return absl::OkStatus();
  }

  absl::Status ReadNumber(size_t limit, absl::string_view what, int32_t* value) {
    const Token start = cursor_.token();
    int64_t number = 0;
    TENON_RETURN_IF_ERROR(ReadCount(&number));
    if (number >= static_cast<int64_t>(limit)) {
      return cursor_.ErrorAt(start, absl::StrCat("there is no ", what, " ", number));
    }
    *value = static_cast<int32_t>(number);
    return absl::OkStatus();
  }

  absl::Status ParseHead() {
    TENON_RETURN_IF_ERROR(cursor_.ExpectWord("program"));
    TENON_RETURN_IF_ERROR(ReadGlobal(cursor_, &program_.name));
    program_.has_fma = !TakeWord(cursor_, "no_fma");
    if (TakeWord(cursor_, "arena")) TENON_RETURN_IF_ERROR(ReadCount(&program_.arena_bytes));
    if (TakeWord(cursor_, "scratch")) TENON_RETURN_IF_ERROR(ReadCount(&program_.scratch_bytes));
    if (TakeWord(cursor_, "prepared")) TENON_RETURN_IF_ERROR(ReadCount(&program_.prepared_bytes));
    return absl::OkStatus();
  }

  absl::Status ParseItem() {
    const Token word = cursor_.token();
    if (word.IsWord("kernel")) {
      Kernel kernel;
      TENON_RETURN_IF_ERROR(KernelParser(cursor_).Parse(&kernel));
      if (!kernels_.emplace(kernel.name, program_.kernels.size()).second) {
        return cursor_.ErrorAt(word, absl::StrCat("kernel @", kernel.name, " stands twice"));
      }
      program_.kernels.push_back(std::move(kernel));
      return absl::OkStatus();
    }
    if (TakeWord(cursor_, "symbol")) return ParseSymbol(word);
    if (TakeWord(cursor_, "site")) return ParseSite();
    if (TakeWord(cursor_, "buffer")) return ParseBuffer(word);
    if (TakeWord(cursor_, "prepare")) return ParseSteps(&program_.prepare, 0);
    if (TakeWord(cursor_, "step")) return ParseSteps(&program_.step, 0);
    if (TakeWord(cursor_, "output")) return ParseBinding(true, ir::InputKind::kInput);
    if (TakeWord(cursor_, "input")) return ParseBinding(false, ir::InputKind::kInput);
    if (TakeWord(cursor_, "parameter")) return ParseBinding(false, ir::InputKind::kParameter);
    if (TakeWord(cursor_, "state")) return ParseBinding(false, ir::InputKind::kState);
    return cursor_.Expected("a symbol, site, binding, buffer, kernel, prepare or step");
  }

  absl::Status ParseSymbol(const Token& start) {
    Symbol symbol;
    TENON_RETURN_IF_ERROR(ReadName(cursor_, &symbol.name));
    TENON_RETURN_IF_ERROR(cursor_.Expect("<="));
    TENON_RETURN_IF_ERROR(ReadCount(&symbol.bound));
    if (!bounds_.emplace(symbol.name, symbol.bound).second) {
      return cursor_.ErrorAt(start, absl::StrCat("symbol ", symbol.name, " stands twice"));
    }
    program_.symbols.push_back(std::move(symbol));
    return absl::OkStatus();
  }

  absl::Status ParseSite() {
    ir::Location site;
    TENON_RETURN_IF_ERROR(ir::ValueReader(cursor_).Read(site.file));
    int32_t line = 0;
    TENON_RETURN_IF_ERROR(ReadNumber(size_t{1} << 31, "line", &line));
    site.line = line;
    program_.sites.push_back(std::move(site));
    return absl::OkStatus();
  }

  absl::Status ParseBinding(bool is_output, ir::InputKind kind) {
    Binding binding{.is_output = is_output, .kind = kind};
    TENON_RETURN_IF_ERROR(ReadName(cursor_, &binding.name));
    TENON_RETURN_IF_ERROR(cursor_.Expect(":"));
    TENON_RETURN_IF_ERROR(ir::ValueReader(cursor_, bounds_).Read(binding.type));
    if (TakeWord(cursor_, "donated")) {
      TENON_RETURN_IF_ERROR(ReadNumber(size_t{1} << 31, "binding", &binding.donated_input));
    }
    program_.bindings.push_back(std::move(binding));
    return absl::OkStatus();
  }

  absl::Status ParseBuffer(const Token& start) {
    Buffer buffer;
    ir::ValueReader reader(cursor_, bounds_);
    TENON_RETURN_IF_ERROR(ReadName(cursor_, &buffer.name));
    if (!buffers_.emplace(buffer.name, program_.buffers.size()).second) {
      return cursor_.ErrorAt(start, absl::StrCat("buffer ", buffer.name, " stands twice"));
    }
    TENON_RETURN_IF_ERROR(cursor_.Expect(":"));
    TENON_RETURN_IF_ERROR(reader.Read(buffer.dtype));
    TENON_RETURN_IF_ERROR(cursor_.Expect("["));
    TENON_RETURN_IF_ERROR(reader.Read(buffer.size));
    TENON_RETURN_IF_ERROR(cursor_.Expect("]"));
    TENON_RETURN_IF_ERROR(cursor_.Expect("="));
    if (TakeWord(cursor_, "binding")) {
      buffer.kind = BufferKind::kBinding;
      TENON_RETURN_IF_ERROR(ReadNumber(program_.bindings.size(), "binding", &buffer.binding));
    } else if (TakeWord(cursor_, "constant")) {
      buffer.kind = BufferKind::kConstant;
      TENON_RETURN_IF_ERROR(reader.Read(buffer.literal));
    } else if (TakeWord(cursor_, "prepared")) {
      buffer.kind = BufferKind::kPrepared;
    } else {
      TENON_RETURN_IF_ERROR(cursor_.ExpectWord("arena"));
    }
    if (TakeWord(cursor_, "at")) TENON_RETURN_IF_ERROR(ReadCount(&buffer.offset));
    program_.buffers.push_back(std::move(buffer));
    return absl::OkStatus();
  }

  absl::Status FindBuffer(int32_t* number) {
    const Token start = cursor_.token();
    std::string name;
    TENON_RETURN_IF_ERROR(ReadName(cursor_, &name));
    auto it = buffers_.find(name);
    if (it == buffers_.end()) {
      return cursor_.ErrorAt(start, absl::StrCat("there is no buffer ", name));
    }
    *number = it->second;
    return absl::OkStatus();
  }

  // From the opening to the closing brace.
  absl::Status ParseSteps(std::vector<Step>* steps, int depth) {
    if (depth > kMaxBlockDepth) return cursor_.Error("steps nest too deep");
    TENON_RETURN_IF_ERROR(cursor_.Expect("{"));
    while (!cursor_.TakeIf("}")) {
      TENON_RETURN_IF_ERROR(ParseStep(&steps->emplace_back(), depth));
    }
    return absl::OkStatus();
  }

  absl::Status ParseStep(Step* step, int depth) {
    if (TakeWord(cursor_, "launch")) return ParseLaunch(&step->launch);
    if (TakeWord(cursor_, "barrier")) {
      step->kind = Step::Kind::kBarrier;
      return absl::OkStatus();
    }
    if (TakeWord(cursor_, "repeat")) {
      step->kind = Step::Kind::kRepeat;
      return ParseRepeat(&step->repeat, depth);
    }
    if (TakeWord(cursor_, "while")) {
      step->kind = Step::Kind::kWhile;
      TENON_RETURN_IF_ERROR(FindBuffer(&step->loop.predicate));
      TENON_RETURN_IF_ERROR(ParseSteps(&step->loop.condition, depth + 1));
      TENON_RETURN_IF_ERROR(cursor_.ExpectWord("do"));
      return ParseSteps(&step->loop.body, depth + 1);
    }
    if (TakeWord(cursor_, "branch")) {
      step->kind = Step::Kind::kBranch;
      TENON_RETURN_IF_ERROR(FindBuffer(&step->branch.predicate));
      TENON_RETURN_IF_ERROR(ParseSteps(&step->branch.if_true, depth + 1));
      if (!TakeWord(cursor_, "else")) return absl::OkStatus();
      return ParseSteps(&step->branch.if_false, depth + 1);
    }
    return cursor_.Expected("launch, barrier, repeat, while or branch");
  }

  absl::Status ParseLaunch(Launch* launch) {
    const Token start = cursor_.token();
    std::string name;
    TENON_RETURN_IF_ERROR(ReadGlobal(cursor_, &name));
    auto it = kernels_.find(name);
    if (it == kernels_.end()) {
      return cursor_.ErrorAt(start, absl::StrCat("there is no kernel @", name, " before"));
    }
    launch->kernel = it->second;
    TENON_RETURN_IF_ERROR(cursor_.Expect("("));
    while (!cursor_.token().Is(")")) {
      BufferArg& arg = launch->args.emplace_back();
      TENON_RETURN_IF_ERROR(FindBuffer(&arg.buffer));
      if (cursor_.TakeIf("+")) {
        TENON_RETURN_IF_ERROR(ir::ValueReader(cursor_, bounds_).Read(arg.offset));
      }
      if (!cursor_.TakeIf(",")) break;
    }
    TENON_RETURN_IF_ERROR(cursor_.Expect(")"));
    if (!TakeWord(cursor_, "symbols")) return absl::OkStatus();
    TENON_RETURN_IF_ERROR(cursor_.Expect("("));
    do {
      TENON_RETURN_IF_ERROR(ir::ValueReader(cursor_, bounds_).Read(launch->symbols.emplace_back()));
    } while (cursor_.TakeIf(","));
    return cursor_.Expect(")");
  }

  absl::Status ParseRepeat(Repeat* repeat, int depth) {
    const Token start = cursor_.token();
    TENON_RETURN_IF_ERROR(ReadName(cursor_, &repeat->variable));
    TENON_RETURN_IF_ERROR(cursor_.Expect("<"));
    TENON_RETURN_IF_ERROR(ir::ValueReader(cursor_, bounds_).Read(repeat->trip_count));
    repeat->reverse = TakeWord(cursor_, "reverse");
    // The last value is the bound that the trip count gives.
    const int64_t trips = repeat->trip_count.UpperBound().value_or(0);
    if (!bounds_.emplace(repeat->variable, std::max<int64_t>(trips - 1, 0)).second) {
      return cursor_.ErrorAt(start, absl::StrCat(repeat->variable, " is a name already"));
    }
    TENON_RETURN_IF_ERROR(ParseSteps(&repeat->body, depth + 1));
    bounds_.erase(repeat->variable);
    return absl::OkStatus();
  }

  ir::TokenCursor& cursor_;
  Program program_;
  std::map<std::string, int64_t> bounds_;  // of symbols and variables in scope
  std::map<std::string, int32_t, std::less<>> buffers_, kernels_;
};

}  // namespace

absl::StatusOr<Program> ParseProgram(absl::string_view text, absl::string_view filename) {
  ir::TokenCursor cursor(text, filename);
  return ProgramParser(cursor).Parse();
}

}  // namespace tenon::kernel
