#include "tests/frontend/optim/support.h"

#include "gtest/gtest.h"

namespace tenon::testing {

void Step(const optim::Optimizer& optimizer, std::map<std::string, Tensor>& state,
          const Tensor& gradient, int step) {
  std::map<std::string, Tensor> inputs = state;
  inputs["gradient"] = gradient;
  state = Evaluate(inputs, [&](GraphBuilder& b, const auto& in) {
    optim::UpdateContext context{b,
                                 in.at("parameter"),
                                 in.at("gradient"),
                                 b.Scalar(F32, optimizer.learning_rate()),
                                 b.Scalar(F32, step),
                                 {},
                                 {}};
    for (const std::string& slot : optimizer.slots()) context.slots[slot] = in.at(slot);
    std::vector<std::pair<std::string, Value>> outputs = {{"parameter", optimizer.Update(context)}};
    EXPECT_EQ(context.next_slots.size(), optimizer.slots().size());
    for (const auto& next : context.next_slots) outputs.push_back(next);
    return outputs;
  });
}

void ExpectKeras(const optim::Optimizer& optimizer, const std::string& name) {
  SCOPED_TRACE(name);
  const Tensor start = Reference("optim/start"), gradients = Reference("optim/gradients");
  const Tensor expected = Reference("optim/" + name);
  std::map<std::string, Tensor> state = {{"parameter", start}};
  for (const std::string& slot : optimizer.slots()) state[slot] = Tensor(F32, start.dims());
  for (int step = 0; step < 4; ++step) {
    TensorView gradient = gradients.Rows(step, step + 1), after = expected.Rows(step, step + 1);
    gradient.dims.erase(gradient.dims.begin());
    after.dims.erase(after.dims.begin());
    Step(optimizer, state, Tensor::CopyOf(gradient), step + 1);
    // Keras takes beta^t by pow, in f32, and 1 - beta^t loses digits by that.
    ExpectNear(state.at("parameter"), after, 1e-5, 1e-6);
  }
}

}  // namespace tenon::testing
