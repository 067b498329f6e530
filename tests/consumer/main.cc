// What a user's first program does: build a graph, compile it, run it, and read an error.
#include <cstdio>
#include <vector>

#include "tenon/frontend/compile.h"
#include "tenon/frontend/core.h"

int main() {
  tenon::GraphBuilder b("scale");
  tenon::Value x = b.Input("x", tenon::F32, {tenon::Dim("n").AtMost(8)});
  absl::StatusOr<tenon::Graph> graph = b.Build({{"y", x * 2 + 1}});
  if (!graph.ok()) {
    std::fprintf(stderr, "%s\n", graph.status().ToString().c_str());
    return 1;
  }
  absl::StatusOr<tenon::Program> program = tenon::Program::Compile(*graph);
  if (!program.ok()) {
    std::fprintf(stderr, "%s\n", program.status().ToString().c_str());
    return 1;
  }
  const std::vector<float> values = {1, 2, 3};
  const auto input = tenon::Tensor::FromValues<float>({3}, values);
  auto outputs = program->Run({{"x", input}});
  if (!outputs.ok()) {
    std::fprintf(stderr, "%s\n", outputs.status().ToString().c_str());
    return 1;
  }
  const auto y = outputs->at("y").data<float>();
  if (y.size() != 3 || y[0] != 3 || y[1] != 5 || y[2] != 7) {
    std::fprintf(stderr, "wrong result\n");
    return 1;
  }
  // Nine rows are more than the bound of eight.
  const tenon::Tensor too_long(tenon::F32, {9});
  if (program->Run({{"x", too_long}}).ok()) {
    std::fprintf(stderr, "an extent beyond its bound was accepted\n");
    return 1;
  }
  return 0;
}
