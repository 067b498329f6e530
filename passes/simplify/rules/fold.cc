// Constants.
#include <cstring>

#include "tenon/passes/simplify/rules/util.h"

namespace tenon::passes::rules {

using ir::BroadcastAttrs;
using ir::Literal;
using ir::OpCode;

Replacement SplatConstant(Match& m) {
  const Literal* literal = m.Constant(m.result());
  if (literal->dims().empty() || literal->size() < 1) return std::nullopt;
  const size_t bytes = static_cast<size_t>(ir::ByteSize(literal->dtype()));
  const std::byte* data = literal->bytes();
  for (int64_t i = 1; i < literal->size(); ++i) {
    if (std::memcmp(data, data + static_cast<size_t>(i) * bytes, bytes) != 0) return std::nullopt;
  }
  Literal scalar(literal->dtype(), {});
  std::memcpy(scalar.mutable_bytes(), data, bytes);
  const ir::Shape shape = m.type().dims;
  return Make(m, OpCode::kBroadcast, BroadcastAttrs{shape, {}},
              {m.builder().Constant(std::move(scalar))});
}

}  // namespace tenon::passes::rules
