// Instance: a program bound to buffers, ready to run again and again.
//
// Every input must be bound before a run. Buffers are the caller's, are not copied, and must
// outlive the instance or be bound anew. An output that is not bound gets memory of the instance's
// own. The output of a donated pair is its input's buffer, updated in place; no other buffer that
// is written may overlap another one. Symbols take their extents from the shapes that are bound.
//
// Once everything is bound a run allocates nothing, nor does binding a buffer of another address or
// extent. Instances of one program may run at the same time, each on a team of its own.
#ifndef TENON_FRONTEND_INSTANCE_H_
#define TENON_FRONTEND_INSTANCE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tenon/frontend/executable.h"
#include "tenon/frontend/tensor.h"
#include "tenon/runtime/arena.h"
#include "tenon/runtime/team.h"

namespace tenon {

// Where the elements of several runs lie, for Run(runs): one run's `stride` bytes behind those of
// the one before.
struct Series {
  int64_t runs = 1;  // how many there are
  int64_t stride = 0;
};

class Instance {
 public:
  // `team` is borrowed and may be shared with other instances: on several threads they then take
  // turns. Without one, or with one of one thread, the program runs on the caller's thread alone,
  // as does one that has work for no second thread.
  Instance(std::shared_ptr<const Executable> executable, runtime::Team* team);
  Instance(Instance&&) = default;
  Instance& operator=(Instance&&) = default;

  // The number of a binding, for Bind without a look-up; -1 when there is none of that name. An
  // input and an output may share a name: these are two bindings.
  int FindInput(absl::string_view name) const;
  int FindOutput(absl::string_view name) const;

  // Binds what is only read: any input that is not donated. With a series `view` is the first run's
  // elements; parameters and state have none, they are the same for all runs.
  absl::Status BindInput(absl::string_view name, const TensorView& view, Series series = {});
  absl::Status BindInput(int binding, const TensorView& view, Series series = {});
  // Binds what is written: an output, or an input that is donated (and so both of its pair). Only
  // outputs that are not donated have a series.
  absl::Status BindMutable(absl::string_view name, const MutableTensorView& view,
                           Series series = {});
  absl::Status BindMutable(int binding, const MutableTensorView& view, Series series = {});

  // The threads that run it; null for the caller's alone.
  runtime::Team* team() const { return team_; }

  // Runs the program `runs` times, with the same bits as that many calls. An output without a
  // series holds what the last run left. After a failed run donated buffers and outputs hold
  // undefined values.
  absl::Status Run(int64_t runs = 1);
  // The run in which the last call ended, from 0: the one that failed, if one did.
  int64_t last_run() const { return frame_.run; }
  // Says that parameters have changed in place: the next run packs them anew. (Binding a parameter
  // says so by itself; donated ones are never packed beforehand.)
  void ParametersChanged() { prepared_ = ready_ = false; }

  // An output after a run, with the extents of that run.
  absl::StatusOr<TensorView> Output(absl::string_view name) const;
  TensorView Output(int binding) const;
  // Where an output's elements are.
  const void* OutputData(int binding) const { return slots_[binding].data; }

 private:
  struct Slot {
    Dims dims;               // of the bound buffer; of an output without one, of the last run
    void* data = nullptr;    // null: not bound
    bool own = false;        // an output's memory is in `storage`
    int64_t bytes = 0;       // of the bound buffer, of all its runs
    int64_t runs = 1;        // see Series
    runtime::Arena storage;  // of an output that nobody bound
  };

  absl::Status Bind(int binding, ir::DType dtype, const Dims& dims, void* data, Series series);
  absl::StatusOr<int64_t> CheckBuffer(int binding, ir::DType dtype, const Dims& dims,
                                      const void* data, Series series) const;
  absl::Status CheckOverlap(int binding) const;
  absl::Status ResolveExtents();
  absl::Status SolveSymbols(int binding, bool* progress);
  absl::Status MatchDim(int binding, int axis);
  absl::Status PlaceOutputs();
  absl::Status CheckSeries(int64_t runs) const;
  absl::Status MakeReady(int64_t runs);
  absl::Status RunEntry(tenon_entry entry);
  absl::Status InterpretRuns();
  absl::Status Interpret(int64_t run);
  absl::Status FaultStatus() const;
  absl::Status NoMemory() const;
  const kernel::Binding& binding(int i) const { return executable_->bindings[i]; }
  bool IsWritten(int i) const;
  // The other one of a donated pair, or -1.
  int PartnerOf(int i) const { return partner_[i]; }

  std::shared_ptr<const Executable> executable_;
  runtime::Team* team_;
  std::vector<Slot> slots_;   // one a binding
  std::vector<int> partner_;  // one a binding
  std::vector<void*> buffers_;
  std::vector<int64_t> strides_;  // one a binding
  std::vector<int64_t> extents_;  // one a symbol
  std::vector<bool> known_;       // whether that is set; only while extents are being resolved
  runtime::Arena arena_, prepared_area_;
  tenon_frame frame_ = {};
  bool resolved_ = false;  // extents and outputs fit what is bound
  bool prepared_ = false;
  bool ready_ = false;  // both, and there is memory
};

}  // namespace tenon

#endif  // TENON_FRONTEND_INSTANCE_H_
