#include "tenon/codegen/llvm/dispatch.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/MCSubtargetInfo.h>

#include "absl/strings/str_cat.h"
#include "tenon/codegen/llvm/generate.h"
#include "tenon/codegen/llvm/kernel_emitter.h"
#include "tenon/codegen/llvm/layouts.h"
#include "tenon/codegen/llvm/target_info.h"
#include "tenon/ir/check.h"

namespace tenon::codegen {
namespace {

using llvm::BasicBlock;
using llvm::Value;

// Words that tell of a processor's features, and of the registers that the system saves (XCR0).
enum Word { kLeaf1Ecx, kLeaf7Ebx, kExtendedEcx, kXcr0, kWords };
constexpr uint32_t kOsXsave = 27;  // the bit of kLeaf1Ecx with which XCR0 can be read

// LLVM's features and their bits, as Intel's and AMD's manuals number them.
struct FeatureBit {
  const char* feature;
  Word word;
  uint32_t bits;
};
constexpr uint32_t Bit(uint32_t n) { return uint32_t{1} << n; }
constexpr FeatureBit kFeatures[] = {
    {"+sse3", kLeaf1Ecx, Bit(0)},
    {"+ssse3", kLeaf1Ecx, Bit(9)},
    {"+fma", kLeaf1Ecx, Bit(12)},
    {"+cx16", kLeaf1Ecx, Bit(13)},
    {"+sse4.1", kLeaf1Ecx, Bit(19)},
    {"+sse4.2", kLeaf1Ecx, Bit(20)},
    {"+movbe", kLeaf1Ecx, Bit(22)},
    {"+popcnt", kLeaf1Ecx, Bit(23)},
    {"+xsave", kLeaf1Ecx, Bit(26)},
    {"+avx", kLeaf1Ecx, Bit(kOsXsave) | Bit(28)},
    {"+f16c", kLeaf1Ecx, Bit(29)},
    {"+bmi", kLeaf7Ebx, Bit(3)},
    {"+avx2", kLeaf7Ebx, Bit(5)},
    {"+bmi2", kLeaf7Ebx, Bit(8)},
    {"+avx512f", kLeaf7Ebx, Bit(16)},
    {"+avx512dq", kLeaf7Ebx, Bit(17)},
    {"+avx512cd", kLeaf7Ebx, Bit(28)},
    {"+avx512bw", kLeaf7Ebx, Bit(30)},
    {"+avx512vl", kLeaf7Ebx, Bit(31)},
    {"+sahf", kExtendedEcx, Bit(0)},
    {"+lzcnt", kExtendedEcx, Bit(5)},
    {"+avx", kXcr0, Bit(1) | Bit(2)},
    {"+avx512f", kXcr0, Bit(5) | Bit(6) | Bit(7)},
};

// The choice in memory: so that an area that was never prepared is hardly taken for one that was.
constexpr uint32_t kMark = 0x746e6f00;

class DispatchEmitter {
 public:
  DispatchEmitter(const std::vector<DispatchVariant>& variants, const TargetInfo& target,
                  int64_t choice, llvm::Module& module)
      : variants_(variants),
        target_(target),
        choice_(choice),
        module_(module),
        b_(module.getContext(), llvm::TargetFolder(module.getDataLayout())) {}

  absl::Status Emit(const std::string& prepare_symbol, const std::string& step_symbol) {
    TENON_RETURN_IF_ERROR(EmitDetection());
    std::vector<std::string> prepare, step;
    for (const DispatchVariant& variant : variants_) {
      prepare.push_back(variant.prepare_symbol);
      step.push_back(variant.step_symbol);
    }
    EmitEntry(prepare_symbol, prepare, /*chooses=*/true);
    EmitEntry(step_symbol, step, /*chooses=*/false);
    return absl::OkStatus();
  }

 private:
  BasicBlock* Block(const char* name) {
    return BasicBlock::Create(module_.getContext(), name, function_);
  }

  llvm::Function* Function(llvm::FunctionType* type, const std::string& symbol,
                           llvm::GlobalValue::LinkageTypes linkage) {
    llvm::Function* function = llvm::Function::Create(type, linkage, symbol, module_);
    SetFunctionAttributes(*function, target_);
    return function;
  }

  // EAX, EBX, ECX and EDX of a leaf, as a struct.
  Value* Cpuid(uint32_t leaf) {
    llvm::Type* i32 = b_.getInt32Ty();
    auto* result = llvm::StructType::get(module_.getContext(), {i32, i32, i32, i32});
    auto* type = llvm::FunctionType::get(result, {i32, i32}, false);
    llvm::InlineAsm* code = llvm::InlineAsm::get(
        type, "cpuid", "={ax},={bx},={cx},={dx},{ax},{cx},~{dirflag},~{fpsr},~{flags}", true);
    return b_.CreateCall(type, code, {b_.getInt32(leaf), b_.getInt32(0)});
  }
  Value* Xcr0() {
    llvm::Type* i32 = b_.getInt32Ty();
    auto* result = llvm::StructType::get(module_.getContext(), {i32, i32});
    auto* type = llvm::FunctionType::get(result, {i32}, false);
    llvm::InlineAsm* code = llvm::InlineAsm::get(  // xgetbv
        type, ".byte 0x0f, 0x01, 0xd0", "={ax},={dx},{cx},~{dirflag},~{fpsr},~{flags}", true);
    return b_.CreateExtractValue(b_.CreateCall(type, code, {b_.getInt32(0)}), 0);
  }

  // `read` where `condition` holds, else 0.
  template <typename Read>
  Value* Where(Value* condition, const Read& read) {
    BasicBlock* before = b_.GetInsertBlock();
    BasicBlock* there = Block("there");
    BasicBlock* after = Block("after");
    b_.CreateCondBr(condition, there, after);
    b_.SetInsertPoint(there);
    Value* value = read();
    b_.CreateBr(after);
    b_.SetInsertPoint(after);
    llvm::PHINode* phi = b_.CreatePHI(b_.getInt32Ty(), 2);
    phi->addIncoming(b_.getInt32(0), before);
    phi->addIncoming(value, there);
    return phi;
  }

  // i32 detect(): the number of the last variant that the processor runs.
  absl::Status EmitDetection() {
    detect_ = Function(llvm::FunctionType::get(b_.getInt32Ty(), false), "detect",
                       llvm::GlobalValue::InternalLinkage);
    detect_->addFnAttr(llvm::Attribute::NoInline);
    function_ = detect_;
    b_.SetInsertPoint(Block("entry"));
    Value* words[kWords];
    Value* leaves = b_.CreateExtractValue(Cpuid(0), 0);
    Value* extended = b_.CreateExtractValue(Cpuid(0x80000000), 0);
    words[kLeaf1Ecx] = b_.CreateExtractValue(Cpuid(1), 2);
    words[kLeaf7Ebx] = Where(b_.CreateICmpUGE(leaves, b_.getInt32(7)),
                             [&] { return b_.CreateExtractValue(Cpuid(7), 1); });
    words[kExtendedEcx] = Where(b_.CreateICmpUGE(extended, b_.getInt32(0x80000001)),
                                [&] { return b_.CreateExtractValue(Cpuid(0x80000001), 2); });
    Value* saves = b_.CreateAnd(words[kLeaf1Ecx], b_.getInt32(Bit(kOsXsave)));
    words[kXcr0] = Where(b_.CreateICmpNE(saves, b_.getInt32(0)), [&] { return Xcr0(); });
    Value* best = b_.getInt32(0);
    for (size_t i = 1; i < variants_.size(); ++i) {
      TENON_ASSIGN_OR_RETURN(const std::unique_ptr<llvm::TargetMachine> machine,
                             MakeTargetMachine(variants_[i].target));
      uint32_t wanted[kWords] = {};
      for (const FeatureBit& row : kFeatures) {
        if (machine->getMCSubtargetInfo()->checkFeatures(row.feature)) {
          wanted[row.word] |= row.bits;
        }
      }
      Value* runs = b_.getTrue();
      for (int word = 0; word < kWords; ++word) {
        Value* mask = b_.getInt32(wanted[word]);
        runs = b_.CreateAnd(runs, b_.CreateICmpEQ(b_.CreateAnd(words[word], mask), mask));
      }
      best = b_.CreateSelect(runs, b_.getInt32(static_cast<uint32_t>(i)), best);
    }
    b_.CreateRet(best);
    return absl::OkStatus();
  }

  void EmitEntry(const std::string& symbol, const std::vector<std::string>& targets, bool chooses) {
    llvm::Type* i32 = b_.getInt32Ty();
    auto* type = llvm::FunctionType::get(i32, {b_.getPtrTy(), i32, i32}, false);
    function_ = Function(type, symbol, llvm::GlobalValue::ExternalLinkage);
    Value *frame = function_->getArg(0), *thread = function_->getArg(1);
    b_.SetInsertPoint(Block("entry"));
    BasicBlock* refuse = Block("refuse");
    BasicBlock* look = Block("look");
    Value* prepared = LoadPointer(b_, FieldPointer(b_, frame, FrameField::kPrepared));
    Value* address = b_.CreatePtrToInt(prepared, b_.getInt64Ty());
    Value* low = b_.CreateAnd(address, b_.getInt64(TENON_ARENA_ALIGNMENT - 1));
    b_.CreateCondBr(b_.CreateOr(b_.CreateIsNull(prepared), b_.CreateICmpNE(low, b_.getInt64(0))),
                    refuse, look);
    b_.SetInsertPoint(look);
    Value* place = FieldPointer(b_, prepared, static_cast<size_t>(choice_));
    Value* number = chooses ? Choose(thread, place) : Chosen(place);
    llvm::SwitchInst* choose = b_.CreateSwitch(number, refuse);
    for (size_t i = 0; i < targets.size(); ++i) {
      BasicBlock* block = Block("variant");
      choose->addCase(b_.getInt32(static_cast<uint32_t>(i)), block);
      b_.SetInsertPoint(block);
      llvm::Function* variant =
          llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, targets[i], module_);
      variant->setVisibility(llvm::GlobalValue::HiddenVisibility);
      variant->setDSOLocal(true);
      llvm::CallInst* call = b_.CreateCall(variant, {frame, thread, function_->getArg(2)});
      call->setTailCall();
      b_.CreateRet(call);
    }
    b_.SetInsertPoint(refuse);
    Value* status = b_.getInt32(TENON_BAD_MEMORY);
    BasicBlock* first = Block("first");
    BasicBlock* end = Block("end");
    b_.CreateCondBr(SetFirstStatus(b_, target_, frame, status), first, end);
    b_.SetInsertPoint(first);
    b_.CreateAlignedStore(b_.getInt32(-1), FieldPointer(b_, frame, FrameField::kFaultSite),
                          llvm::Align(4));
    b_.CreateAlignedStore(b_.getInt64(1), FieldPointer(b_, frame, FrameField::kFaultValue),
                          llvm::Align(8));
    b_.CreateBr(end);
    b_.SetInsertPoint(end);
    b_.CreateRet(status);
  }

  // Every thread asks for itself, one of them takes note.
  Value* Choose(Value* thread, Value* place) {
    Value* number = b_.CreateCall(detect_);
    BasicBlock* note = Block("note");
    BasicBlock* go = Block("go");
    b_.CreateCondBr(b_.CreateICmpEQ(thread, b_.getInt32(0)), note, go);
    b_.SetInsertPoint(note);
    b_.CreateAlignedStore(b_.CreateAdd(number, b_.getInt32(kMark)), place, llvm::Align(4));
    b_.CreateBr(go);
    b_.SetInsertPoint(go);
    return number;
  }
  Value* Chosen(Value* place) {
    Value* mark = b_.CreateAlignedLoad(b_.getInt32Ty(), place, llvm::Align(4));
    return b_.CreateSub(mark, b_.getInt32(kMark));
  }

  const std::vector<DispatchVariant>& variants_;
  const TargetInfo& target_;
  const int64_t choice_;
  llvm::Module& module_;
  Builder b_;
  llvm::Function* function_ = nullptr;  // that is being emitted
  llvm::Function* detect_ = nullptr;
};

}  // namespace

absl::StatusOr<ObjectCode> MakeDispatch(const std::string& name,
                                        const std::vector<DispatchVariant>& variants,
                                        int64_t choice, const std::string& prepare_symbol,
                                        const std::string& step_symbol, bool keep_llvm) {
  TENON_ASSIGN_OR_RETURN(const std::unique_ptr<llvm::TargetMachine> machine,
                         MakeTargetMachine(variants[0].target));
  if (!machine->getTargetTriple().isX86()) {
    return absl::InvalidArgumentError(
        absl::StrCat("several instruction sets in one object: for x86-64, not '",
                     variants[0].target.triple, "'"));
  }
  const TargetInfo info = MakeTargetInfo(variants[0].target, *machine);
  llvm::LLVMContext context;
  llvm::Module module("dispatch", context);
  PrepareModule(*machine, module);
  TENON_RETURN_IF_ERROR(
      DispatchEmitter(variants, info, choice, module).Emit(prepare_symbol, step_symbol));
  return MakeObject(*machine, module, name, keep_llvm);
}

}  // namespace tenon::codegen
