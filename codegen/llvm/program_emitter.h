// ProgramEmitter: the module of a program: its entries `prepare` and `step`, which evaluate extents
// and offsets, launch kernels, and synchronise. Internal to code generation.
//
// emit_program.cc has the entries and steps, emit_checks.cc what is checked of the caller's
// arguments, emit_barrier.cc the barrier, emit_float_control.cc the floating-point control state.
#ifndef TENON_CODEGEN_LLVM_PROGRAM_EMITTER_H_
#define TENON_CODEGEN_LLVM_PROGRAM_EMITTER_H_

#include <llvm/IR/Module.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tenon/codegen/llvm/scalar_emitter.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/runtime/abi.h"

namespace tenon::codegen {

// How an entry keeps time: see CodegenOptions.
struct EntryClocks {
  bool on = false;
  int64_t events = 0;
};

class ProgramEmitter {
 public:
  // `kernel_symbols`: the function of each kernel of the program.
  ProgramEmitter(const kernel::Program& program, const TargetInfo& target,
                 std::vector<std::string> kernel_symbols, llvm::Module& module);

  // `step` may be asked to run several times (tenon_frame::runs), `prepare` may not.
  enum class Runs { kOne, kMany };
  void EmitEntry(const std::string& symbol, const std::vector<kernel::Step>& steps, Runs runs,
                 EntryClocks clocks = {});

 private:
  // emit_program.cc
  void LoadFrame();
  void CollectBuffers(const std::vector<kernel::Step>& steps, std::set<int>* buffers) const;
  void EmitSteps(const std::vector<kernel::Step>& steps);
  void EmitRuns(const std::vector<kernel::Step>& steps);
  void EmitLaunch(const kernel::Launch& launch);
  // Reads the counter; adds what has passed to the next slot, where the entry keeps time.
  void StartClocks(int64_t events);
  void EmitClock();
  void NoteEvent(int slot, llvm::Value* now);
  llvm::Value* ReadCounter();
  void EmitRepeat(const kernel::Repeat& repeat);
  void EmitWhile(const kernel::WhileLoop& loop);
  void EmitBranch(const kernel::Branch& branch);
  llvm::Value* EmitPredicate(int buffer);
  llvm::Value* DimValue(const ir::Dim& dim);
  llvm::Value* BufferPointer(int buffer);
  llvm::Value* ConstantPointer(int buffer);
  llvm::Value* SitesOf(int kernel);
  static bool Moves(const kernel::Binding& binding);
  void Leave(llvm::Value* status);
  // Leaves with `status` where it is not TENON_OK.
  void LeaveUnlessOk(llvm::Value* status);
  llvm::BasicBlock* NewBlock(const char* name);

  // emit_checks.cc
  void CheckArguments(const std::string& symbol, const std::vector<kernel::Step>& steps);
  void EmitChecks(llvm::Function* function, const std::vector<kernel::Step>& steps);
  void CheckThread();
  void CheckExtents();
  void CheckMemory(const std::vector<kernel::Step>& steps);
  void CheckBindings(const std::vector<kernel::Step>& steps);
  void CheckBindingTable(const std::vector<int>& buffers);
  llvm::Value* NeedsChecks(const std::vector<kernel::Step>& steps);
  bool Uses(const std::vector<kernel::Step>& steps, kernel::BufferKind kind) const;
  bool UsesArena(const std::vector<kernel::Step>& steps) const;
  bool UsesPrepared(const std::vector<kernel::Step>& steps) const;
  // Where `failed`, the function returns `status`, with `value` in the frame.
  void Refuse(tenon_status status, llvm::Value* value, llvm::Value* failed);
  // Returns with a status, which the frame takes note of where it is the first.
  void LeaveWith(llvm::Value* status, llvm::Value* value);
  // In `prepare`, of programs that multiply in matrix registers.
  void RequestMatrixRegisters();
  std::set<int> BindingBuffers(const std::vector<kernel::Step>& steps) const;

  // emit_barrier.cc
  void EmitBarrier();
  llvm::Value* StartPassed();
  llvm::Function* BarrierFunction();
  void EmitArrival(llvm::Function* function);
  void EmitWake(llvm::Value* team);
  // Goes on in `through` once `arrived` has reached `target` or `stop` is set.
  void EmitWait(llvm::Value* frame, llvm::Value* team, llvm::Value* target, llvm::Value* stop,
                llvm::BasicBlock* through);
  void EmitCancel(llvm::Value* team, llvm::Value* frame, llvm::Value* status);
  void EmitPause();

  // emit_float_control.cc
  void SetFloatingPointControl();
  void RestoreFloatingPointControl();  // the caller's
  llvm::Value* StackWord();
  void WhereControlDiffers(const std::function<void()>& body);

  const kernel::Program& program_;
  const TargetInfo& target_;
  std::vector<std::string> kernel_symbols_;
  llvm::Module& module_;
  llvm::LLVMContext& context_;
  Builder b_;
  llvm::Function* barrier_ = nullptr;
  std::map<int, llvm::GlobalVariable*> constants_;  // by buffer
  std::map<int, llvm::Constant*> sites_;            // by kernel

  // Of the entry that is being emitted.
  llvm::Function* function_ = nullptr;
  llvm::Value* frame_ = nullptr;
  llvm::Value* saved_control_ = nullptr;    // the caller's floating-point control,
  llvm::Value* control_differs_ = nullptr;  // and whether it is another than the entry's
  llvm::Value* thread_ = nullptr;
  llvm::Value* threads_ = nullptr;
  llvm::Value* passed_ = nullptr;  // where it counts the barriers that this thread has passed
  llvm::Value* arena_ = nullptr;
  llvm::Value* prepared_ = nullptr;
  llvm::Value* scratch_ = nullptr;
  llvm::Value* table_ = nullptr;                                  // the caller's buffers
  std::map<int, llvm::PHINode*> moving_;                          // those of this run, by binding
  std::map<std::string, llvm::Value*, std::less<>> environment_;  // symbols and loop variables
  llvm::Value* clock_row_ = nullptr;  // of this thread; null where no time is kept
  llvm::Value* event_row_ = nullptr;  // likewise; null where no readings are noted
  int64_t events_ = 0;                // that it has room for
  int next_clock_ = 0;
  llvm::Value* run_ = nullptr;  // the number of the run
  llvm::BasicBlock* leave_ = nullptr;
  llvm::PHINode* result_ = nullptr;    // the status to leave with; of a check, what it found
  llvm::PHINode* refused_ = nullptr;   // of a check: which one of them
  llvm::PHINode* last_run_ = nullptr;  // the run that is left
};

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_PROGRAM_EMITTER_H_
