// ContractNest: the one generalised contraction that every op of class kContract is brought to.
//
//   C[batch, m, n] = sum over k of A[batch, m, k] * B[batch, k, n]
//
// where batch, m, n and k stand for any number of dimensions and every tensor is affine in them: a
// matrix product, an einsum, all convolutions. A is the operand whose elements are broadcast along
// lanes, B the one whose elements lie along them; which op's operand becomes which follows from the
// result's last dimension. An operand that does not lie in memory as the nest wants it is
// `computed`: its access is guarded (windows that leave the tensor, the gaps of a strided
// transposed convolution), it needs converting, or the group evaluates it (a prologue). The nest is
// then over a tensor of its own that holds the range of the access, zeros included. Where the
// kernel packs the operand, packing evaluates its elements and that tensor never exists; elsewhere
// a kernel of its own writes it (copy.cc).
//
// In: a ComputeDef. Out: extents and strides; emit.h makes kernels of them. Nothing here looks at
// an op's name.
#ifndef TENON_PASSES_CONTRACT_NEST_H_
#define TENON_PASSES_CONTRACT_NEST_H_

#include <optional>
#include <vector>

#include "tenon/ir/compute.h"
#include "tenon/ir/graph.h"

namespace tenon::contract {

// Some neighbouring dimensions of the domain that act as one loop; strides in elements.
struct NestDim {
  ir::Dim extent;
  ir::Dim a = 0, b = 0, c = 0;
  std::vector<int> iterators;  // of the domain, outermost first
};

// One side of the product.
struct Operand {
  int access = 0;
  ir::ValueId value;
  // Whether a tensor of this shape takes the operand's place: its element p is the operand at p +
  // first (over the access's divisor), or zero.
  bool computed = false;
  ir::Shape shape;
  std::vector<ir::Dim> first;
  ir::Dim offset = 0;  // of the nest's first point, in the operand or what takes its place
};

struct ContractNest {
  std::vector<NestDim> batch, m, n, k;  // outermost first; m, n and k have at least one
  Operand a, b;
  ir::DType accumulator = ir::DType::kF32;  // f32 for bf16 and f16
  // Whether a step of the innermost k loop takes two neighbouring bf16 of each operand, for dot2:
  // its extent counts steps, and its strides are twice those of an element. A's elements lie next
  // to each other along it or along the one m loop, B's along it or along the innermost n loop.
  bool pairs = false;

  // What one step takes of an operand once it is packed, and what an element takes where it lies.
  ir::DType step_dtype() const { return pairs ? ir::DType::kI32 : accumulator; }
  ir::DType operand_dtype() const { return pairs ? ir::DType::kBF16 : accumulator; }
  // The stride of steps that lie next to each other.
  ir::Dim unit_step() const { return ir::Dim(pairs ? 2 : 1); }

  // Products of extents.
  ir::Dim M() const;
  ir::Dim N() const;
  ir::Dim K() const;
  ir::Dim Batch() const;
};

// The nest of `node`, or nullopt where there is none: a body that is no plain product, or a result
// whose last dimension is a batch dimension (its lanes share neither operand), or a result of one
// element. `not_stored` says of each access's operand that it does not lie in memory; `has_dot2`
// that the target has dot2 and numerics allow it.
std::optional<ContractNest> MakeNest(const ir::Graph& graph, const ir::Node& node,
                                     const ir::ComputeDef& def, const std::vector<bool>& not_stored,
                                     bool has_dot2);

// One row against columns whose k lies next to each other: dot products along k read memory as it
// lies and need no panel. A plain reduction computes them.
bool IsDotProducts(const ContractNest& nest);

}  // namespace tenon::contract

#endif  // TENON_PASSES_CONTRACT_NEST_H_
