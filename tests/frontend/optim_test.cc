#include "gtest/gtest.h"
#include "tenon/frontend/optim/adam.h"
#include "tenon/frontend/optim/sgd.h"
#include "tests/frontend/support.h"

namespace tenon {
namespace {

using testing::ExpectNear;
using testing::Reference;

// One step in a graph of its own; parameter and slots are updated.
void Step(const optim::Optimizer& optimizer, std::map<std::string, Tensor>& state,
          const Tensor& gradient, int step) {
  std::map<std::string, Tensor> inputs = state;
  inputs["gradient"] = gradient;
  state = testing::Evaluate(inputs, [&](GraphBuilder& b, const auto& in) {
    optim::UpdateContext context{b, in.at("parameter"), in.at("gradient"),
                                 b.Scalar(F32, optimizer.learning_rate()), b.Scalar(F32, step),
                                 {}, {}};
    for (const std::string& slot : optimizer.slots()) context.slots[slot] = in.at(slot);
    std::vector<std::pair<std::string, Value>> outputs = {
        {"parameter", optimizer.Update(context)}};
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

TEST(Optimizer, IsKeras) {
  ExpectKeras(optim::Sgd({.learning_rate = 0.1}), "sgd");
  ExpectKeras(optim::Momentum({.learning_rate = 0.1}), "momentum");
  ExpectKeras(optim::Momentum({.learning_rate = 0.1, .nesterov = true}), "nesterov");
  ExpectKeras(optim::Adam({.learning_rate = 0.01}), "adam");
  ExpectKeras(optim::Adam({.learning_rate = 0.01, .weight_decay = 0.1}), "adamw");
}

TEST(Optimizer, L2AddsToTheGradient) {
  const std::vector<float> parameter = {2, -4}, gradient = {1, 1};
  std::map<std::string, Tensor> state = {{"parameter", Tensor::FromValues<float>({2}, parameter)}};
  Step(optim::Sgd({.learning_rate = 0.5, .l2 = 0.25}), state,
       Tensor::FromValues<float>({2}, gradient), 1);
  // 2 - 0.5 (1 + 0.25 * 2) and -4 - 0.5 (1 - 0.25 * 4)
  EXPECT_EQ(state.at("parameter").data<float>()[0], 1.25f);
  EXPECT_EQ(state.at("parameter").data<float>()[1], -4.0f);
}

}  // namespace
}  // namespace tenon
