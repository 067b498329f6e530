// The graph interpreter against values that NumPy, SciPy and JAX computed (tests/references), and
// every op has some.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "tenon/ir/interpreter.h"
#include "tenon/ir/text.h"
#include "tests/ops/sample.h"

namespace tenon::tests {
namespace {

struct Reference {
  std::string name;
  double tolerance = 0;
  std::string graph;
  std::vector<ir::Literal> inputs, outputs;
};

// "f32[2]{1, 2}" by way of a graph that holds nothing else.
ir::Literal ParseLiteral(const std::string& text) {
  const std::string type = text.substr(0, text.find('{'));
  absl::StatusOr<ir::Graph> graph =
      ir::Parse(absl::StrCat("tenon graph 1\ngraph @l() -> (y: ", type, ") {\n  %0 = constant ",
                             text, "\n  return %0\n}\n"));
  EXPECT_TRUE(graph.ok()) << graph.status();
  if (!graph.ok()) return {};
  return graph->nodes()[0].attrs<ir::ConstantAttrs>().value;
}

std::vector<Reference> Load() {
  std::ifstream file(TENON_SOURCE_DIR "/tests/references/references.txt");
  std::vector<Reference> references;
  std::string line;
  Reference reference;
  while (std::getline(file, line)) {
    if (line.rfind("case ", 0) == 0) {
      reference = {};
      std::istringstream(line.substr(5)) >> reference.name >> reference.tolerance;
    } else if (line.rfind("in ", 0) == 0) {
      reference.inputs.push_back(ParseLiteral(line.substr(3)));
    } else if (line.rfind("out ", 0) == 0) {
      reference.outputs.push_back(ParseLiteral(line.substr(4)));
    } else if (line == "end") {
      references.push_back(std::move(reference));
    } else {
      absl::StrAppend(&reference.graph, line, "\n");
    }
  }
  return references;
}

// The first element that is off by more than `tolerance` times the expected one.
std::string Mismatch(const ir::Literal& expected, const ir::Literal& actual, double tolerance) {
  if (tolerance == 0) return Difference(expected, actual);
  if (!(expected.type() == actual.type())) return "types differ";
  for (int64_t i = 0; i < expected.size(); ++i) {
    const double x = expected.GetAsDouble(i), y = actual.GetAsDouble(i);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    // Results near 0 by cancellation are off by roundings of terms of about 1.
    if (std::abs(x - y) <= tolerance * std::max(std::abs(x), std::min(1.0, tolerance * 1e6))) {
      continue;
    }
    return absl::StrCat("element ", i, ": ", x, " expected, not ", y);
  }
  return "";
}

void CollectOps(const ir::Graph& graph, std::set<ir::OpCode>& ops) {
  for (const ir::Node& node : graph.nodes()) {
    ops.insert(node.op);
    for (const ir::Graph& region : node.regions) CollectOps(region, ops);
  }
}

TEST(References, TheInterpreterAgreesOnEveryOp) {
  const std::vector<Reference> references = Load();
  ASSERT_GT(references.size(), 200u) << "references.txt is missing or cut short";
  std::set<ir::OpCode> seen;
  for (const Reference& reference : references) {
    SCOPED_TRACE(reference.name);
    absl::StatusOr<ir::Graph> graph = ir::Parse(reference.graph, reference.name);
    ASSERT_TRUE(graph.ok()) << graph.status();
    CollectOps(*graph, seen);
    for (bool has_fma : {false, true}) {
      auto outputs = ir::Interpret(*graph, reference.inputs, {.has_fma = has_fma});
      ASSERT_TRUE(outputs.ok()) << outputs.status();
      ASSERT_EQ(outputs->size(), reference.outputs.size());
      for (size_t i = 0; i < outputs->size(); ++i) {
        EXPECT_EQ(Mismatch(reference.outputs[i], (*outputs)[i], reference.tolerance), "")
            << "output " << i << (has_fma ? ", with FMA" : "");
      }
    }
  }
  for (int i = 0; i < ir::kNumOps; ++i) {
    EXPECT_TRUE(seen.count(static_cast<ir::OpCode>(i)))
        << "op '" << ir::OpName(static_cast<ir::OpCode>(i)) << "' has no reference values";
  }
}

}  // namespace
}  // namespace tenon::tests
