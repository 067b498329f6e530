#!/usr/bin/env bash
# Installs the Debian packages that tenon needs and that are missing; where it may not install, it
# prints the line that does and fails.
#   tools/setup.sh build|run|test|bench   packages to build; and to run the examples, the tests, the benchmarks
set -euo pipefail

build=(g++ cmake ninja-build ccache mold llvm-22-dev liblld-22-dev protobuf-compiler libprotobuf-dev libabsl-dev
       libcli11-dev nlohmann-json3-dev zlib1g-dev)
run=(dataset-fashion-mnist)
test=(libgtest-dev libgmock-dev llvm-22-tools qemu-user g++-aarch64-linux-gnu chromium nodejs gdb
      gcc-riscv64-linux-gnu libc6-dev-riscv64-cross gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm
      clang-22 lld-22 llvm-22)
bench=(libbenchmark-dev python3-venv libopenblas0-pthread libdnnl-dev libxsmm-dev)

case "${1:-build}" in
  build) wanted=("${build[@]}") ;;
  run) wanted=("${build[@]}" "${run[@]}") ;;
  test) wanted=("${build[@]}" "${run[@]}" "${test[@]}") ;;
  bench) wanted=("${build[@]}" "${bench[@]}") ;;
  *) echo "usage: tools/setup.sh build|run|test|bench" >&2; exit 2 ;;
esac

missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

line="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root=(sudo env DEBIAN_FRONTEND=noninteractive)  # sudo hands on no variables of its own accord
else
  echo "tenon needs packages that are not installed, and may not install them. As root:" >&2
  echo "  apt-get update && $line" >&2
  exit 1
fi
echo "Installing: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" $line -qq; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "Installing failed. The line was:  $line" >&2
  exit 1
fi
