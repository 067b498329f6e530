// A test that is a shell command, as `tenon reduce --test` runs it.
#ifndef TENON_TOOLS_SHELL_TEST_H_
#define TENON_TOOLS_SHELL_TEST_H_

#include <string>

#include "absl/status/statusor.h"

namespace tenon::tools {

// A folder of one's own for candidates, gone with this object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }  // empty: none could be made

 private:
  std::string path_;
};

// `command` with each "{}" replaced by the file's name, quoted for the shell; without any, the name
// follows the command.
std::string CommandFor(const std::string& command, const std::string& file);

// Runs a command by /bin/sh, its input and output nowhere; true if it ends with 0 within `seconds`
// (it and what it started are killed then). Errors: it cannot be started; it was interrupted.
absl::StatusOr<bool> Succeeds(const std::string& command, int seconds);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_SHELL_TEST_H_
