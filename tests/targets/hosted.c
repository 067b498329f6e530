/* The driver on Linux, under an emulator of user programs: reads ./image and writes it back. */
#include <stdio.h>
#include <stdlib.h>

#include "driver.h"

int main(void) {
  FILE* file = fopen("image", "rb+");
  if (file == NULL) return 2;
  fseek(file, 0, SEEK_END);
  const size_t size = (size_t)ftell(file);
  rewind(file);
  int64_t* image = malloc(size);
  unsigned char* pool = aligned_alloc(64, 64 << 20);
  if (image == NULL || pool == NULL || fread(image, 1, size, file) != size) return 2;
  run_image(image, pool);
  rewind(file);
  return fwrite(image, 1, size, file) == size && fclose(file) == 0 ? 0 : 2;
}
