#!/usr/bin/env bash
# Trains a small network, compiles it and its training step ahead of time, and builds and runs the
# programs of this folder with them. Prints the size of each.
#   run.sh BUILD_FOLDER [FOLDER]     BUILD_FOLDER has tools/tenon and examples/train_small
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "${1:?the folder that tenon was built in}")
folder=${2:-ahead_of_time.out}
mkdir -p "$folder"
cd "$folder"
tenon=$build/tools/tenon

section() { size -A "$1" | awk -v s="$2" '$1 ~ s {sum += $2} END {print sum + 0}'; }
# Code and constants of an object, without its weights; and a program's file, without symbols.
sizes() {
  strip -o "$1.stripped" "$1"
  echo "$1: $(section "$2" '^[.]text') bytes of code, $(section "$2" '^[.]rodata') of constants and weights in $2;" \
    "the program is $(stat -c %s "$1.stripped") bytes, its memory $(section "$1" '^[.]bss')"
}

"$build/examples/train_small" . 2

"$tenon" compile classifier.tn -o classifier.o --weights-in=object --weights=weights.safetensors
cc -O2 -I . -I "$here" "$here/classify.c" classifier.o -o classify
./classify .
sizes classify classifier.o

"$tenon" compile learner.tn -o learner.o --weights-in=object --weights=weights.safetensors
c++ -std=c++20 -O2 -I . -I "$here" "$here/learn.cc" learner.o -o learn
./learn .
sizes learn learner.o

# Neither has a heap of its own, and the first no C++ runtime.
for program in classify learn; do
  if nm -u "$program" | grep -E ' (malloc|calloc|realloc|_Zn[wa].*)(@|$)'; then
    echo "$program asks for memory at run time" >&2
    exit 1
  fi
done
if readelf -d classify | grep NEEDED | grep -v 'libc\.so'; then
  echo "classify needs more than the C library" >&2
  exit 1
fi
