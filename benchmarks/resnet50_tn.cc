// Prints ResNet-50 (resnet50.h) as text, for the command line:
//
//   resnet50_tn > resnet50.tn; time tenon compile resnet50.tn -o resnet50.o
#include <cstdio>
#include <string>

#include "benchmarks/resnet50.h"
#include "tenon/ir/text.h"

int main() {
  const auto graph = tenon::bench::BuildResNet50();
  if (!graph.ok()) {
    std::fprintf(stderr, "%s\n", graph.status().ToString().c_str());
    return 1;
  }
  std::fputs(tenon::ir::Print(*graph, {.locations = false}).c_str(), stdout);
  return 0;
}
