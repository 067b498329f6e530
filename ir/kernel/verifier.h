// The verifier of the kernel IR: what every stage after lowering may rely on.
//
// KERNELS
//  1. A type has 1 to 32 rows; lanes are a power of two up to 16, or a multiple of 16.
//  2. Every value is defined exactly once, as a block parameter or a result, and every use is
//     dominated: defined earlier in the same block, or in a block around it before the instruction
//     that holds the inner one. Results of a loop or conditional are not visible inside it.
//  3. Every block ends in its only `yield`; that of the kernel and of `parallel` yields nothing.
//  4. Scalar ops take as many arguments as ir/scalar_ops.def says; rows and lanes of the arguments
//     are equal or 1, those of the result their broadcast. The element types fit: arithmetic and
//     rounding on f32, f64 and integers (max and min on bool too); bits on integers and bool
//     (shifts on integers alone); roots and transcendental functions on f32 and f64; comparisons
//     and is_finite on all that compute, giving bool; `select` picks by a bool among equal types;
//     `cast` converts anything; `bitcast` keeps the width; `philox` takes three i64 and gives i32.
//     bf16 and f16 are constants, loaded, stored, cast, bitcast, selected and moved, never computed
//     with. Only max and min of floats, and (6) reductions by them, are `of_numbers`.
//  5. `const` of any type; `symbol` is an i64 scalar with a number of the kernel's symbols; `iota`
//     is i64 with one row; `splat` stretches rows or lanes of 1 only.
//  6. `reduce_lanes` and `reduce_rows` fold a power of two of lanes or rows, with a combiner that
//     fits the element type (sum, prod, max, min: arithmetic; and, or: bool and integers).
//  7. `transpose` swaps rows and lanes; `extract` and `row` name one that exists; `concat_rows`
//     joins values of equal lanes and element type.
//  8. Memory references: the buffer is a parameter or local of the kernel with the accessed element
//     type; the offset is an i64 scalar, or i64<L> with the access's lanes, and then there is one
//     row and no stride; strides and counts are i64 scalars; more than one row needs a row stride;
//     a predicate is bool, bool<L> or bool<RxL>. `prefetch` has a parameter and an i64 scalar as
//     its offset, nothing more; at least one element, and a level from 1 to 3.
//  9. Loads read parameters marked as read (or locals); stores write parameters marked as written
//     (or locals).
// 10. `parallel` stands in the kernel's outermost block only; its count is an i64 scalar and its
//     block takes the chunk's number. Stores and faults stand inside `parallel` only.
// 11. `for`: i64 scalar bounds, a positive step; carried values, block parameters (after the
//     counter), yields and results agree in number and type. `unroll = 0` needs constant bounds.
// 12. `if`: a bool scalar; both blocks yield the types of the results and take no parameters.
// 13. `fault`: a condition of bool, a value of i64 that is a scalar or of the condition's shape; a
//     status other than 0.
// 14. Locals have a positive, fixed size. Names of symbols are unique within a kernel.
// 22. `tile_dot` takes i32<R x P>, i32<P x L> and f32<R x L>, and gives f32<R x L>.
//
// PROGRAMS
// 15. Symbols have unique names and bounds of 0 or more. Every Dim uses only these, or variables of
//     the `repeat` steps around it; a variable hides neither a symbol nor another variable.
// 16. Bindings: an output that takes over an input names an input of the same type, and that input
//     is taken over once.
// 17. Buffers: a binding buffer has the binding's element type and count; a constant the literal's;
//     arena and prepared buffers are planned all or none, at offsets that are multiples of the
//     element size, and end within arena_bytes or prepared_bytes.
// 18. Launches: kernel, buffers and symbols exist, one argument a parameter, of its element type.
// 19. Only outputs, donated inputs, arena and (in `prepare`) prepared buffers are written.
// `prepare`
//     touches no binding but parameters, and writes none.
// 20. A parameter marked no_alias shares its memory (buffer, binding or donated pair) with no other
//     argument at the same offset when either of the two is written (other overlaps show at run
//     time: ir/kernel/interpreter.h).
// 21. Predicates of `while` and `branch` are bool buffers. Sites exist.
//
// That barriers are where they must be is not decided here: the interpreter finds it out.
#ifndef TENON_IR_KERNEL_VERIFIER_H_
#define TENON_IR_KERNEL_VERIFIER_H_

#include "absl/status/status.h"
#include "tenon/ir/kernel/kernel.h"

namespace tenon::kernel {

// Internal errors that name kernel, instruction and invariant: a wrong kernel is a bug of the pass
// that made it.
absl::Status Verify(const Kernel& kernel);
// The program and all of its kernels.
absl::Status Verify(const Program& program);

}  // namespace tenon::kernel

#endif  // TENON_IR_KERNEL_VERIFIER_H_
