// How the free functions of builder.h turn operands (values or numbers, of any builder) into values
// of one builder that fit each other. Private to ir/builder_*.cc.
#ifndef TENON_IR_BUILDER_OPERANDS_H_
#define TENON_IR_BUILDER_OPERANDS_H_

#include <initializer_list>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "tenon/ir/builder.h"

namespace tenon::ir {

// The builder of the innermost region among those of the operands; null if all are numbers.
GraphBuilder* InnermostBuilder(absl::Span<const Operand> operands);

// The operands as values of the innermost builder, broadcast against each other as NumPy does;
// numbers become constants of the element type of the first value from operand `first_typed` on.
// Nullopt when one of them is erroneous, or does not fit (which is then on record).
struct Aligned {
  GraphBuilder* builder;
  std::vector<Value> values;
};
std::optional<Aligned> Align(OpCode op, std::initializer_list<Operand> operands,
                             int first_typed = 0);

// x as a value; a number has no builder to go to and gives a default-constructed Value, which every
// op refuses.
Value AsValue(const Operand& x);

// One op of one result over operands that go in as they are.
Value ApplyOne(OpCode op, Attributes attributes, std::initializer_list<Operand> operands,
               const SourceLocation& location);

// Shape `from` stretched to `to` as NumPy does, aligned at the last dimension; x itself when equal.
Value Stretch(GraphBuilder& builder, Value x, const Shape& to, const SourceLocation& location);

// Appends nodes and outputs of `from` to `to`, whose inputs stand: `renamed` gives the value there
// for each input of `from`.
void CopyBody(const Graph& from, std::vector<ValueId> renamed, Graph& to);

// axis, counted from the end where negative.
inline int64_t FromEnd(int64_t axis, int rank) { return axis < 0 ? axis + rank : axis; }
std::vector<int64_t> FromEnd(std::vector<int64_t> axes, int rank);

}  // namespace tenon::ir

#endif  // TENON_IR_BUILDER_OPERANDS_H_
