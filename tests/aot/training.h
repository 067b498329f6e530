// The MLP's training step twice: by the JIT, and from the object that the build has made of it.
#ifndef TENON_TESTS_AOT_TRAINING_H_
#define TENON_TESTS_AOT_TRAINING_H_

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "mlp_train.h"
#include "tenon/frontend/compile.h"
#include "tenon/frontend/init.h"
#include "tenon/ir/binary.h"
#include "tenon/runtime/arena.h"

namespace tenon {

inline constexpr int kBatch = 33;

inline ir::Graph LoadExample(const std::string& name) {
  absl::StatusOr<ir::Model> model =
      ir::LoadModel(absl::StrCat(TENON_SOURCE_DIR, "/examples/models/", name));
  EXPECT_TRUE(model.ok()) << model.status();
  return model->graph;
}

// As tests/aot/train.c makes it.
inline void MakeBatch(int step, float* x, int32_t* y) {
  uint32_t state = 12345u + static_cast<uint32_t>(step);
  for (int i = 0; i < kBatch * 784; ++i) {
    state = state * 1664525u + 1013904223u;
    x[i] = static_cast<float>(state >> 16) / 65536.0f;
  }
  for (int i = 0; i < kBatch; ++i) y[i] = static_cast<int32_t>((i * 7 + step) % 10);
}

// The training step by the JIT.
class JitTraining {
 public:
  JitTraining() : program_(Program::Compile(LoadExample("mlp_train.tn"))) {
    EXPECT_TRUE(program_.ok()) << program_.status();
    instance_ = std::make_unique<Instance>(program_->NewInstance());
    const ir::Graph graph = LoadExample("mlp_train.tn");
    for (const ir::Input& input : graph.inputs()) {
      if (input.kind == ir::InputKind::kInput) continue;
      const kernel::Binding& binding = program_->bindings()[instance_->FindInput(input.name)];
      std::vector<int64_t> dims;
      for (const ir::Dim& d : binding.type.dims) dims.push_back(d.constant());
      Tensor& tensor = values_[input.name];
      tensor = *Initialize(input.init, binding.type.dtype, dims, /*seed=*/0, input.name);
      const absl::Status bound = IsUpdated(input.name)
                                     ? instance_->BindMutable(input.name, tensor.mutable_view())
                                     : instance_->BindInput(input.name, tensor.view());
      EXPECT_TRUE(bound.ok()) << bound;
    }
  }

  float Step(int step) {
    MakeBatch(step, x_.mutable_data<float>().data(), y_.mutable_data<int32_t>().data());
    EXPECT_TRUE(instance_->BindInput("x", x_.view()).ok());
    EXPECT_TRUE(instance_->BindInput("y", y_.view()).ok());
    const absl::Status status = instance_->Run();
    EXPECT_TRUE(status.ok()) << status;
    return instance_->Output("loss")->as<float>()[0];
  }
  const Tensor& value(const std::string& name) const { return values_.at(name); }

 private:
  static bool IsUpdated(const std::string& name) {
    static const std::set<std::string> updated = {
#define TENON_UPDATED(type, field, part, name) name,
#include "tests/aot/updated.def"
    };
    return updated.count(name) != 0;
  }

  absl::StatusOr<Program> program_;
  std::unique_ptr<Instance> instance_;
  std::map<std::string, Tensor> values_;
  Tensor x_{ir::DType::kF32, {kBatch, 784}}, y_{ir::DType::kI32, {kBatch}};
};

// The same from the object, in memory of its own.
struct ObjectTraining {
  explicit ObjectTraining(int threads = 1)
      : arena(MLP_TRAIN_ARENA_BYTES_FOR(threads)), prepared(MLP_TRAIN_PREPARED_BYTES) {
#define TENON_UPDATED(type, field, part, name) \
  field.resize(MLP_TRAIN_##part##_ELEMENTS);   \
  m.tensors.field = field.data();
#include "tests/aot/updated.def"
    m.tensors.x = x.data();
    m.tensors.y = y.data();
    m.tensors.loss = &loss;
    m.extents.n = kBatch;
    m.arena = arena.data();
    m.prepared = prepared.data();
    mlp_train_use_weights(&m);
  }

  mlp_train_instance m = {};
#define TENON_UPDATED(type, field, part, name) std::vector<type> field;
#include "tests/aot/updated.def"
  std::vector<float> x = std::vector<float>(kBatch * 784);
  std::vector<int32_t> y = std::vector<int32_t>(kBatch);
  float loss = 0;
  runtime::Arena arena, prepared;
};

template <typename T>
bool SameBits(const std::vector<T>& a, const Tensor& b) {
  return static_cast<int64_t>(a.size() * sizeof(T)) == b.byte_size() &&
         std::memcmp(a.data(), b.bytes(), a.size() * sizeof(T)) == 0;
}

inline void ExpectSameState(const ObjectTraining& object, const JitTraining& jit) {
#define TENON_UPDATED(type, field, part, name) \
  EXPECT_TRUE(SameBits(object.field, jit.value(name))) << name;
#include "tests/aot/updated.def"
}

}  // namespace tenon

#endif  // TENON_TESTS_AOT_TRAINING_H_
