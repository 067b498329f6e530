// Goes on training a classifier on images of a kind that it has not seen - a camera that shows them
// inverted - with the object that `tenon compile` made of learner.tn: on one thread, in memory
// whose size is fixed at compile time. It allocates nothing.
//
//   learn FOLDER       FOLDER has images.idx and labels.idx
#include <cstdio>

#include "images.h"
#include "learner.h"

namespace {

constexpr int kBatch = LEARNER_MAX_N;
constexpr int kPasses = 6;
// The last of the images are only tested with.
constexpr int kTest = 480, kTrain = kImages - kTest;
static_assert(kTest % kBatch == 0);

alignas(TENON_ARENA_ALIGNMENT) std::byte arena[learner::kArenaBytes];
alignas(TENON_ARENA_ALIGNMENT) std::byte prepared[learner::kPreparedBytes + 1];

// All that a step reads and writes. The parameters start as they were trained.
float x[LEARNER_X_ELEMENTS];
std::uint8_t y[LEARNER_Y_ELEMENTS];
float conv_kernel[LEARNER_CONV2D_KERNEL_ELEMENTS], conv_bias[LEARNER_CONV2D_BIAS_ELEMENTS];
float conv_1_kernel[LEARNER_CONV2D_1_KERNEL_ELEMENTS], conv_1_bias[LEARNER_CONV2D_1_BIAS_ELEMENTS];
float dense_kernel[LEARNER_DENSE_KERNEL_ELEMENTS], dense_bias[LEARNER_DENSE_BIAS_ELEMENTS];
std::int64_t step[1], counts[2];  // counts: right, seen
float loss[1], rate[1] = {0.03f};

// One step on images first..first+kBatch-1.
std::int32_t Step(learner::Program& program, int first) {
  for (int i = 0; i < kBatch; ++i) {
    for (int p = 0; p < kPixels; ++p) {
      x[i * kPixels + p] = 1.0f - static_cast<float>(image(first + i)[p]) / 255.0f;
    }
    y[i] = static_cast<std::uint8_t>(label(first + i));
  }
  return program.Step();
}

// The share of images that are right, without learning from them: at a rate of zero.
std::int32_t Test(learner::Program& program, const char* when) {
  const float learning = rate[0];
  rate[0] = 0;
  counts[0] = counts[1] = 0;
  std::int32_t status = TENON_OK;
  for (int i = kTrain; i < kImages && status == TENON_OK; i += kBatch) status = Step(program, i);
  rate[0] = learning;
  std::printf("%s: %.1f%% of %d inverted images right\n", when,
              100.0 * static_cast<double>(counts[0]) / kTest, kTest);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  static char out[1024];
  std::setvbuf(stdout, out, _IOLBF, sizeof out);
  if (argc != 2 || !read_images(argv[1])) {
    std::fprintf(stderr, "usage: %s FOLDER   (with %d images in images.idx and labels.idx)\n",
                 argv[0], kImages);
    return 1;
  }
  learner::Program program(arena, prepared);
  program.n(kBatch).x(x).y(y).loss(loss).train_step(step).metric_accuracy(counts);
  program.conv2d_kernel(conv_kernel).conv2d_bias(conv_bias);
  program.conv2d_1_kernel(conv_1_kernel).conv2d_1_bias(conv_1_bias);
  program.dense_kernel(dense_kernel).dense_bias(dense_bias);
  program.use_weights();
  std::int32_t status = program.Prepare();
  program.train_learning_rate(rate);  // from here on this program's own
  if (status == TENON_OK) status = Test(program, "before");
  for (int pass = 0; pass < kPasses && status == TENON_OK; ++pass) {
    for (int i = 0; i + kBatch <= kTrain && status == TENON_OK; i += kBatch) {
      status = Step(program, i);
    }
  }
  if (status == TENON_OK) status = Test(program, "after ");
  if (status != TENON_OK) {
    std::fprintf(stderr, "%s: %s\n", program.status_text(), program.culprit());
    return 1;
  }
  std::printf("memory: %zu bytes of arena, %lld steps\n", sizeof arena,
              static_cast<long long>(step[0]));
  return 0;
}
