#include "tools/shell_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace tenon::tools {

TemporaryFolder::TemporaryFolder() {
  std::error_code error;
  std::string pattern =
      (std::filesystem::temp_directory_path(error) / "tenon-reduce-XXXXXX").string();
  if (!error && mkdtemp(pattern.data()) != nullptr) path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code error;
  if (!path_.empty()) std::filesystem::remove_all(path_, error);
}

std::string CommandFor(const std::string& command, const std::string& file) {
  const std::string quoted = absl::StrCat("'", absl::StrReplaceAll(file, {{"'", "'\\''"}}), "'");
  if (command.find("{}") == std::string::npos) return absl::StrCat(command, " ", quoted);
  return absl::StrReplaceAll(command, {{"{}", quoted}});
}

absl::StatusOr<bool> Succeeds(const std::string& command, int seconds) {
  const pid_t child = fork();
  if (child < 0) {
    return absl::UnavailableError(absl::StrCat("cannot start a process: ", std::strerror(errno)));
  }
  if (child == 0) {
    setpgid(0, 0);  // so that all that it starts can be ended
    const int nowhere = open("/dev/null", O_RDWR);
    for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, stream);
    execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  setpgid(child, child);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  auto pause = std::chrono::microseconds(200);
  int state = 0;
  while (waitpid(child, &state, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      kill(-child, SIGKILL);
      waitpid(child, &state, 0);
      return false;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, std::chrono::microseconds(20000));
  }
  if (WIFEXITED(state)) {
    if (WEXITSTATUS(state) == 127) {
      return absl::InvalidArgumentError(absl::StrCat("the test cannot be run: ", command));
    }
    return WEXITSTATUS(state) == 0;
  }
  if (WIFSIGNALED(state) && (WTERMSIG(state) == SIGINT || WTERMSIG(state) == SIGTERM)) {
    return absl::CancelledError("interrupted");
  }
  return false;
}

}  // namespace tenon::tools
