// The few assertions of the project: for its own bugs, never for a user's mistakes, which are
// absl::Status. (Debian's Abseil has no absl/log.)
#ifndef TENON_IR_CHECK_H_
#define TENON_IR_CHECK_H_

#include <cstdio>
#include <cstdlib>

// Ends the process with place and condition when `condition` does not hold: an invariant that code
// here is itself responsible for.
#define TENON_CHECK(condition)                                                             \
  do {                                                                                     \
    if (!(condition)) [[unlikely]] {                                                       \
      std::fprintf(stderr, "%s:%d: internal error: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                        \
    }                                                                                      \
  } while (false)

// Propagates an error: TENON_RETURN_IF_ERROR(status);
#define TENON_RETURN_IF_ERROR(expression)                       \
  do {                                                          \
    if (auto tenon_status = (expression); !tenon_status.ok()) { \
      return tenon_status;                                      \
    }                                                           \
  } while (false)

// TENON_ASSIGN_OR_RETURN(auto value, StatusOrExpression());
#define TENON_ASSIGN_OR_RETURN(declaration, expression) \
  TENON_ASSIGN_OR_RETURN_(TENON_CONCAT_(tenon_statusor_, __LINE__), declaration, expression)
#define TENON_ASSIGN_OR_RETURN_(result, declaration, expression) \
  auto result = (expression);                                    \
  if (!result.ok()) return result.status();                      \
  declaration = std::move(result).value()
#define TENON_CONCAT_(a, b) TENON_CONCAT_2_(a, b)
#define TENON_CONCAT_2_(a, b) a##b

#endif  // TENON_IR_CHECK_H_
