#include "tenon/passes/options.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace tenon::passes {
namespace {

constexpr absl::string_view kStagePayload = "tenon/stage";

}  // namespace

absl::Status StageError(absl::string_view stage, const absl::Status& status) {
  absl::Status error =
      absl::InternalError(absl::StrCat("after stage ", stage, ": ", status.message()));
  error.SetPayload(kStagePayload, absl::Cord(stage));
  return error;
}

std::string StageOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kStagePayload);
  return payload.has_value() ? std::string(*payload) : std::string();
}

}  // namespace tenon::passes
