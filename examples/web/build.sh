#!/usr/bin/env bash
# Makes digit.html: a page whose network learns digits as they are drawn. One file, no server.
#   build.sh BUILD_FOLDER MODELS [FOLDER]     MODELS is where examples/ahead_of_time/run.sh left its .tn files
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tenon=$(realpath "${1:?the folder that tenon was built in}")/tools/tenon
models=$(realpath "${2:?the folder of learner.tn and classifier.tn}")
folder=${3:-web.out}
mkdir -p "$folder"
cd "$folder"

# From its initial values; both share the parameters.
"$tenon" compile "$models/learner.tn" -o learner.o --weights-in=object --target=wasm32
"$tenon" compile "$models/classifier.tn" -o classifier.o --weights-in=caller --target=wasm32

clang=$(command -v clang-22 || command -v clang)
# With bulk memory, copying and filling are instructions: no library is needed.
flags=(--target=wasm32 -O2 -msimd128 -mbulk-memory -ffreestanding -nostdlib -I .)
"$clang" "${flags[@]}" -c "$here/digit.c" -o digit.o
"$clang" --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--strip-all -Wl,--gc-sections \
  digit.o learner.o classifier.o -o digit.wasm

# The page with script and module inside.
awk -v script="$here/page.js" '
  function insert(file,   line) { while ((getline line < file) > 0) print line }
  /@SCRIPT@/ { insert(script); next }
  /@MODULE@/ {
    split($0, around, "@MODULE@")
    printf "%s", around[1]
    while (("base64 -w 0 digit.wasm" | getline line) > 0) printf "%s", line
    print around[2]
    next
  }
  { print }' "$here/page.html" >digit.html
echo "digit.wasm: $(stat -c %s digit.wasm) bytes; digit.html: $(stat -c %s digit.html) bytes"
