// tenon completion, tenon man: what a shell completes and the manual pages, made of the definitions
// that --help is made of.
//
// An option's type name says what it takes: "a|b|c" one of these, FILE (or NAME=FILE) or FOLDER a
// path, any other a value that no shell can guess.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "tenon/ir/check.h"
#include "tenon/ir/file.h"
#include "tools/command.h"

namespace tenon::tools {
namespace {

// Of an option: all that a shell or a reader wants to know.
struct OptionText {
  std::vector<std::string> flags;  // "-o", "--output"; none: an argument
  std::string name;                // of an argument
  std::string takes;               // the type name; empty: nothing
  std::string description;
  std::string initial;
  bool required = false;

  std::vector<std::string> choices() const {
    if (takes.find('|') == std::string::npos) return {};
    return absl::StrSplit(takes, '|');
  }
  bool is_file() const { return takes == "FILE" || absl::EndsWith(takes, "=FILE"); }
  bool is_folder() const { return takes == "FOLDER"; }
};

std::vector<OptionText> OptionsOf(const CLI::App& command) {
  std::vector<OptionText> texts;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    OptionText text;
    for (const std::string& name : option->get_snames()) text.flags.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) text.flags.push_back("--" + name);
    text.name = option->get_name();
    if (option->get_items_expected_max() > 0) text.takes = option->get_type_name();
    text.description = option->get_description();
    text.initial = option->get_default_str();
    text.required = option->get_required();
    texts.push_back(std::move(text));
  }
  return texts;
}

// The subcommands of the program, in the order of its help.
std::vector<const CLI::App*> Commands(const CLI::App& root) {
  return root.get_subcommands(std::function<bool(const CLI::App*)>{});
}

// --- Completion

// What bash is to do for the value of an option; empty: it completes files.
std::string BashAction(const OptionText& option) {
  if (option.takes.empty() || option.is_file()) return "";
  if (option.is_folder()) return "kind=-d";
  const std::vector<std::string> choices = option.choices();
  return choices.empty() ? "return" : absl::StrCat("words='", absl::StrJoin(choices, " "), "'");
}

std::string BashScript(const CLI::App& root) {
  std::string names, flags, values;
  for (const CLI::App* command : Commands(root)) {
    absl::StrAppend(&names, names.empty() ? "" : " ", command->get_name());
    std::vector<std::string> all;
    for (const OptionText& option : OptionsOf(*command)) {
      all.insert(all.end(), option.flags.begin(), option.flags.end());
      const std::string action = BashAction(option);
      if (action.empty()) continue;
      const std::vector<std::string>& where = option.flags;
      absl::StrAppend(&values, "    ",
                      // The argument stands behind the command's own name.
                      where.empty()
                          ? absl::StrCat("'", command->get_name(), " ", command->get_name(), "'")
                          : absl::StrJoin(where, "|",
                                          [&](std::string* out, const std::string& flag) {
                                            absl::StrAppend(out, "'", command->get_name(), " ",
                                                            flag, "'");
                                          }),
                      ") ", action, " ;;\n");
    }
    absl::StrAppend(&flags, "    ", command->get_name(), ") words='", absl::StrJoin(all, " "),
                    "' ;;\n");
  }
  return absl::StrCat(
      "# bash completion for tenon. Made by 'tenon completion bash'.\n"
      "_tenon() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous= words= kind=-f "
      "command=${COMP_WORDS[1]}\n"
      "  if [ \"$COMP_CWORD\" -gt 0 ]; then previous=${COMP_WORDS[COMP_CWORD - 1]}; fi\n"
      "  # --option=value is three words\n"
      "  if [ \"$current\" = = ]; then current=\n"
      "  elif [ \"$previous\" = = ]; then previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
      "  fi\n"
      "  COMPREPLY=()\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W '",
      names,
      " --help' -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"$command ${previous}\" in\n",
      values,
      "  esac\n"
      "  if [ -z \"$words\" ] && [[ $current == -* ]]; then\n"
      "    case \"$command\" in\n",
      absl::StrReplaceAll(flags, {{"    ", "      "}}),
      "    esac\n"
      "  elif [ -z \"$words\" ]; then\n"
      "    COMPREPLY=($(compgen $kind -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "}\n"
      "complete -o filenames -F _tenon tenon\n");
}

// For zsh's _arguments, inside single quotes.
std::string ZshText(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"'", "'\\''"}, {"[", "\\["}, {"]", "\\]"}, {":", "\\:"}});
}

std::string ZshAction(const OptionText& option) {
  if (option.takes.empty()) return "";
  if (!option.choices().empty()) {
    return absl::StrCat(":value:(", absl::StrJoin(option.choices(), " "), ")");
  }
  if (option.is_folder()) return ":folder:_files -/";
  return option.is_file() ? ":file:_files" : ":value: ";
}

std::string ZshScript(const CLI::App& root) {
  std::string commands, cases;
  for (const CLI::App* command : Commands(root)) {
    absl::StrAppend(&commands, "    '", command->get_name(), ":",
                    ZshText(command->get_description()), "'\n");
    absl::StrAppend(&cases, "    ", command->get_name(), ") _arguments \\\n");
    int number = 1;
    for (const OptionText& option : OptionsOf(*command)) {
      const std::string action = ZshAction(option);
      for (const std::string& flag : option.flags) {
        const bool with_equals = !action.empty() && flag.size() > 2 && flag[1] == '-';
        absl::StrAppend(&cases, "      '", flag, with_equals ? "=" : "", "[",
                        ZshText(option.description), "]", action, "' \\\n");
      }
      if (option.flags.empty()) {
        absl::StrAppend(&cases, "      '", number++, action.empty() ? ":file:_files" : action,
                        "' \\\n");
      }
    }
    absl::StrAppend(&cases, "      ;;\n");
  }
  return absl::StrCat(
      "#compdef tenon\n# Made by 'tenon completion zsh'.\n"
      "local -a commands\ncommands=(\n",
      commands,
      ")\n"
      "if (( CURRENT == 2 )); then\n  _describe command commands\nelse\n"
      "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n",
      cases, "  esac\nfi\n");
}

absl::Status Complete(const std::string& shell, const CLI::App& root) {
  if (shell != "bash" && shell != "zsh") return UnknownValue("shell", shell, {"bash", "zsh"});
  return ir::WriteFileAtomically("-", shell == "bash" ? BashScript(root) : ZshScript(root));
}

// --- Manual

std::string RoffText(absl::string_view text) {
  std::string escaped = absl::StrReplaceAll(text, {{"\\", "\\e"}, {"-", "\\-"}});
  // A line that begins so would be a request.
  if (!escaped.empty() && (escaped[0] == '.' || escaped[0] == '\'')) escaped.insert(0, "\\&");
  return escaped;
}

std::string ManOptions(const CLI::App& command) {
  std::string text;
  for (const OptionText& option : OptionsOf(command)) {
    const std::string head = option.flags.empty() ? option.name : absl::StrJoin(option.flags, ", ");
    absl::StrAppend(&text, ".TP\n\\fB", RoffText(head), "\\fR");
    if (!option.takes.empty() && !option.flags.empty()) {
      absl::StrAppend(&text, " \\fI", RoffText(option.takes), "\\fR");
    }
    absl::StrAppend(&text, "\n", RoffText(option.description));
    if (!option.initial.empty()) {
      absl::StrAppend(&text, " (default: ", RoffText(option.initial), ")");
    }
    absl::StrAppend(&text, "\n");
  }
  return text;
}

std::string ManPage(const CLI::App& command, const CLI::App& root) {
  const bool is_root = &command == &root;
  const std::string name = is_root ? "tenon" : absl::StrCat("tenon-", command.get_name());
  std::string synopsis = is_root ? "\\fBtenon\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]"
                                 : absl::StrCat("\\fBtenon ", command.get_name(), "\\fR");
  std::string text = absl::StrCat(".TH ", absl::AsciiStrToUpper(name),
                                  " 1 \"\" tenon \"tenon manual\"\n.SH NAME\n", RoffText(name),
                                  " \\- ", RoffText(command.get_description()), "\n.SH SYNOPSIS\n");
  if (!is_root) {
    for (const OptionText& option : OptionsOf(command)) {
      if (option.flags.empty()) absl::StrAppend(&synopsis, " \\fI", option.name, "\\fR");
    }
    absl::StrAppend(&synopsis, " [\\fIOPTIONS\\fR]");
  }
  absl::StrAppend(&text, synopsis, "\n");
  if (is_root) {
    absl::StrAppend(&text, ".SH COMMANDS\n");
    for (const CLI::App* each : Commands(root)) {
      absl::StrAppend(&text, ".TP\n\\fB", each->get_name(), "\\fR\n",
                      RoffText(each->get_description()), "\n");
    }
  }
  absl::StrAppend(&text, ".SH OPTIONS\n", ManOptions(command));
  absl::StrAppend(&text,
                  ".SH EXIT STATUS\n0 where all went well, 1 else; what went wrong is on standard "
                  "error.\n.SH SEE ALSO\n");
  std::vector<std::string> others;
  if (!is_root) others.push_back("\\fBtenon\\fR(1)");
  for (const CLI::App* each : Commands(root)) {
    if (each != &command)
      others.push_back(absl::StrCat("\\fBtenon\\-", each->get_name(), "\\fR(1)"));
  }
  absl::StrAppend(&text, absl::StrJoin(others, ", "), "\n");
  return text;
}

struct ManOptionsOf {
  std::string command;
  std::string folder;
};

absl::Status Man(const ManOptionsOf& options, const CLI::App& root) {
  std::vector<const CLI::App*> pages = {&root};
  std::vector<std::string> names;
  for (const CLI::App* command : Commands(root)) {
    pages.push_back(command);
    names.push_back(command->get_name());
  }
  if (options.folder.empty()) {
    const CLI::App* page = &root;
    if (!options.command.empty()) {
      const auto found = std::find(names.begin(), names.end(), options.command);
      if (found == names.end()) return UnknownValue("command", options.command, names);
      page = pages[static_cast<size_t>(1 + found - names.begin())];
    }
    return ir::WriteFileAtomically("-", ManPage(*page, root));
  }
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot make the folder '", options.folder, "': ", error.message()));
  }
  for (const CLI::App* page : pages) {
    const std::string name = page == &root ? "tenon" : absl::StrCat("tenon-", page->get_name());
    TENON_RETURN_IF_ERROR(ir::WriteFileAtomically(absl::StrCat(options.folder, "/", name, ".1"),
                                                  ManPage(*page, root)));
  }
  return absl::OkStatus();
}

}  // namespace

Action AddCompletion(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  AddChoice(app, "shell", *shell, {"bash", "zsh"}, "Shell to write a completion script for")
      ->required();
  return [shell, &app] { return Complete(*shell, *app.get_parent()); };
}

Action AddMan(CLI::App& app) {
  auto options = std::make_shared<ManOptionsOf>();
  const std::vector<std::string> commands = {
#define TENON_COMMAND(function, name, summary) name,
#include "tools/commands.def"
  };
  AddChoice(app, "command", options->command, commands,
            "Command whose page is wanted; else that of tenon");
  app.add_option("--output-dir", options->folder, "Folder to write all pages to")
      ->type_name("FOLDER");
  return [options, &app] { return Man(*options, *app.get_parent()); };
}

}  // namespace tenon::tools
