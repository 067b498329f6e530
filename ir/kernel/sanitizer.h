// The bookkeeping behind the kernel interpreter's checks: which element was written by whom, under
// which buffer's name, and which of two accesses no barrier separates.
//
// A Memory is a piece of storage with one cell a granule (the smallest element that it is accessed
// by). Launches are counted; a barrier starts a new phase, which is a range of launch numbers. An
// agent stands for a thread: two accesses in one phase by different agents, at least one of them a
// write, are a race. Agents are either the n threads of a run, or, when every chunk counts as a
// thread of its own, the fractions (c + 1) / n: by the formula in ir/kernel/kernel.h chunk c of n
// goes to thread ceil((c + 1) T / n) - 1, so two chunks belong to the same thread for every number
// of threads T exactly when their fractions are equal.
#ifndef TENON_IR_KERNEL_SANITIZER_H_
#define TENON_IR_KERNEL_SANITIZER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "tenon/ir/kernel/kernel.h"

namespace tenon::kernel {

// Code outside `parallel`, and predicates of steps: every thread runs it.
inline constexpr uint32_t kEveryThread = 0xfffffffe;
inline constexpr uint32_t kNobody = 0xffffffff;

struct Memory {
  struct Cell {
    uint32_t owner = kNobody;  // number of the buffer under whose name it was written last
    uint32_t write_launch = 0, write_agent = kNobody;
    uint32_t read_launch = 0, read_agent = kNobody;  // kEveryThread: several have read
    uint16_t write_param = 0, read_param = 0;
    uint32_t store = 0;  // number of the store that wrote it last
  };

  Memory() = default;
  // Unwritten memory holds a pattern that shows.
  Memory(int64_t size, int64_t granule_bytes);

  int64_t granule = 1;
  std::vector<std::byte> bytes;
  std::vector<Cell> cells;
};

// A buffer, as one launch sees it.
struct BufferView {
  Memory* memory = nullptr;
  int64_t offset = 0;    // bytes to element 0 of the argument
  int64_t first = 0;     // elements before it that belong to the buffer
  int64_t elements = 0;  // elements from it on
  uint32_t owner = 0;
  uint32_t also = 0;  // another owner whose elements may be read: what a donated pair started from
  uint16_t param = 0;
  bool no_alias = false;
  bool writable = false;
};

// Where an access stands.
struct AccessSite {
  const Kernel* kernel = nullptr;
  const Instr* instr = nullptr;
  int64_t chunk = -1;  // -1 outside parallel
  int64_t chunks = 0;
  uint32_t agent = kEveryThread;
  // Of stores whose elements must not meet: a number of its own each time one runs. 0: they may.
  uint32_t store = 0;
};

class Sanitizer {
 public:
  struct Options {
    int threads = 1;
    bool each_chunk_its_own_thread = false;
    int max_reports = 8;
  };

  Sanitizer(const Program& program, Options options);

  // The agent that runs chunk c of n.
  uint32_t Agent(int64_t c, int64_t n);

  void BeginLaunch(const Launch* launch, std::string where);
  void Barrier();

  // Records the access of one element; `index` counts from the view's element 0. False where the
  // element is out of bounds and must not be touched.
  bool Read(const BufferView& view, int64_t index, int64_t bytes, const AccessSite& site);
  bool Write(const BufferView& view, int64_t index, int64_t bytes, bool non_temporal,
             const AccessSite& site);
  // A fence of every thread's drains the stores of all chunks.
  void Fence(uint32_t agent) {
    agent == kEveryThread ? unfenced_.clear() : static_cast<void>(unfenced_.erase(agent));
  }

  // A report of the interpreter's own: locals, masks, outputs.
  void Report(absl::string_view what, const AccessSite& site);
  void Report(std::string text);
  bool full() const { return static_cast<int>(reports_.size()) >= options_.max_reports; }
  const std::vector<std::string>& reports() const { return reports_; }

  const Options& options() const { return options_; }

 private:
  struct LaunchInfo {
    const Launch* launch;
    std::string where;
  };

  bool Differ(uint32_t a, uint32_t b) const;
  std::string AgentName(uint32_t agent) const;
  std::string Describe(const BufferView& view, int64_t index) const;
  std::string LaunchName(uint32_t number) const;
  void ReportRace(absl::string_view what, const BufferView& view, int64_t index,
                  const AccessSite& site, absl::string_view other, uint32_t other_agent,
                  uint32_t other_launch);
  void ReportAlias(const BufferView& view, int64_t index, const AccessSite& site,
                   uint16_t other_param);

  const Program& program_;
  const Options options_;
  std::vector<LaunchInfo> launches_;  // number 0 is none
  uint32_t phase_start_ = 1;          // number of the first launch of this phase
  std::map<std::pair<int64_t, int64_t>, uint32_t> fractions_;
  std::vector<std::pair<int64_t, int64_t>> agents_;  // c and n, by agent
  std::set<uint32_t> unfenced_;                      // agents with non-temporal stores under way
  std::set<std::tuple<const Launch*, const Instr*, std::string>> known_;
  std::vector<std::string> reports_;
};

}  // namespace tenon::kernel

#endif  // TENON_IR_KERNEL_SANITIZER_H_
