#!/usr/bin/env bash
# Builds tenon and runs its tests; installs missing Debian packages first.
#   tools/test.sh [--slow] [--preset=dev|release|asan-ubsan|tsan] [CTest arguments...]
# The ordinary suite leaves out what is labelled slow; --slow runs that too.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=dev
labels=(-LE slow)
arguments=()
for argument in "$@"; do
  case "$argument" in
    --slow) labels=() ;;
    --preset=*) preset=${argument#--preset=} ;;
    -h|--help) sed -n '2,4p' "$0" | cut -c3-; exit 0 ;;
    *) arguments+=("$argument") ;;
  esac
done

bash tools/setup.sh test
cmake --preset "$preset" >build-configure.tmp 2>&1 || { cat build-configure.tmp >&2; exit 1; }
rm -f build-configure.tmp
# The thread sanitizer is run over what has threads: the runtime, loading, fitting, compiling.
targets=()
case "$preset" in
  tsan)
    targets=(--target runtime_test frontend_test codegen_test)
    labels+=(-L threads) ;;
esac
cmake --build --preset "$preset" "${targets[@]}"
ctest --preset "$preset" --parallel 2 "${labels[@]}" "${arguments[@]}"
