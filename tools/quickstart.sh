#!/usr/bin/env bash
# Builds tenon and runs the main job: trains a convolutional network on Fashion-MNIST, natively.
# Installs missing Debian packages first. Arguments go to the example (see --help).
set -euo pipefail
cd "$(dirname "$0")/.."

bash tools/setup.sh run
cmake --preset release -DTENON_BUILD_TESTS=OFF >build-configure.tmp 2>&1 ||
  { cat build-configure.tmp >&2; exit 1; }
rm -f build-configure.tmp
cmake --build --preset release --target fashion_mnist
exec build/release/examples/fashion_mnist "$@"
