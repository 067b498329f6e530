/* The page's network: learns digits as they are drawn. Plain C over two objects that `tenon
 * compile` made for WebAssembly, the training step (learner.tn) and the prediction (classifier.tn)
 * of examples/ahead_of_time; they share the parameters. No library, no heap: the module's memory is
 * what is declared here.
 *
 * The drawings of a session are kept, and each step learns a batch of them, each moved by a pixel
 * or two at random, so that a handful is enough. */
#include <stddef.h>
#include <stdint.h>

#include "classifier.h"
#include "learner.h"

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name)))
#else
#define EXPORT(name) /* tests build it for their own machine */
#endif

enum { kSide = 28, kPixels = kSide * kSide, kClasses = 10, kKept = 200, kBatch = LEARNER_MAX_N };

static float drawing_pixels[kPixels];      /* what is being drawn; 0 to 1 */
static unsigned char kept[kKept][kPixels]; /* the session's drawings, the oldest replaced */
static unsigned char labels[kKept];
static int count; /* of all drawings so far */

static float x[LEARNER_X_ELEMENTS], scores_out[CLASSIFIER_PREDICTION_ELEMENTS], loss_out[1];
static uint8_t y[LEARNER_Y_ELEMENTS];
static float conv_kernel[LEARNER_CONV2D_KERNEL_ELEMENTS], conv_bias[LEARNER_CONV2D_BIAS_ELEMENTS];
static float conv_1_kernel[LEARNER_CONV2D_1_KERNEL_ELEMENTS],
    conv_1_bias[LEARNER_CONV2D_1_BIAS_ELEMENTS];
static float dense_kernel[LEARNER_DENSE_KERNEL_ELEMENTS], dense_bias[LEARNER_DENSE_BIAS_ELEMENTS];
static int64_t step_out[1], counts[2];
static const float rate[1] = {0.1f};

static _Alignas(TENON_ARENA_ALIGNMENT) unsigned char learner_arena[LEARNER_ARENA_BYTES];
static _Alignas(TENON_ARENA_ALIGNMENT) unsigned char learner_prepared[LEARNER_PREPARED_BYTES + 1];
static _Alignas(TENON_ARENA_ALIGNMENT) unsigned char classifier_arena[CLASSIFIER_ARENA_BYTES];
static _Alignas(
    TENON_ARENA_ALIGNMENT) unsigned char classifier_prepared[CLASSIFIER_PREPARED_BYTES + 1];
static learner_instance learner;
static classifier_instance classifier;

/* All give a tenon_status, or a pointer into the memory. */

/* Forgets everything: the network as it was initialised, no drawings. */
EXPORT(start) int32_t start(void) {
  count = 0;
  step_out[0] = 0;
  learner.tensors = (learner_tensors){.x = x,
                                      .y = y,
                                      .train_step = step_out,
                                      .conv2d_kernel = conv_kernel,
                                      .conv2d_bias = conv_bias,
                                      .conv2d_1_kernel = conv_1_kernel,
                                      .conv2d_1_bias = conv_1_bias,
                                      .dense_kernel = dense_kernel,
                                      .dense_bias = dense_bias,
                                      .metric_accuracy = counts,
                                      .loss = loss_out};
  learner.extents.n = kBatch;
  learner.arena = learner_arena;
  learner.prepared = learner_prepared;
  learner_use_weights(&learner);
  const int32_t status = learner_prepare(&learner);
  learner.tensors.train_learning_rate = rate;
  classifier.tensors = (classifier_tensors){.x = drawing_pixels,
                                            .conv2d_kernel = conv_kernel,
                                            .conv2d_bias = conv_bias,
                                            .conv2d_1_kernel = conv_1_kernel,
                                            .conv2d_1_bias = conv_1_bias,
                                            .dense_kernel = dense_kernel,
                                            .dense_bias = dense_bias,
                                            .prediction = scores_out};
  classifier.extents.n = 1;
  classifier.arena = classifier_arena;
  classifier.prepared = classifier_prepared;
  return status;
}

EXPORT(drawing) float* drawing(void) { return drawing_pixels; }
EXPORT(scores) float* scores(void) { return scores_out; }
EXPORT(drawings) int32_t drawings(void) { return count; }
EXPORT(loss) float loss(void) { return loss_out[0]; }

/* Scores (logits) of the drawing. */
EXPORT(guess) int32_t guess(void) {
  /* The parameters are new ones since the last time. */
  const int32_t status = classifier_prepare(&classifier);
  return status == TENON_OK ? classifier_step(&classifier) : status;
}

/* From here on the drawing is one more of `label`. */
EXPORT(begin) void begin(int32_t label) { labels[count++ % kKept] = (unsigned char)label; }

static uint32_t random_below(uint32_t n) {
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return (uint32_t)(((uint64_t)state * n) >> 32);
}

/* A kept drawing as row `row` of the batch, moved by up to two pixels each way. */
static void take(int row, int which) {
  const int dx = (int)random_below(5) - 2, dy = (int)random_below(5) - 2;
  for (int i = 0; i < kSide; ++i) {
    for (int j = 0; j < kSide; ++j) {
      const int si = i + dy, sj = j + dx;
      const int inside = si >= 0 && si < kSide && sj >= 0 && sj < kSide;
      x[row * kPixels + i * kSide + j] = inside ? kept[which][si * kSide + sj] / 255.0f : 0.0f;
    }
  }
  y[row] = labels[which];
}

/* One step of training, on the drawing as it is now and on those before it. */
EXPORT(learn) int32_t learn(void) {
  if (count == 0) return TENON_OK;
  const int newest = (count - 1) % kKept, have = count < kKept ? count : kKept;
  for (int i = 0; i < kPixels; ++i)
    kept[newest][i] = (unsigned char)(drawing_pixels[i] * 255.0f + 0.5f);
  for (int row = 0; row < kBatch; ++row) {
    take(row, row < kBatch / 8 ? newest : (int)random_below((uint32_t)have));
  }
  return learner_step(&learner);
}
