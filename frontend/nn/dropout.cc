#include "tenon/frontend/nn/dropout.h"

#include "absl/strings/str_cat.h"
#include "tenon/frontend/compose.h"

namespace tenon::nn {

Value Dropout::Build(LayerContext& context, Value x) const {
  if (!(rate_ >= 0 && rate_ < 1)) {
    return context.Fail(absl::StrCat("the rate must be at least 0 and below 1, not ", rate_));
  }
  if (!context.training()) return x;
  return tenon::Dropout(x, rate_, context.random_key(), context.NextStream());
}

}  // namespace tenon::nn
