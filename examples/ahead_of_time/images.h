/* Images and their labels from two IDX files, into memory of fixed size. Plain C. */
#ifndef TENON_EXAMPLES_IMAGES_H_
#define TENON_EXAMPLES_IMAGES_H_

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { kImages = 2000, kPixels = 28 * 28 };

static unsigned char image_bytes[16 + kImages * kPixels];
static unsigned char label_bytes[8 + kImages];

/* Reads exactly `size` bytes; 0 where the file is missing, shorter or of another kind. */
static int read_idx(const char* folder, const char* name, unsigned char kind, unsigned char* bytes,
                    size_t size) {
  char path[1024];
  if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) return 0;
  const int file = open(path, O_RDONLY); /* stdio's files have buffers on the heap */
  if (file < 0) return 0;
  size_t got = 0;
  for (ssize_t n = 1; got < size && n > 0; got += n > 0 ? (size_t)n : 0) {
    n = read(file, bytes + got, size - got);
  }
  close(file);
  return got == size && bytes[2] == 8 && bytes[3] == kind;
}

static int read_images(const char* folder) {
  return read_idx(folder, "images.idx", 3, image_bytes, sizeof image_bytes) &&
         read_idx(folder, "labels.idx", 1, label_bytes, sizeof label_bytes);
}

static const unsigned char* image(int i) { return image_bytes + 16 + (size_t)i * kPixels; }
static int label(int i) { return label_bytes[8 + i]; }

#endif /* TENON_EXAMPLES_IMAGES_H_ */
