#include "tests/ops/sample.h"

namespace tenon::tests {

const std::vector<Sample>& AllSamples() {
  static const std::vector<Sample>& samples = *new std::vector<Sample>([] {
    SampleList list;
    AddElementwiseSamples(list);
    AddReduceSamples(list);
    AddContractSamples(list);
    AddMoveSamples(list);
    AddIndexSamples(list);
    AddControlSamples(list);
    return list.Take();
  }());
  return samples;
}

}  // namespace tenon::tests
