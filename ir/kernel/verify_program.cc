// Invariants 15 to 21 of ir/kernel/verifier.h.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/kernel/verifier.h"

namespace tenon::kernel {
namespace {

class ProgramVerifier {
 public:
  explicit ProgramVerifier(const Program& program) : program_(program) {}

  absl::Status Run() {
    for (const Symbol& symbol : program_.symbols) {
      if (!names_.insert(symbol.name).second || symbol.bound < 0) {
        return Error(absl::StrCat("symbol ", symbol.name, " is repeated or has no bound"), 15);
      }
    }
    TENON_RETURN_IF_ERROR(CheckBindings());
    TENON_RETURN_IF_ERROR(CheckBuffers());
    for (const Kernel& kernel : program_.kernels) {
      TENON_RETURN_IF_ERROR(Verify(kernel));
      TENON_RETURN_IF_ERROR(CheckSites(kernel, kernel.body));
    }
    in_prepare_ = true;
    TENON_RETURN_IF_ERROR(CheckSteps(program_.prepare));
    in_prepare_ = false;
    return CheckSteps(program_.step);
  }

 private:
  absl::Status Error(absl::string_view what, int invariant) const {
    return absl::InternalError(absl::StrCat("program ", program_.name, ": ", what, " [invariant ",
                                            invariant, " of kernel IR]"));
  }

  absl::Status CheckDim(const ir::Dim& dim, absl::string_view what) const {
    std::string unknown;
    dim.VisitSymbols([&](const std::string& name, int64_t) {
      if (names_.count(name) == 0) unknown = name;
    });
    if (unknown.empty()) return absl::OkStatus();
    return Error(absl::StrCat(what, " uses the unknown symbol ", unknown), 15);
  }

  absl::Status CheckBindings() const {
    std::set<int32_t> taken;
    const int count = static_cast<int>(program_.bindings.size());
    for (const Binding& b : program_.bindings) {
      if (!b.is_output || b.donated_input < 0) continue;
      const bool fits = b.donated_input < count && !program_.bindings[b.donated_input].is_output &&
                        program_.bindings[b.donated_input].type == b.type;
      if (!fits || !taken.insert(b.donated_input).second) {
        return Error(absl::StrCat("output ", b.name, " takes over a wrong input"), 16);
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckBuffers() const {
    int planned = 0, unplanned = 0;
    for (const Buffer& b : program_.buffers) {
      TENON_RETURN_IF_ERROR(CheckDim(b.size, absl::StrCat("the size of buffer ", b.name)));
      switch (b.kind) {
        case BufferKind::kBinding: {
          if (b.binding < 0 || b.binding >= static_cast<int>(program_.bindings.size())) {
            return Error(absl::StrCat("buffer ", b.name, " has no binding"), 17);
          }
          const ir::TensorType& type = program_.bindings[b.binding].type;
          if (type.dtype != b.dtype || !(type.NumElements() == b.size)) {
            return Error(absl::StrCat("buffer ", b.name, " differs from its binding's type"), 17);
          }
          break;
        }
        case BufferKind::kConstant:
          if (b.literal.dtype() != b.dtype || !(b.size == ir::Dim(b.literal.size()))) {
            return Error(absl::StrCat("buffer ", b.name, " differs from its literal"), 17);
          }
          break;
        case BufferKind::kArena:
        case BufferKind::kPrepared:
          (b.offset < 0 ? unplanned : planned) += 1;
          TENON_RETURN_IF_ERROR(CheckPlace(b));
          break;
      }
    }
    if (planned > 0 && unplanned > 0) return Error("only some buffers are planned", 17);
    return absl::OkStatus();
  }

  absl::Status CheckPlace(const Buffer& b) const {
    if (b.offset < 0) return absl::OkStatus();
    const std::optional<int64_t> elements = b.size.UpperBound();
    const int64_t area =
        b.kind == BufferKind::kArena ? program_.arena_bytes : program_.prepared_bytes;
    if (!elements.has_value() || b.offset % ir::ByteSize(b.dtype) != 0 ||
        *elements * ir::ByteSize(b.dtype) > area - b.offset) {
      return Error(absl::StrCat("buffer ", b.name, " does not fit its place at byte ", b.offset,
                                " of ", area),
                   17);
    }
    return absl::OkStatus();
  }

  absl::Status CheckSites(const Kernel& kernel, const Block& block) const {
    for (const Instr& instr : block.instrs) {
      if (instr.site >= static_cast<int64_t>(program_.sites.size())) {
        return Error(absl::StrCat("kernel ", kernel.name, " names a site that is not there"), 21);
      }
      for (const Block& inner : instr.blocks) TENON_RETURN_IF_ERROR(CheckSites(kernel, inner));
    }
    return absl::OkStatus();
  }

  absl::Status CheckPredicate(int32_t buffer) const {
    if (buffer < 0 || buffer >= static_cast<int64_t>(program_.buffers.size()) ||
        program_.buffers[buffer].dtype != DType::kBool) {
      return Error("a predicate is no bool buffer", 21);
    }
    return absl::OkStatus();
  }

  absl::Status CheckSteps(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      switch (step.kind) {
        case Step::Kind::kLaunch:
          TENON_RETURN_IF_ERROR(CheckLaunch(step.launch));
          break;
        case Step::Kind::kBarrier:
          break;
        case Step::Kind::kRepeat:
          TENON_RETURN_IF_ERROR(CheckDim(step.repeat.trip_count, "a trip count"));
          if (!names_.insert(step.repeat.variable).second) {
            return Error(absl::StrCat("variable ", step.repeat.variable, " hides another"), 15);
          }
          TENON_RETURN_IF_ERROR(CheckSteps(step.repeat.body));
          names_.erase(step.repeat.variable);
          break;
        case Step::Kind::kWhile:
          TENON_RETURN_IF_ERROR(CheckPredicate(step.loop.predicate));
          TENON_RETURN_IF_ERROR(CheckSteps(step.loop.condition));
          TENON_RETURN_IF_ERROR(CheckSteps(step.loop.body));
          break;
        case Step::Kind::kBranch:
          TENON_RETURN_IF_ERROR(CheckPredicate(step.branch.predicate));
          TENON_RETURN_IF_ERROR(CheckSteps(step.branch.if_true));
          TENON_RETURN_IF_ERROR(CheckSteps(step.branch.if_false));
          break;
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckLaunch(const Launch& launch) const {
    if (launch.kernel < 0 || launch.kernel >= static_cast<int64_t>(program_.kernels.size())) {
      return Error("a launch names no kernel", 18);
    }
    const Kernel& kernel = program_.kernels[launch.kernel];
    if (launch.args.size() != kernel.params.size() ||
        launch.symbols.size() != kernel.symbols.size()) {
      return Error(absl::StrCat("a launch of ", kernel.name, " has arguments amiss"), 18);
    }
    for (const ir::Dim& d : launch.symbols) {
      TENON_RETURN_IF_ERROR(CheckDim(d, absl::StrCat("a launch of ", kernel.name)));
    }
    for (size_t i = 0; i < launch.args.size(); ++i) {
      TENON_RETURN_IF_ERROR(CheckArg(kernel, kernel.params[i], launch.args[i]));
      for (size_t j = 0; j < i; ++j) {
        const Param& a = kernel.params[i];
        const Param& b = kernel.params[j];
        if (StorageOf(launch.args[i].buffer) == StorageOf(launch.args[j].buffer) &&
            launch.args[i].offset == launch.args[j].offset && (a.written || b.written) &&
            (a.no_alias || b.no_alias)) {
          return Error(absl::StrCat("a launch of ", kernel.name, " passes buffer ",
                                    program_.buffers[launch.args[i].buffer].name, " as ", b.name,
                                    " and as ", a.name, ", which may not alias"),
                       20);
        }
      }
    }
    return absl::OkStatus();
  }

  // Equal for buffers that are one memory: numbers of bindings below those of buffers.
  int64_t StorageOf(int32_t number) const {
    const Buffer& buffer = program_.buffers[number];
    const int64_t bindings = static_cast<int64_t>(program_.bindings.size());
    if (buffer.kind != BufferKind::kBinding) return bindings + number;
    const Binding& binding = program_.bindings[buffer.binding];
    return binding.is_output && binding.donated_input >= 0 ? binding.donated_input : buffer.binding;
  }

  absl::Status CheckArg(const Kernel& kernel, const Param& param, const BufferArg& arg) const {
    const std::string what =
        absl::StrCat("parameter ", param.name, " of a launch of ", kernel.name);
    if (arg.buffer < 0 || arg.buffer >= static_cast<int64_t>(program_.buffers.size())) {
      return Error(absl::StrCat(what, " has no buffer"), 18);
    }
    const Buffer& buffer = program_.buffers[arg.buffer];
    if (buffer.dtype != param.dtype) {
      return Error(absl::StrCat(what, " differs in element type from buffer ", buffer.name), 18);
    }
    TENON_RETURN_IF_ERROR(CheckDim(arg.offset, what));
    if (buffer.kind == BufferKind::kBinding && in_prepare_ &&
        (param.written || program_.bindings[buffer.binding].is_output ||
         program_.bindings[buffer.binding].kind != ir::InputKind::kParameter)) {
      return Error(absl::StrCat(what, ": prepare touches ", buffer.name), 19);
    }
    if (param.written && !IsWritable(buffer)) {
      return Error(absl::StrCat(what, ": nothing may write buffer ", buffer.name), 19);
    }
    return absl::OkStatus();
  }

  bool IsWritable(const Buffer& buffer) const {
    switch (buffer.kind) {
      case BufferKind::kBinding: {
        const Binding& b = program_.bindings[buffer.binding];
        return b.is_output || b.donated_input >= 0;
      }
      case BufferKind::kConstant:
        return false;
      case BufferKind::kArena:
        return true;
      case BufferKind::kPrepared:
        return in_prepare_;
    }
    return false;
  }

  const Program& program_;
  std::set<std::string> names_;
  bool in_prepare_ = false;
};

}  // namespace

absl::Status Verify(const Program& program) { return ProgramVerifier(program).Run(); }

}  // namespace tenon::kernel
