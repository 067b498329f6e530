// What the subcommands of `tenon` share. A subcommand adds its options to a CLI::App and gives the
// action that main runs once the command line is parsed. Actions report failure as absl::Status:
// main prints it and exits with 1.
#ifndef TENON_TOOLS_COMMAND_H_
#define TENON_TOOLS_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tenon/frontend/compile.h"
#include "tenon/ir/binary.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/target.h"
#include "tenon/passes/options.h"

namespace tenon::tools {

using Action = std::function<absl::Status()>;

#define TENON_COMMAND(function, name, summary) Action Add##function(CLI::App& app);
#include "tools/commands.def"

// The model argument that every subcommand has.
void AddModelArgument(CLI::App& app, std::string& path);

// A model file of any form that there is ("-": standard input).
absl::StatusOr<ir::Model> Load(const std::string& path);

// The type name of an option that takes one of `choices` (or several, separated by commas): help,
// completion and manual show them.
std::string OneOf(const std::vector<std::string>& choices);
// An option of that type. (The command itself checks the value and names the nearest right one:
// UnknownValue.)
CLI::Option* AddChoice(CLI::App& app, const std::string& flags, std::string& value,
                       const std::vector<std::string>& choices, const std::string& description);
// An option that takes a file's name.
CLI::Option* AddFile(CLI::App& app, const std::string& flags, std::string& path,
                     const std::string& description);

// How to compile, as options of the command line.
struct TargetOptions {
  std::string numerics = "standard";
  std::string target = "host";
  std::vector<std::string> disabled;  // passes
  uint64_t memory_limit = 0;          // bytes; 0: none
  std::string precision = "as-written";
  std::string prepack = "target";
};
void AddTargetOptions(CLI::App& app, TargetOptions& options);
// What they mean; an unknown name is an error that names the nearest right one.
absl::StatusOr<passes::PipelineOptions> ToPipelineOptions(const TargetOptions& options);
absl::StatusOr<CompileOptions> ToCompileOptions(const TargetOptions& options);
absl::StatusOr<ir::TargetDesc> ToTarget(const TargetOptions& options);

// The error for a `value` of `option` that is none of `known`.
absl::Status UnknownValue(absl::string_view option, absl::string_view value,
                          const std::vector<std::string>& known);

// Closed sets of choices are tables whose rows have a `name`: all names, and the row of one.
template <typename Rows>
std::vector<std::string> NamesOf(const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.name);
  return names;
}
template <typename Row, size_t n>
absl::StatusOr<const Row*> FindRow(const Row (&rows)[n], absl::string_view option,
                                   const std::string& name) {
  for (const Row& row : rows) {
    if (name == row.name) return &row;
  }
  return UnknownValue(option, name, NamesOf(rows));
}

// The names of all passes, and "all".
std::vector<std::string> PassesOrAll();

// "a,b,c" and repetitions of the option, as a list without empty entries.
std::vector<std::string> SplitList(const std::vector<std::string>& values);

// A failure of tenon itself (an Internal status) gets the graph written to a file beside it, for
// the bug report; other statuses stay as they are.
absl::Status WithReproduction(absl::Status status, const ir::Graph& graph);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_COMMAND_H_
