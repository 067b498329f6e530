#!/usr/bin/env bash
# Makes the page of examples/web and draws on it (digit_test.mjs).
#   digit.sh BUILD_FOLDER FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$2"
mkdir -p "$2"
if ! "$1/tools/tenon" show "$here/../data/mlp.v1.tn" --emit=graph --target=wasm32 >/dev/null 2>&1; then
  echo "skipped: this tenon has no --target=wasm32"
  exit 77
fi
"$1/examples/train_small" "$2" 1
bash "$here/../../examples/web/build.sh" "$1" "$2" "$2/web"
"$TENON_NODE" "$here/digit_test.mjs" "$2/web/digit.html" "$2"
