// Parse: graphs, nodes and regions of the text form, on top of ValueReader.
#include "tenon/ir/text_parser.h"

#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/attributes_util.h"
#include "tenon/ir/check.h"
#include "tenon/ir/enum_names.h"
#include "tenon/ir/op.h"
#include "tenon/ir/suggest.h"
#include "tenon/ir/text.h"
#include "tenon/ir/verifier.h"

namespace tenon::ir {
namespace {

std::vector<std::string> OpNames() {
  std::vector<std::string> names;
  for (int i = 0; i < kNumOps; ++i) names.emplace_back(OpName(static_cast<OpCode>(i)));
  return names;
}

class Parser {
 public:
  Parser(absl::string_view text, absl::string_view filename)
      : cursor_(text, filename), values_(cursor_) {}

  absl::StatusOr<Graph> ParseFile() {
    TENON_RETURN_IF_ERROR(ParseHeader());
    TENON_ASSIGN_OR_RETURN(Graph graph, ParseGraph(0));
    if (cursor_.token().kind != Token::Kind::kEnd) return cursor_.Expected("the end of the text");
    return graph;
  }

 private:
  // What a name in a graph stands for, and where it was defined.
  struct Definition {
    ValueId value;
    int line;
  };
  // A graph under construction: regions see nothing of the graphs around them.
  struct Scope {
    Graph graph;
    std::map<std::string, Definition> names;
  };
  struct DeclaredOutput {
    Token token;
    std::string name;
    TensorType type;
    int donated_input = -1;
  };
  // A node as written, before its types are known.
  struct WrittenNode {
    Token op_token;
    OpCode op;
    Attributes attributes;
    std::vector<Token> result_tokens;
    std::vector<ValueId> operands;
    std::vector<Graph> regions;
    std::optional<std::vector<TensorType>> types;
    Location location;
  };

  absl::Status ParseHeader() {
    const Token start = cursor_.token();
    int64_t version = 0;
    if (!start.IsWord("tenon")) {
      return cursor_.Expected(absl::StrCat("the header line 'tenon graph ", kTextVersion, "'"));
    }
    cursor_.Take();
    TENON_RETURN_IF_ERROR(cursor_.ExpectWord("graph"));
    TENON_RETURN_IF_ERROR(values_.Read(version));
    if (version < 1 || version > kTextVersion) {
      return cursor_.ErrorAt(start, absl::StrCat("the text has version ", version,
                                                 "; this program reads 1 to ", kTextVersion));
    }
    return absl::OkStatus();
  }

  // The name in a %value or @graph token. Results of nodes, %0, differ from inputs named %"0".
  absl::Status NameOf(const Token& token, std::string* name) {
    *name = std::string(token.text);
    if (token.text[0] != '"') return absl::OkStatus();
    if (!Unquote(token.text, name)) return cursor_.ErrorAt(token, "unknown escape in a name");
    return absl::OkStatus();
  }
  static std::string KeyOf(const Token& token, const std::string& name) {
    const bool is_number = name.find_first_not_of("0123456789") == std::string::npos;
    return is_number && token.text[0] == '"' ? "\"" + name : name;
  }

  absl::Status Define(Scope& scope, const Token& token, ValueId value) {
    std::string name;
    TENON_RETURN_IF_ERROR(NameOf(token, &name));
    const auto [it, is_new] =
        scope.names.emplace(KeyOf(token, name), Definition{value, token.line});
    if (is_new) return absl::OkStatus();
    return cursor_.ErrorAt(
        token, absl::StrCat("'%", name, "' is defined twice; first on line ", it->second.line));
  }

  // Whether `token` names a value that a later line of the same text defines: a cycle, or a wrong
  // order.
  bool IsDefinedLater(const Token& token) {
    Lexer ahead = cursor_.lexer();
    bool seen = cursor_.token().kind == Token::Kind::kValue && cursor_.token().text == token.text;
    for (Token t = ahead.Next(); t.kind != Token::Kind::kEnd && t.kind != Token::Kind::kInvalid;
         t = ahead.Next()) {
      if (seen && t.Is("=")) return true;
      if (t.kind == Token::Kind::kValue) {
        seen = seen || t.text == token.text;
      } else if (!t.Is(",")) {
        seen = false;
      }
    }
    return false;
  }

  absl::Status ReadUse(Scope& scope, ValueId* value) {
    const Token token = cursor_.token();
    if (token.kind != Token::Kind::kValue) return cursor_.Expected("a value (%name)");
    std::string name;
    TENON_RETURN_IF_ERROR(NameOf(token, &name));
    const auto it = scope.names.find(KeyOf(token, name));
    cursor_.Take();
    if (it != scope.names.end()) {
      *value = it->second.value;
      return absl::OkStatus();
    }
    if (IsDefinedLater(token)) {
      return cursor_.ErrorAt(token, absl::StrCat("'%", name, "' is used before it is defined: a ",
                                                 "graph has no cycles"));
    }
    for (const Scope* outer : scopes_) {
      if (outer != &scope && outer->names.count(KeyOf(token, name)) != 0) {
        return cursor_.ErrorAt(token, absl::StrCat("'%", name, "' belongs to the graph around; ",
                                                   "pass it to the region as an operand"));
      }
    }
    std::vector<std::string> names;
    for (const auto& [key, definition] : scope.names) names.push_back(key);
    return cursor_.ErrorAt(token,
                           absl::StrCat("'%", name, "' is not defined", DidYouMean(name, names)));
  }

  // graph := "graph" "@"name "(" inputs ")" "->" "(" outputs ")" "{" nodes "return" values "}"
  absl::StatusOr<Graph> ParseGraph(int depth) {
    if (depth > kMaxRegionDepth) return cursor_.Error("regions nest too deep");
    TENON_RETURN_IF_ERROR(cursor_.ExpectWord("graph"));
    const Token name_token = cursor_.token();
    if (name_token.kind != Token::Kind::kGlobal) return cursor_.Expected("a graph's @name");
    Scope scope;
    std::string name;
    TENON_RETURN_IF_ERROR(NameOf(cursor_.Take(), &name));
    scope.graph.set_name(name);
    scopes_.push_back(&scope);
    TENON_RETURN_IF_ERROR(ParseInputs(scope));
    TENON_RETURN_IF_ERROR(cursor_.Expect("->"));
    std::vector<DeclaredOutput> outputs;
    TENON_RETURN_IF_ERROR(ParseOutputs(scope, &outputs));
    TENON_RETURN_IF_ERROR(cursor_.Expect("{"));
    while (!cursor_.token().IsWord("return")) {
      if (cursor_.token().kind == Token::Kind::kEnd || cursor_.token().Is("}")) {
        return cursor_.Expected("an op or 'return'");
      }
      TENON_RETURN_IF_ERROR(ParseNode(scope, depth));
    }
    TENON_RETURN_IF_ERROR(ParseReturn(scope, outputs));
    TENON_RETURN_IF_ERROR(cursor_.Expect("}"));
    scopes_.pop_back();
    if (depth > 0) return std::move(scope.graph);
    // Regions are verified with the graph around them.
    const absl::Status status = Verify(scope.graph);
    if (!status.ok()) return cursor_.ErrorAt(name_token, status.message());
    return std::move(scope.graph);
  }

  absl::Status ParseInputs(Scope& scope) {
    TENON_RETURN_IF_ERROR(cursor_.Expect("("));
    if (cursor_.TakeIf(")")) return absl::OkStatus();
    while (true) {
      TENON_RETURN_IF_ERROR(ParseInput(scope));
      if (!cursor_.token().Is(",")) return cursor_.Expect(")");
      cursor_.Take();
    }
  }

  // input := ["parameter" | "state"] "%"name ":" type ["=" initialiser]
  absl::Status ParseInput(Scope& scope) {
    InputKind kind = InputKind::kInput;
    if (cursor_.token().kind == Token::Kind::kIdentifier) {
      const std::optional<InputKind> parsed = ParseEnum<InputKind>(cursor_.token().text);
      if (!parsed) return cursor_.Expected("input, parameter, state or a value (%name)");
      kind = *parsed;
      cursor_.Take();
    }
    const Token token = cursor_.token();
    if (token.kind != Token::Kind::kValue) return cursor_.Expected("an input (%name)");
    cursor_.Take();
    std::string name;
    TENON_RETURN_IF_ERROR(NameOf(token, &name));
    TENON_RETURN_IF_ERROR(cursor_.Expect(":"));
    TensorType type;
    TENON_RETURN_IF_ERROR(values_.Read(type));
    Initializer init;
    if (cursor_.token().Is("=")) {
      if (kind == InputKind::kInput) {
        return cursor_.Error("only parameters and state have an initialiser");
      }
      cursor_.Take();
      TENON_RETURN_IF_ERROR(ParseInitializer(&init));
    }
    // The comment stands after the comma, which the caller takes.
    Location location = cursor_.TrailingLocation();
    if (cursor_.token().Is(",")) {
      TokenCursor ahead = cursor_;
      ahead.Take();
      location = ahead.TrailingLocation();
    }
    return Define(
        scope, token,
        scope.graph.AddInput(std::move(name), kind, std::move(type), init, std::move(location)));
  }

  absl::Status ParseInitializer(Initializer* init) {
    const Token token = cursor_.token();
    const std::optional<InitKind> kind = token.kind == Token::Kind::kIdentifier
                                             ? ParseEnum<InitKind>(token.text)
                                             : std::optional<InitKind>();
    if (!kind) {
      return cursor_.Expected(
          absl::StrCat("an initialiser (", absl::StrJoin(EnumNames<InitKind>(), ", "), ")"));
    }
    cursor_.Take();
    init->kind = *kind;
    double* const arguments[] = {&init->a, &init->b};
    const int count = NumInitArguments(*kind);
    for (int i = 0; i < count; ++i) {
      TENON_RETURN_IF_ERROR(cursor_.Expect(i == 0 ? "(" : ","));
      TENON_RETURN_IF_ERROR(values_.Read(*arguments[i]));
    }
    return count > 0 ? cursor_.Expect(")") : absl::OkStatus();
  }

  // output := name ":" type ["donates" "%"input]
  absl::Status ParseOutputs(Scope& scope, std::vector<DeclaredOutput>* outputs) {
    TENON_RETURN_IF_ERROR(cursor_.Expect("("));
    if (cursor_.TakeIf(")")) return absl::OkStatus();
    do {
      DeclaredOutput output;
      output.token = cursor_.token();
      if (output.token.kind == Token::Kind::kString) {
        TENON_RETURN_IF_ERROR(values_.Read(output.name));
      } else if (output.token.kind == Token::Kind::kIdentifier) {
        output.name = std::string(cursor_.Take().text);
      } else {
        return cursor_.Expected("an output's name");
      }
      TENON_RETURN_IF_ERROR(cursor_.Expect(":"));
      TENON_RETURN_IF_ERROR(values_.Read(output.type));
      if (cursor_.token().IsWord("donates")) {
        cursor_.Take();
        ValueId donated;
        TENON_RETURN_IF_ERROR(ReadUse(scope, &donated));
        output.donated_input = static_cast<int>(donated.index);
      }
      outputs->push_back(std::move(output));
    } while (cursor_.TakeIf(","));
    return cursor_.Expect(")");
  }

  absl::Status ParseReturn(Scope& scope, std::vector<DeclaredOutput>& outputs) {
    cursor_.Take();
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (i > 0) TENON_RETURN_IF_ERROR(cursor_.Expect(","));
      const Token token = cursor_.token();
      ValueId value;
      TENON_RETURN_IF_ERROR(ReadUse(scope, &value));
      DeclaredOutput& output = outputs[i];
      if (!(scope.graph.type(value) == output.type)) {
        return cursor_.ErrorAt(
            token,
            absl::StrCat("output '", output.name, "' has type ", output.type.ToString(),
                         ", the value returned for it ", scope.graph.type(value).ToString()));
      }
      scope.graph.AddOutput(std::move(output.name), value, output.donated_input);
    }
    return absl::OkStatus();
  }

  // node := [results "="] op ["(" operands ")"] {attribute} [":" types] ["{" {graph} "}"]
  absl::Status ParseNode(Scope& scope, int depth) {
    WrittenNode node;
    if (cursor_.token().kind == Token::Kind::kValue) {
      do {
        if (cursor_.token().kind != Token::Kind::kValue) return cursor_.Expected("a result");
        node.result_tokens.push_back(cursor_.Take());
      } while (cursor_.TakeIf(","));
      TENON_RETURN_IF_ERROR(cursor_.Expect("="));
    }
    node.op_token = cursor_.token();
    if (node.op_token.kind != Token::Kind::kIdentifier) return cursor_.Expected("an op's name");
    const std::optional<OpCode> op = FindOp(node.op_token.text);
    if (!op) {
      return cursor_.Error(absl::StrCat("unknown op '", node.op_token.text, "'",
                                        DidYouMean(node.op_token.text, OpNames())));
    }
    cursor_.Take();
    node.op = *op;
    node.attributes = DefaultAttributes(*op);
    TENON_RETURN_IF_ERROR(ParseOperands(scope, &node));
    TENON_RETURN_IF_ERROR(ParseAttributes(&node));
    TENON_RETURN_IF_ERROR(ParseTypes(&node));
    node.location = cursor_.TrailingLocation();
    if (cursor_.token().Is("{")) {
      cursor_.Take();
      node.location = cursor_.TrailingLocation();
      while (!cursor_.token().Is("}")) {
        TENON_ASSIGN_OR_RETURN(Graph region, ParseGraph(depth + 1));
        node.regions.push_back(std::move(region));
      }
      cursor_.Take();
    }
    return AddNode(scope, std::move(node));
  }

  absl::Status ParseOperands(Scope& scope, WrittenNode* node) {
    if (!cursor_.TakeIf("(") || cursor_.TakeIf(")")) return absl::OkStatus();
    do {
      ValueId value;
      TENON_RETURN_IF_ERROR(ReadUse(scope, &value));
      node->operands.push_back(value);
    } while (cursor_.TakeIf(","));
    return cursor_.Expect(")");
  }

  absl::Status ParseTypes(WrittenNode* node) {
    if (!cursor_.TakeIf(":")) return absl::OkStatus();
    node->types.emplace();
    do {
      TensorType type;
      TENON_RETURN_IF_ERROR(values_.Read(type));
      node->types->push_back(std::move(type));
    } while (cursor_.TakeIf(","));
    return absl::OkStatus();
  }

  // attribute := name "=" value, or the value alone of the op's string or literal.
  absl::Status ParseAttributes(WrittenNode* node) {
    std::vector<std::string> given;
    while (true) {
      const Token token = cursor_.token();
      const bool is_word = token.kind == Token::Kind::kIdentifier;
      const bool is_named = is_word && cursor_.Peek().Is("=");
      // The next op may follow without results; ops are never element types.
      const bool is_literal = is_word && !is_named && ParseDType(token.text).has_value();
      if (!is_named && !is_literal && token.kind != Token::Kind::kString) return absl::OkStatus();
      std::string name;
      if (is_named) {
        name = std::string(token.text);
        cursor_.Take();
        cursor_.Take();
      }
      TENON_RETURN_IF_ERROR(ReadField(node, token, name, &given));
    }
  }

  // Reads the field called `name`; without a name, the first string or literal, as `token` is.
  absl::Status ReadField(WrittenNode* node, const Token& token, const std::string& name,
                         std::vector<std::string>* given) {
    absl::Status status;
    bool found = false;
    std::vector<std::string> names;
    VisitMutableFields(node->attributes, [&](absl::string_view field_name, auto& field) {
      using T = std::decay_t<decltype(field)>;
      names.emplace_back(field_name);
      if (found) return;
      if (name.empty()) {
        const bool is_string = token.kind == Token::Kind::kString;
        if (!(is_string ? std::is_same_v<T, std::string> : std::is_same_v<T, Literal>)) return;
      } else if (name != field_name) {
        return;
      }
      found = true;
      for (const std::string& earlier : *given) {
        if (earlier == field_name) {
          status = cursor_.ErrorAt(token, absl::StrCat("'", field_name, "' is given twice"));
          return;
        }
      }
      given->emplace_back(field_name);
      status = values_.Read(field);
    });
    if (found) return status;
    if (name.empty()) {
      return cursor_.ErrorAt(token, absl::StrCat(OpName(node->op), " takes no such attribute"));
    }
    const std::string known =
        names.empty() ? " has no attributes" : " has " + absl::StrJoin(names, ", ");
    return cursor_.ErrorAt(token, absl::StrCat("unknown attribute '", name, "'; ", OpName(node->op),
                                               known, DidYouMean(name, names)));
  }

  // Infers the types, compares them with those written, and adds the node.
  absl::Status AddNode(Scope& scope, WrittenNode node) {
    const OpDef& def = GetOpDef(node.op);
    const auto fail = [&](absl::string_view message) {
      return cursor_.ErrorAt(node.op_token, absl::StrCat(def.name, ": ", message));
    };
    if (absl::Status count = CheckOperandCount(def, node.operands.size()); !count.ok()) {
      return fail(count.message());
    }
    std::vector<TensorType> operand_types;
    for (ValueId v : node.operands) operand_types.push_back(scope.graph.type(v));
    absl::StatusOr<std::vector<TensorType>> types =
        def.infer(InferContext{operand_types, node.attributes, node.regions});
    if (!types.ok()) return fail(types.status().message());
    if (node.result_tokens.size() != types->size()) {
      return fail(absl::StrCat("has ", types->size(), " results, not ", node.result_tokens.size()));
    }
    if (node.types && *node.types != *types) {
      std::vector<std::string> inferred;
      for (const TensorType& t : *types) inferred.push_back(t.ToString());
      return fail(
          absl::StrCat("the type is ", absl::StrJoin(inferred, ", "), ", not the one written"));
    }
    const NodeId id =
        scope.graph.AddNode(node.op, std::move(node.attributes), std::move(node.operands),
                            *std::move(types), std::move(node.regions), std::move(node.location));
    const std::vector<ValueId> results = scope.graph.node(id).results;
    for (size_t i = 0; i < results.size(); ++i) {
      TENON_RETURN_IF_ERROR(Define(scope, node.result_tokens[i], results[i]));
    }
    return absl::OkStatus();
  }

  TokenCursor cursor_;
  ValueReader values_;
  std::vector<const Scope*> scopes_;  // the graphs around the current place, outermost first
};

}  // namespace

absl::StatusOr<Graph> Parse(absl::string_view text, absl::string_view filename) {
  return Parser(text, filename).ParseFile();
}

}  // namespace tenon::ir
