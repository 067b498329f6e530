// Prints the kernel IR; ir/kernel/parse.cc reads it back.
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/kernel/canonical.h"
#include "tenon/ir/kernel/text.h"
#include "tenon/ir/text.h"
#include "tenon/ir/text_lexer.h"
#include "tenon/ir/verifier.h"

namespace tenon::kernel {
namespace {

using absl::StrAppend;
using absl::StrCat;

// Names that stand for one thing each: repeated ones get a number.
std::vector<std::string> MakeUnique(std::vector<std::string> names) {
  std::set<std::string> taken;
  for (std::string& name : names) {
    const std::string wanted = name;
    for (int n = 1; !taken.insert(name).second; ++n) name = StrCat(wanted, ".", n);
  }
  return names;
}

std::vector<std::string> SpellUniquely(std::vector<std::string> names) {
  names = MakeUnique(std::move(names));
  for (std::string& name : names) name = ir::IdentifierToText(name);
  return names;
}

std::string SpellGlobal(absl::string_view name) {
  return StrCat("@", ir::NameToText(name, /*is_value=*/false));
}

// The shortest decimal that reads back as the same value.
std::string PrintReal(double value) {
  if (std::isnan(value)) return "nan";
  char text[40];
  const std::to_chars_result end = std::to_chars(text, text + sizeof(text), value);
  return std::string(text, end.ptr);
}

class KernelPrinter {
 public:
  explicit KernelPrinter(const Kernel& kernel) : kernel_(kernel) {
    std::vector<std::string> names;
    for (const Param& p : kernel.params) names.push_back(p.name);
    for (const Local& l : kernel.locals) names.push_back(l.name);
    buffers_ = SpellUniquely(names);
    symbols_ = SpellUniquely(kernel.symbols);
  }

  std::string PrintKernel(absl::string_view name) {
    StrAppend(&out_, "kernel ", name, "(");
    for (size_t i = 0; i < kernel_.params.size(); ++i) {
      const Param& p = kernel_.params[i];
      StrAppend(&out_, i > 0 ? ", " : "", buffers_[i], ": ", ir::DTypeName(p.dtype),
                p.written ? (p.read ? " read write" : " write") : (p.read ? " read" : ""),
                p.no_alias ? "" : " may_alias");
    }
    StrAppend(&out_, ")");
    if (!symbols_.empty()) StrAppend(&out_, " symbols(", absl::StrJoin(symbols_, ", "), ")");
    StrAppend(&out_, " {\n");
    for (size_t i = 0; i < kernel_.locals.size(); ++i) {
      const Local& l = kernel_.locals[i];
      StrAppend(&out_, "  local ", buffers_[kernel_.params.size() + i], ": ",
                ir::DTypeName(l.dtype), "[", l.size, "]\n");
    }
    PrintBody(kernel_.body, 1);
    StrAppend(&out_, "}\n");
    return std::move(out_);
  }

  std::string PrintLine(const Instr& instr) {
    PrintHead(instr);
    return std::move(out_);
  }

 private:
  static std::string V(ValueId v) { return StrCat("%", v.index); }
  // The verifier prints what is wrong too, so nothing here trusts a number.
  std::string TypeOf(ValueId v) const {
    return v.index < kernel_.types.size() ? kernel_.type(v).ToString() : "?";
  }
  static std::string Name(const std::vector<std::string>& names, int64_t number) {
    return number >= 0 && number < static_cast<int64_t>(names.size()) ? names[number] : "?";
  }
  static std::string BlockParam(const Instr& instr, size_t number) {
    if (instr.blocks.empty() || instr.blocks[0].params.size() <= number) return "?";
    return V(instr.blocks[0].params[number]);
  }
  static std::string Arg(const Instr& instr, size_t number) {
    return number < instr.args.size() ? V(instr.args[number]) : "?";
  }

  void PrintBody(const Block& block, int depth) {
    for (const Instr& instr : block.instrs) {
      if (instr.op == Op::kYield && instr.args.empty()) continue;  // understood
      out_.append(2 * depth, ' ');
      PrintHead(instr);
      if (!instr.blocks.empty()) {
        StrAppend(&out_, " {\n");
        for (size_t i = 0; i < instr.blocks.size(); ++i) {
          if (i > 0) {
            // An else that does and yields nothing is left out.
            const std::vector<Instr>& rest = instr.blocks[i].instrs;
            if (rest.empty() || (rest[0].op == Op::kYield && rest[0].args.empty())) break;
            out_.append(2 * depth, ' ');
            StrAppend(&out_, "} else {\n");
          }
          PrintBody(instr.blocks[i], depth + 1);
        }
        out_.append(2 * depth, ' ');
        StrAppend(&out_, "}");
      }
      StrAppend(&out_, "\n");
    }
  }

  void PrintArgs(const Instr& instr) {
    for (size_t i = 0; i < instr.args.size(); ++i) {
      StrAppend(&out_, i > 0 ? ", " : " ", V(instr.args[i]));
    }
  }

  void PrintMemory(const MemRef& m) {
    StrAppend(&out_, " ", Name(buffers_, m.buffer), "[", V(m.offset));
    const std::pair<const char*, ValueId> parts[] = {{"row_stride", m.row_stride},
                                                     {"lane_stride", m.lane_stride},
                                                     {"row_count", m.row_count},
                                                     {"lane_count", m.lane_count},
                                                     {"where", m.predicate}};
    for (const auto& [name, v] : parts) {
      if (v.valid()) StrAppend(&out_, ", ", name, " ", V(v));
    }
    StrAppend(&out_, "]", m.non_temporal ? " non_temporal" : "");
  }

  void PrintResults(const Instr& instr) {
    for (size_t i = 0; i < instr.results.size(); ++i) {
      StrAppend(&out_, i > 0 ? ", " : "", V(instr.results[i]));
    }
    if (!instr.results.empty()) StrAppend(&out_, " = ");
  }

  void PrintResultTypes(const Instr& instr) {
    for (size_t i = 0; i < instr.results.size(); ++i) {
      StrAppend(&out_, i > 0 ? ", " : " : ", TypeOf(instr.results[i]));
    }
  }

  bool IsFloatResult(const Instr& instr) const {
    return !instr.results.empty() && instr.results[0].index < kernel_.types.size() &&
           ir::IsFloat(kernel_.type(instr.results[0]).dtype);
  }

  void PrintFor(const Instr& instr) {
    StrAppend(&out_, "for ", BlockParam(instr, 0), " = ", Arg(instr, 0), " to ", Arg(instr, 1));
    if (instr.integer != 1) StrAppend(&out_, " step ", instr.integer);
    if (instr.unroll != 1) StrAppend(&out_, " unroll ", instr.unroll);
    for (size_t i = 2; i < instr.args.size(); ++i) {
      StrAppend(&out_, i == 2 ? " carry " : ", ", BlockParam(instr, i - 1), " = ",
                V(instr.args[i]));
    }
  }

  void PrintHead(const Instr& instr) {
    PrintResults(instr);
    switch (instr.op) {
      case Op::kScalar:
        StrAppend(&out_, ir::ScalarOpName(instr.scalar_op), instr.of_numbers ? " of_numbers" : "");
        PrintArgs(instr);
        break;
      case Op::kConst:
        StrAppend(&out_, "const ",
                  IsFloatResult(instr) ? PrintReal(instr.real) : StrCat(instr.integer));
        break;
      case Op::kSymbol:
        StrAppend(&out_, "symbol ", Name(symbols_, instr.integer));
        break;
      case Op::kLoad:
        StrAppend(&out_, "load");
        PrintMemory(instr.mem);
        break;
      case Op::kStore:
        StrAppend(&out_, "store ", Arg(instr, 0), ",");
        PrintMemory(instr.mem);
        break;
      case Op::kPrefetch:
        StrAppend(&out_, "prefetch");
        PrintMemory(instr.mem);
        StrAppend(&out_, ", elements ", instr.integer, ", level ", instr.level);
        if (instr.to_write) StrAppend(&out_, ", to_write");
        break;
      case Op::kReduceLanes:
      case Op::kReduceRows:
        StrAppend(&out_, OpName(instr.op), " ", ir::CombinerName(instr.combiner),
                  instr.of_numbers ? " of_numbers" : "");
        PrintArgs(instr);
        break;
      case Op::kExtract:
      case Op::kRow:
        StrAppend(&out_, OpName(instr.op), " ", Arg(instr, 0), ", ", instr.integer);
        break;
      case Op::kFor:
        PrintFor(instr);
        break;
      case Op::kParallel:
        StrAppend(&out_, "parallel ", BlockParam(instr, 0), " < ", Arg(instr, 0));
        break;
      case Op::kFault:
        StrAppend(&out_, "fault ", Arg(instr, 0), ", status ", instr.integer);
        if (instr.site >= 0) StrAppend(&out_, ", site ", instr.site);
        StrAppend(&out_, ", value ", Arg(instr, 1));
        break;
      case Op::kIota:
      case Op::kSplat:
      case Op::kTranspose:
      case Op::kConcatRows:
      case Op::kTileDot:
      case Op::kIf:
      case Op::kYield:
      case Op::kFence:
        StrAppend(&out_, OpName(instr.op));
        PrintArgs(instr);
        break;
    }
    PrintResultTypes(instr);
  }

  const Kernel& kernel_;
  std::vector<std::string> buffers_, symbols_;
  std::string out_;
};

class ProgramPrinter {
 public:
  explicit ProgramPrinter(const Program& program) : program_(program) {
    std::vector<std::string> names;
    for (const Buffer& b : program.buffers) names.push_back(b.name);
    buffers_ = SpellUniquely(names);
    names.clear();
    for (const Kernel& k : program.kernels) names.push_back(k.name);
    kernels_ = MakeUnique(std::move(names));
    for (std::string& name : kernels_) name = SpellGlobal(name);
  }

  std::string Run() {
    StrAppend(&out_, "program ", SpellGlobal(program_.name), program_.has_fma ? "" : " no_fma");
    if (program_.arena_bytes != 0) StrAppend(&out_, " arena ", program_.arena_bytes);
    if (program_.scratch_bytes != 0) StrAppend(&out_, " scratch ", program_.scratch_bytes);
    if (program_.prepared_bytes != 0) StrAppend(&out_, " prepared ", program_.prepared_bytes);
    StrAppend(&out_, "\n\n");
    for (const Symbol& s : program_.symbols) {
      StrAppend(&out_, "symbol ", ir::IdentifierToText(s.name), " <= ", s.bound, "\n");
    }
    for (const ir::Location& site : program_.sites) {
      StrAppend(&out_, "site ", ir::Quote(site.file), " ", site.line, "\n");
    }
    for (const Binding& b : program_.bindings) PrintBinding(b);
    for (size_t i = 0; i < program_.buffers.size(); ++i) PrintBuffer(program_.buffers[i], i);
    StrAppend(&out_, "\n");
    for (size_t i = 0; i < program_.kernels.size(); ++i) {
      Kernel numbered = program_.kernels[i];
      Renumber(&numbered);
      StrAppend(&out_, KernelPrinter(numbered).PrintKernel(kernels_[i]), "\n");
    }
    if (!program_.prepare.empty()) {
      StrAppend(&out_, "prepare {\n");
      PrintSteps(program_.prepare, 1);
      StrAppend(&out_, "}\n\n");
    }
    StrAppend(&out_, "step {\n");
    PrintSteps(program_.step, 1);
    StrAppend(&out_, "}\n");
    return std::move(out_);
  }

 private:
  static absl::string_view KindName(ir::InputKind kind) {
    switch (kind) {
      case ir::InputKind::kInput:
        return "input";
      case ir::InputKind::kParameter:
        return "parameter";
      case ir::InputKind::kState:
        return "state";
    }
    return "";
  }

  void PrintBinding(const Binding& b) {
    StrAppend(&out_, b.is_output ? "output" : KindName(b.kind), " ", ir::IdentifierToText(b.name),
              ": ", b.type.ToString());
    if (b.donated_input >= 0) StrAppend(&out_, " donated ", b.donated_input);
    StrAppend(&out_, "\n");
  }

  void PrintBuffer(const Buffer& b, size_t number) {
    StrAppend(&out_, "buffer ", buffers_[number], ": ", ir::DTypeName(b.dtype), "[",
              b.size.ToString(), "] = ");
    switch (b.kind) {
      case BufferKind::kBinding:
        StrAppend(&out_, "binding ", b.binding);
        break;
      case BufferKind::kConstant:
        StrAppend(&out_, "constant ", b.literal.type().ToString(), " {",
                  ir::PrintElements(b.literal), "}");
        break;
      case BufferKind::kArena:
        StrAppend(&out_, "arena");
        break;
      case BufferKind::kPrepared:
        StrAppend(&out_, "prepared");
        break;
    }
    if (b.offset >= 0) StrAppend(&out_, " at ", b.offset);
    StrAppend(&out_, "\n");
  }

  void PrintLaunch(const Launch& launch) {
    StrAppend(&out_, "launch ", kernels_[launch.kernel], "(");
    for (size_t i = 0; i < launch.args.size(); ++i) {
      const BufferArg& arg = launch.args[i];
      StrAppend(&out_, i > 0 ? ", " : "", buffers_[arg.buffer]);
      if (!(arg.offset == ir::Dim(0))) StrAppend(&out_, " + ", Spell(arg.offset));
    }
    StrAppend(&out_, ")");
    for (size_t i = 0; i < launch.symbols.size(); ++i) {
      StrAppend(&out_, i > 0 ? ", " : " symbols(", Spell(launch.symbols[i]));
    }
    StrAppend(&out_, launch.symbols.empty() ? "\n" : ")\n");
  }

  void PrintNested(const std::vector<Step>& first, absl::string_view between,
                   const std::vector<Step>& second, int depth) {
    StrAppend(&out_, " {\n");
    PrintSteps(first, depth + 1);
    if (!between.empty()) {
      out_.append(2 * depth, ' ');
      StrAppend(&out_, "} ", between, " {\n");
      PrintSteps(second, depth + 1);
    }
    out_.append(2 * depth, ' ');
    StrAppend(&out_, "}\n");
  }

  // Variables are spelled as identifiers that no symbol and no variable around has.
  void PrintRepeat(const Repeat& repeat, int depth) {
    const std::string trips = Spell(repeat.trip_count);
    std::string name;
    for (char c : repeat.variable) {
      if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_') name += c;
    }
    if (!ir::IsIdentifier(name)) name = StrCat("i", name);
    while (IsTaken(name)) name += '_';
    variables_[repeat.variable] = name;
    StrAppend(&out_, "repeat ", name, " < ", trips, repeat.reverse ? " reverse" : "");
    PrintNested(repeat.body, "", {}, depth);
    variables_.erase(repeat.variable);
  }

  bool IsTaken(const std::string& name) const {
    for (const Symbol& s : program_.symbols) {
      if (s.name == name) return true;
    }
    for (const auto& [variable, spelled] : variables_) {
      if (spelled == name) return true;
    }
    return false;
  }

  std::string Spell(const ir::Dim& dim) const {
    return dim
        .Substitute([&](const std::string& name, int64_t) -> std::optional<ir::Dim> {
          auto it = variables_.find(name);
          if (it == variables_.end()) return std::nullopt;
          return ir::Dim(absl::string_view(it->second));
        })
        .ToString();
  }

  void PrintSteps(const std::vector<Step>& steps, int depth) {
    for (const Step& step : steps) {
      out_.append(2 * depth, ' ');
      switch (step.kind) {
        case Step::Kind::kLaunch:
          PrintLaunch(step.launch);
          break;
        case Step::Kind::kBarrier:
          StrAppend(&out_, "barrier\n");
          break;
        case Step::Kind::kRepeat:
          PrintRepeat(step.repeat, depth);
          break;
        case Step::Kind::kWhile:
          StrAppend(&out_, "while ", buffers_[step.loop.predicate]);
          PrintNested(step.loop.condition, "do", step.loop.body, depth);
          break;
        case Step::Kind::kBranch:
          StrAppend(&out_, "branch ", buffers_[step.branch.predicate]);
          PrintNested(step.branch.if_true, step.branch.if_false.empty() ? "" : "else",
                      step.branch.if_false, depth);
          break;
      }
    }
  }

  const Program& program_;
  std::vector<std::string> buffers_, kernels_;
  std::map<std::string, std::string> variables_;  // of the repeats around: spelling by name
  std::string out_;
};

}  // namespace

std::string Print(const Kernel& kernel) {
  Kernel numbered = kernel;
  Renumber(&numbered);
  return KernelPrinter(numbered).PrintKernel(SpellGlobal(kernel.name));
}

std::string Print(const Program& program) { return ProgramPrinter(program).Run(); }

std::string Print(const Kernel& kernel, const Instr& instr) {
  return KernelPrinter(kernel).PrintLine(instr);
}

}  // namespace tenon::kernel
