/* Classifies Fashion-MNIST images with the object that `tenon compile` made of classifier.tn: plain
 * C, no C++ runtime, no heap, the weights inside the object.
 *
 *   classify FOLDER       FOLDER has images.idx and labels.idx */
#include <stdio.h>

#include "classifier.h"
#include "images.h"

static const char* const kClasses[] = {"T-shirt", "trouser", "pullover", "dress", "coat",
                                       "sandal",  "shirt",   "sneaker",  "bag",   "boot"};

static float pixels[CLASSIFIER_X_ELEMENTS];
static float scores[CLASSIFIER_PREDICTION_ELEMENTS];
static _Alignas(TENON_ARENA_ALIGNMENT) unsigned char arena[CLASSIFIER_ARENA_BYTES];
static _Alignas(TENON_ARENA_ALIGNMENT) unsigned char prepared[CLASSIFIER_PREPARED_BYTES + 1];

int main(int argc, char** argv) {
  static char out[1024];
  setvbuf(stdout, out, _IOLBF, sizeof out);
  if (argc != 2 || !read_images(argv[1])) {
    fprintf(stderr, "usage: %s FOLDER   (with %d images in images.idx and labels.idx)\n", argv[0],
            kImages);
    return 1;
  }
  classifier_instance model = {0};
  model.tensors.x = pixels;
  model.tensors.prediction = scores;
  model.extents.n = 1;
  model.arena = arena;
  model.prepared = prepared;
  classifier_use_weights(&model);
  int32_t status = classifier_prepare(&model);

  int right = 0;
  for (int i = 0; i < kImages && status == TENON_OK; ++i) {
    for (int p = 0; p < kPixels; ++p) pixels[p] = (float)image(i)[p] / 255.0f;
    status = classifier_step(&model);
    int best = 0;
    for (int c = 1; c < 10; ++c) {
      if (scores[c] > scores[best]) best = c;
    }
    right += best == label(i);
    if (i < 5) printf("image %d: %s (is: %s)\n", i, kClasses[best], kClasses[label(i)]);
  }
  if (status != TENON_OK) {
    fprintf(stderr, "%s: %s\n", classifier_status_text(status), classifier_culprit(&model));
    return 1;
  }
  printf("%d of %d right: %.1f%%\n", right, kImages, 100.0 * right / kImages);
  return 0;
}
