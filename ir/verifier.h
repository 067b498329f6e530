// The invariants of a graph. Every stage may rely on them; builder, parsers and the pass manager
// check them with Verify.
//
//  1. Ids are dense: input i is value i, and the results of the nodes follow in order. The producer
//     and the index that the graph notes for a value are right.
//  2. Order: an operand is an input or a result of an earlier node, so there are no cycles.
//  3. A node's attributes are the struct that ops.def gives its op; the number of its operands is
//     within what its OpDef allows.
//  4. The types of a node's results are exactly those that its OpDef infers from the types of its
//     operands, its attributes and its regions.
//  5. No rank is above kMaxRank. A constant extent is not negative. Every extent has an upper
//  bound,
//     and a tensor of every value's type, at its bounds, has a byte size that fits 63 bits (extents
//     of zero counted as one).
//  6. A symbol has one bound, not negative, throughout the graph and its regions; its name is an
//     identifier.
//  7. Inputs have distinct names, outputs have distinct names, and none is empty. A name holds no
//     control characters.
//  8. An output's value exists. A donated input exists, has the output's type, and is donated to
//     one output only.
//  9. Regions are closed: each is a graph that satisfies all of this by itself, with plain inputs
//     only (no parameters, no state), without donations. They nest at most kMaxRegionDepth deep.
// 10. Only parameters and state have an initialiser; its numbers are finite, and zero where its
//     kind does not use them.
// 11. The elements of a bool literal are 0 or 1.
#ifndef TENON_IR_VERIFIER_H_
#define TENON_IR_VERIFIER_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/op.h"

namespace tenon::ir {

inline constexpr int kMaxRegionDepth = 32;

// OK, or the first invariant that does not hold: an InvalidArgument error that names graph, op,
// value and the user's line.
absl::Status Verify(const Graph& graph);

// Whether an op takes that many operands; the error says how many it takes.
absl::Status CheckOperandCount(const OpDef& def, size_t count);

// Whether a symbol may be called so: a letter or underscore, then letters, digits and underscores.
bool IsIdentifier(absl::string_view name);

// "%3 = contract(...) at mlp.cc:14": how errors speak of a node.
std::string DescribeNode(const Graph& graph, const Node& node);

}  // namespace tenon::ir

#endif  // TENON_IR_VERIFIER_H_
