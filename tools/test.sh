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
# Sanitizers: the address sanitizer over the suites that it has been brought to pass on, the thread
# sanitizer over what has threads.
targets=()
case "$preset" in
  asan-ubsan)
    targets=(--target runtime_test math_test kernel_test ir_test lower_test passes_test contract_test
             codegen_test frontend_test)
    labels+=(-R '^(runtime|math|kernel|ir|lower|passes|contract|codegen|frontend)_test$') ;;
  tsan)
    targets=(--target threads_test)
    labels+=(-R '^threads_test$') ;;
esac
cmake --build --preset "$preset" "${targets[@]}"
ctest --preset "$preset" --parallel 2 "${labels[@]}" "${arguments[@]}"
