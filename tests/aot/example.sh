#!/usr/bin/env bash
# Runs examples/ahead_of_time/run.sh and checks what its programs say.
#   example.sh SCRIPT BUILD_FOLDER FOLDER
set -euo pipefail
rm -rf "$3"
out=$(bash "$1" "$2" "$3" 2>&1) || { printf '%s\n' "$out"; exit 1; }
printf '%s\n' "$out"
# The number that stands behind a text, or 0.
number() { printf '%s\n' "$out" | sed -n "s/.*$1\([0-9]*\).*/\1/p" | head -n 1; }
check() { [ "$1" "$2" "$3" ] || { echo "FAILED: $1 $2 $3: $4" >&2; exit 1; }; }
check "$(number ' of 2000 right: ')" -ge 80 "the C program classifies"
check "$(number 'before: ')" -le 30 "nobody has shown it inverted images yet"
check "$(number 'after : ')" -ge 60 "the C++ program learns"
check "$(number 'classify: ')" -le 32768 "bytes of code"

# Neither asks for memory, from the first instruction to the last.
cc -shared -fPIC -O1 "$(dirname "$0")/no_heap.c" -o "$3/no_heap.so"
cd "$3"
for program in classify learn; do
  LD_PRELOAD=./no_heap.so ./$program . >/dev/null || { echo "FAILED: $program and its heap" >&2; exit 1; }
done
