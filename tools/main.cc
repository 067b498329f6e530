// `tenon`: one command with subcommands (tools/commands.def). Everything that goes wrong is said on
// standard error, and the exit code is then 1.
#include <algorithm>
#include <cstdio>
#include <new>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tenon/ir/suggest.h"
#include "tools/command.h"

namespace tenon::tools {
namespace {

struct Row {
  const char* name;
  const char* summary;
  Action (*add)(CLI::App&);
};
constexpr Row kCommands[] = {
#define TENON_COMMAND(function, name, summary) {name, summary, Add##function},
#include "tools/commands.def"
};

int Fail(const std::string& who, absl::string_view message) {
  std::fflush(stdout);  // what was printed before comes before the error
  std::fprintf(stderr, "%s: %s\n", who.c_str(), std::string(message).c_str());
  return 1;
}

// For arguments that nobody expected: the nearest option of that subcommand.
std::string SuggestFlag(const CLI::App& command, const std::vector<std::string>& unexpected) {
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  for (const std::string& argument : unexpected) {
    if (!absl::StartsWith(argument, "-")) continue;
    const std::string flag = argument.substr(0, argument.find('='));
    return absl::StrCat("unknown option '", flag, "'", ir::DidYouMean(flag, known));
  }
  return absl::StrCat("unexpected argument '", unexpected.empty() ? "" : unexpected[0], "'");
}

// Reads the command line; the chosen subcommand is what `app` then has parsed.
int Parse(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help
      app.exit(error);
      return -1;
    }
    const std::vector<CLI::App*> chosen = app.get_subcommands();
    if (chosen.empty()) return Fail("tenon", error.what());
    const std::string who = "tenon " + chosen[0]->get_name();
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
      return Fail(who, SuggestFlag(*chosen[0], app.remaining(true)));
    }
    return Fail(who, error.what());
  }
}

int Main(int argc, char** argv) {
  CLI::App app{"tenon compiles machine-learning models to native code.", "tenon"};
  app.require_subcommand(1);
  std::vector<Action> actions;
  std::vector<std::string> names;
  for (const Row& row : kCommands) {
    names.emplace_back(row.name);
    actions.push_back(row.add(*app.add_subcommand(row.name, row.summary)));
  }
  if (argc > 1 && argv[1][0] != '-' &&
      std::find(names.begin(), names.end(), argv[1]) == names.end()) {
    return Fail("tenon",
                absl::StrCat("unknown subcommand '", argv[1], "'", ir::DidYouMean(argv[1], names),
                             "\nRun 'tenon --help' for the list."));
  }
  if (const int code = Parse(app, argc, argv); code != 0) return code < 0 ? 0 : code;
  for (size_t i = 0; i < actions.size(); ++i) {
    if (!app.got_subcommand(names[i])) continue;
    if (absl::Status status = actions[i](); !status.ok()) {
      return Fail("tenon " + names[i], status.message());
    }
  }
  if (std::fflush(stdout) != 0) return Fail("tenon", "cannot write to standard output");
  return 0;
}

}  // namespace
}  // namespace tenon::tools

int main(int argc, char** argv) {
  try {
    return tenon::tools::Main(argc, argv);
  } catch (const std::bad_alloc&) {
    return tenon::tools::Fail("tenon", "out of memory");
  }
}
