#!/usr/bin/env bash
# Builds the benchmarks, sets the peers up (PyTorch and JAX from PyPI, in build/peers), and runs the
# lot. Not part of the tests. Arguments go to benchmarks/models.py.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tools/setup.sh bench
cmake --preset release -DTENON_BUILD_TESTS=OFF -DTENON_BUILD_BENCHMARKS=ON >/dev/null
cmake --build --preset release --target kernels_bench model_bench
if [ ! -x build/peers/bin/python ] || ! build/peers/bin/python -c 'import torch, jax' 2>/dev/null; then
  python3 -m venv build/peers
  # Without its GPU stack, but for the libraries that its import insists on.
  build/peers/bin/pip install --quiet --no-deps torch nvidia-cufile nvidia-cusparselt-cu13 \
    nvidia-nvshmem-cu13 nvidia-nccl-cu13
  build/peers/bin/pip install --quiet filelock sympy networkx jinja2 fsspec typing_extensions numpy jax
fi
build/release/benchmarks/kernels_bench
python3 benchmarks/models.py --tenon build/release/benchmarks/model_bench \
  --python build/peers/bin/python "$@"
