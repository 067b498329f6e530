// The canonical form of a kernel: no dead instructions, values numbered in order of definition, and
// its bytes without names, for the kernel cache.
#ifndef TENON_IR_KERNEL_CANONICAL_H_
#define TENON_IR_KERNEL_CANONICAL_H_

#include <functional>
#include <string>

#include "tenon/ir/kernel/kernel.h"

namespace tenon::kernel {

// Whether `instr` does more than define its results: stores, faults, fences, yields and parallel
// sections, or a block that holds one of the first three.
bool HasEffects(const Instr& instr);

// Calls `visit` with every operand of `instr` itself (those of its blocks not included): args, then
// the parts of its memory reference that are present.
void VisitOperands(const Instr& instr, const std::function<void(ValueId)>& visit);
void VisitOperands(Instr& instr, const std::function<void(ValueId&)>& visit);

// Drops instructions without effects whose results nobody uses. Keeps value numbers.
void RemoveDeadInstrs(Kernel* kernel);

// Renumbers values densely in order of definition and drops the types of those that are gone.
void Renumber(Kernel* kernel);

// What decides the kernel's code, and nothing else: equal bytes give equal code. Names of kernel,
// parameters, locals and symbols are left out, dead instructions and numbering do not matter;
// numbers of sites are in, since faults store them. The kernel cache hashes this, together with
// target and versions.
std::string CanonicalBytes(const Kernel& kernel);

}  // namespace tenon::kernel

#endif  // TENON_IR_KERNEL_CANONICAL_H_
