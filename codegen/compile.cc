// Compile: which objects a program needs, which of them exist already, and the rest on all cores.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <map>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "tenon/codegen/artifact.h"
#include "tenon/codegen/llvm/object.h"
#include "tenon/ir/check.h"
#include "tenon/ir/kernel/canonical.h"

namespace tenon::codegen {
namespace {

// One object to make: a distinct kernel, or the program.
struct Job {
  std::string name;    // for dumps
  std::string symbol;  // empty: the program
  std::string key;     // of the cache
  const kernel::Kernel* kernel = nullptr;
  absl::StatusOr<ObjectResult> result = absl::InternalError("not compiled");
  bool cached = false;
};

void ForgetSites(kernel::Block* block) {
  for (kernel::Instr& instr : block->instrs) {
    instr.site = -1;
    for (kernel::Block& nested : instr.blocks) ForgetSites(&nested);
  }
}

// The bytes of a kernel's code alone: the program hands the sites of faults to each launch, so that
// layers which differ in their source lines only share a kernel.
std::string KernelBytes(const kernel::Kernel& kernel) {
  kernel::Kernel copy = kernel;
  ForgetSites(&copy.body);
  return kernel::CanonicalBytes(copy);
}

// All that decides the code of any kernel, but for the kernel.
std::string TargetText(const ir::TargetDesc& target, bool use_fma) {
  return absl::StrCat(GeneratorVersion(), "\n", target.triple, "\n", target.cpu, "\n",
                      target.features, "\n", target.vector_bits, " ", target.has_masks, " ",
                      target.has_gather, " ", target.max_threads, " ", use_fma, "\n");
}

// "contract_dense_kernel": the kernel and what it writes, as debuggers and profilers read names.
std::string LabelOf(const kernel::Kernel& kernel) {
  std::string label = kernel.name;
  for (const kernel::Param& param : kernel.params) {
    if (param.written) absl::StrAppend(&label, "_", param.name);
  }
  for (char& c : label) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return label;
}

int CountClocks(const std::vector<kernel::Step>& steps) {
  int clocks = 0;
  for (const kernel::Step& step : steps) {
    switch (step.kind) {
      case kernel::Step::Kind::kLaunch:
      case kernel::Step::Kind::kBarrier:
        ++clocks;
        break;
      case kernel::Step::Kind::kRepeat:
        clocks += CountClocks(step.repeat.body);
        break;
      case kernel::Step::Kind::kWhile:
        clocks += CountClocks(step.loop.condition) + CountClocks(step.loop.body);
        break;
      case kernel::Step::Kind::kBranch:
        clocks += CountClocks(step.branch.if_true) + CountClocks(step.branch.if_false);
        break;
    }
  }
  return clocks;
}

class Compilation {
 public:
  Compilation(const kernel::Program& program, const ir::TargetDesc& target,
              const CodegenOptions& options)
      : program_(program), target_(target), options_(options) {}

  absl::StatusOr<Artifact> Run() {
    const auto start = std::chrono::steady_clock::now();
    TENON_RETURN_IF_ERROR(CheckAddresses());
    TENON_ASSIGN_OR_RETURN(std::unique_ptr<ObjectCompiler> compiler,
                           ObjectCompiler::Create(target_));
    if (program_.has_fma && !compiler->has_fma()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the program was lowered for a target with fused multiply-add; CPU '",
                       target_.cpu, "' has none"));
    }
    CollectJobs();
    RunJobs(*compiler);
    TENON_ASSIGN_OR_RETURN(Artifact artifact, Assemble());
    artifact.stats.wall_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return artifact;
  }

 private:
  bool dumps() const {
    return options_.dump_llvm != nullptr || options_.dump_assembly != nullptr || options_.keep_llvm;
  }

  // Memory that pointers of 32 bits cannot reach, or whose size does not fit them with a sign.
  absl::Status CheckAddresses() const {
    if (target_.pointer_bytes >= 8) return absl::OkStatus();
    const auto check = [&](absl::string_view what, int64_t bytes) {
      if (bytes <= std::numeric_limits<int32_t>::max()) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat(what, " takes ", bytes,
                                                     " bytes: more than the 32-bit addresses of ",
                                                     target_.triple, " reach"));
    };
    TENON_RETURN_IF_ERROR(check("the arena", program_.arena_bytes + program_.scratch_bytes));
    TENON_RETURN_IF_ERROR(check("the prepared area", program_.prepared_bytes));
    for (const kernel::Binding& binding : program_.bindings) {
      const int64_t elements = binding.type.NumElements().UpperBound().value_or(0);
      TENON_RETURN_IF_ERROR(
          check(absl::StrCat("'", binding.name, "'"), elements * ir::ByteSize(binding.type.dtype)));
    }
    return absl::OkStatus();
  }

  void CollectJobs() {
    prepare_symbol_ = absl::StrCat(options_.symbol_prefix, "_prepare");
    step_symbol_ = absl::StrCat(options_.symbol_prefix, "_step");
    const std::string target = TargetText(target_, program_.has_fma);
    std::map<std::string, int> seen;
    for (const kernel::Kernel& kernel : program_.kernels) {
      const std::string digest = HexDigest(absl::StrCat(target, KernelBytes(kernel)));
      // Half of the digest is plenty within a program; the cache has all of it.
      const std::string symbol = absl::StrCat(options_.symbol_prefix, "_k_", digest.substr(0, 32));
      kernel_symbols_.push_back(symbol);
      if (!seen.emplace(symbol, 0).second) continue;
      Job job;
      job.name = kernel.name;
      job.symbol = symbol;
      job.key = HexDigest(absl::StrCat(digest, symbol));
      job.kernel = &kernel;
      jobs_.push_back(std::move(job));
    }
    Job job;
    job.name = "program";
    jobs_.push_back(std::move(job));
  }

  void RunJob(ObjectCompiler& compiler, Job* job) {
    ObjectOptions options;
    options.llvm_text = options_.dump_llvm != nullptr || options_.keep_llvm;
    options.assembly_text = options_.dump_assembly != nullptr;
    options.clocks = options_.clocks;
    options.events = options_.events;
    if (job->kernel == nullptr) {
      job->result =
          compiler.Program(program_, kernel_symbols_, prepare_symbol_, step_symbol_, options);
      return;
    }
    KernelCache* cache = dumps() ? nullptr : options_.cache;
    if (cache != nullptr) {
      if (std::optional<std::string> object = cache->Find(job->key)) {
        job->result = ObjectResult{.bytes = *std::move(object)};
        job->cached = true;
        return;
      }
    }
    job->result = compiler.Kernel(*job->kernel, program_.has_fma, job->symbol, options);
    if (cache != nullptr && job->result.ok()) cache->Insert(job->key, job->result->bytes);
  }

  // Each thread takes the next job; the costly ones start first, so that none is left to the end.
  void RunJobs(ObjectCompiler& compiler) {
    std::vector<size_t> order(jobs_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto cost = [&](size_t i) {
      return jobs_[i].kernel == nullptr ? 1000 * program_.step.size()
                                        : 100 * jobs_[i].kernel->types.size();
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return cost(a) > cost(b); });
    std::atomic<size_t> next{0};
    const auto work = [&](ObjectCompiler& own) {
      for (size_t i = next++; i < order.size(); i = next++) RunJob(own, &jobs_[order[i]]);
    };
    const auto help = [&] {
      const auto own = ObjectCompiler::Create(target_);
      if (own.ok()) work(**own);
    };
    size_t threads = options_.threads > 0 ? static_cast<size_t>(options_.threads)
                                          : std::max(1u, std::thread::hardware_concurrency());
    threads = std::min(threads, jobs_.size());
    std::vector<std::thread> helpers;
    for (size_t t = 1; t < threads; ++t) helpers.emplace_back(help);
    work(compiler);
    for (std::thread& helper : helpers) helper.join();
  }

  absl::StatusOr<Artifact> Assemble() {
    Artifact artifact;
    artifact.target = target_;
    artifact.prepare_symbol = prepare_symbol_;
    artifact.step_symbol = step_symbol_;
    artifact.symbols = program_.symbols;
    artifact.bindings = program_.bindings;
    artifact.sites = program_.sites;
    artifact.arena_bytes = program_.arena_bytes;
    artifact.scratch_bytes = program_.scratch_bytes;
    artifact.prepared_bytes = program_.prepared_bytes;
    artifact.has_prepare = !program_.prepare.empty();
    artifact.kernel_symbols = std::move(kernel_symbols_);
    CompileStats& stats = artifact.stats;
    stats.launched_kernels = static_cast<int>(program_.kernels.size());
    for (Job& job : jobs_) {
      if (!job.result.ok()) return job.result.status();
      ObjectResult& result = *job.result;
      if (options_.dump_llvm != nullptr) options_.dump_llvm(job.name, result.llvm_text);
      if (options_.dump_assembly != nullptr) {
        options_.dump_assembly(job.name, result.assembly_text);
      }
      ++(job.cached ? stats.cached : stats.compiled);
      stats.emit_seconds += result.emit_seconds;
      stats.codegen_seconds += result.codegen_seconds;
      if (job.kernel == nullptr) {
        artifact.program = {
            program_.name, std::move(result.bytes), {}, std::move(result.llvm_text)};
      } else {
        artifact.kernels.push_back({job.symbol, std::move(result.bytes), LabelOf(*job.kernel),
                                    std::move(result.llvm_text)});
      }
    }
    std::sort(artifact.kernels.begin(), artifact.kernels.end(),
              [](const ObjectCode& a, const ObjectCode& b) { return a.symbol < b.symbol; });
    return artifact;
  }

  const kernel::Program& program_;
  const ir::TargetDesc& target_;
  const CodegenOptions& options_;
  std::string prepare_symbol_, step_symbol_;
  std::vector<std::string> kernel_symbols_;  // by kernel
  std::vector<Job> jobs_;
};

}  // namespace

int ClockSlots(const kernel::Program& program) { return 1 + CountClocks(program.step); }

absl::StatusOr<Artifact> Compile(const kernel::Program& program, const ir::TargetDesc& target,
                                 const CodegenOptions& options) {
  return Compilation(program, target, options).Run();
}

}  // namespace tenon::codegen
