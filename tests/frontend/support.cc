#include "tests/frontend/support.h"

#include <stdlib.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tenon/ir/check.h"

namespace tenon::testing {

Tensor Reference(const std::string& name) {
  std::ifstream file(TENON_SOURCE_DIR "/tests/frontend/references.txt");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind(name + " [", 0) != 0) continue;
    std::istringstream words(line.substr(name.size() + 2));
    std::string shape;
    std::getline(words, shape, ']');
    std::vector<int64_t> dims;
    for (absl::string_view d : absl::StrSplit(shape, ',', absl::SkipEmpty())) {
      int64_t extent = 0;
      TENON_CHECK(absl::SimpleAtoi(d, &extent));
      dims.push_back(extent);
    }
    Tensor tensor(DType::kF32, dims);
    std::string word;
    for (int64_t i = 0; i < tensor.num_elements(); ++i) {
      words >> word;
      double value = 0;
      TENON_CHECK(absl::SimpleAtod(word, &value));
      tensor.SetFromDouble(i, value);
    }
    return tensor;
  }
  ADD_FAILURE() << "no reference '" << name << "'";
  return Tensor();
}

std::map<std::string, Tensor> Evaluate(const std::map<std::string, Tensor>& inputs,
                                       const Build& build) {
  GraphBuilder b("test");
  std::map<std::string, Value> values;
  std::map<std::string, TensorView> views;
  for (const auto& [name, tensor] : inputs) {
    Shape shape(tensor.dims().begin(), tensor.dims().end());
    values[name] = b.Input(name, tensor.dtype(), shape);
    views.emplace(name, tensor);
  }
  absl::StatusOr<Graph> graph = b.Build(build(b, values));
  EXPECT_TRUE(graph.ok()) << graph.status();
  if (!graph.ok()) return {};
  auto program = Program::Compile(*graph, {.backend = Backend::kInterpreter});
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return {};
  auto outputs = program->Run(views);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  return outputs.ok() ? *outputs : std::map<std::string, Tensor>{};
}

Tensor Apply(const Tensor& x, const std::function<Value(Value)>& function) {
  auto outputs = Evaluate({{"x", x}}, [&](GraphBuilder&, const auto& in) {
    return std::vector<std::pair<std::string, Value>>{{"y", function(in.at("x"))}};
  });
  return outputs.count("y") == 0 ? Tensor() : outputs["y"];
}

void ExpectNear(const TensorView& actual, const TensorView& expected, double relative,
                double absolute) {
  ASSERT_EQ(actual.dims, expected.dims) << actual.TypeString() << expected.TypeString();
  for (int64_t i = 0; i < actual.num_elements(); ++i) {
    const double a = actual.GetAsDouble(i), e = expected.GetAsDouble(i);
    if (a == e) continue;
    ASSERT_LE(std::abs(a - e), absolute + relative * std::abs(e))
        << "element " << i << ": " << a << " where " << e << " is expected";
  }
}

std::string TemporaryDirectory() {
  std::string path = ::testing::TempDir() + "/tenon_frontend_XXXXXX";
  TENON_CHECK(mkdtemp(path.data()) != nullptr);
  return path;
}

}  // namespace tenon::testing
