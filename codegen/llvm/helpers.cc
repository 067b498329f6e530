#include "tenon/codegen/aot/helpers.h"

#include <llvm/TargetParser/Triple.h>

#include "tenon/codegen/llvm/target_info.h"

namespace tenon::codegen {
namespace {

enum class Group : uint8_t { kMemory, kWasm, kInteger, kDouble, kSingle };

struct HelperRow {
  Group group;
  const char* symbol;
};
constexpr HelperRow kHelpers[] = {
#define TENON_HELPER(group, symbol) {Group::group, symbol},
#include "tenon/codegen/aot/helpers.def"
};

}  // namespace

std::set<std::string> HelperSymbols(const ir::TargetDesc& target) {
  const llvm::Triple triple(target.triple);
  std::set<Group> groups = {triple.isWasm() ? Group::kWasm : Group::kMemory};
  const auto machine = MakeTargetMachine(target);
  if (triple.isThumb() && machine.ok()) {
    const TargetInfo info = MakeTargetInfo(target, **machine);
    groups.insert(Group::kInteger);
    if (!info.sqrt_f64) groups.insert(Group::kDouble);
    if (!info.sqrt_f32) groups.insert(Group::kSingle);
  }
  std::set<std::string> symbols;
  for (const HelperRow& row : kHelpers) {
    if (groups.count(row.group) != 0) symbols.insert(row.symbol);
  }
  return symbols;
}

bool IsMemoryFunction(absl::string_view symbol) {
  for (const HelperRow& row : kHelpers) {
    if (row.group == Group::kMemory && symbol == row.symbol) return true;
  }
  return false;
}

}  // namespace tenon::codegen
