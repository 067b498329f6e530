// "did you mean ...?": the nearest right name, for error messages.
#ifndef TENON_IR_SUGGEST_H_
#define TENON_IR_SUGGEST_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tenon::ir {

// The least number of letters to insert, remove, replace or swap with a neighbour to turn `a`
// into `b`.
int EditDistance(absl::string_view a, absl::string_view b);

// The candidate nearest to `name`, the first of several; empty when none is near enough to be what
// was meant (more than a third of its letters differ).
std::string Nearest(absl::string_view name, absl::Span<const std::string> candidates);

// "; did you mean 'contract'?", or nothing.
std::string DidYouMean(absl::string_view name, absl::Span<const std::string> candidates);

}  // namespace tenon::ir

#endif  // TENON_IR_SUGGEST_H_
