#!/usr/bin/env bash
# Builds the benchmarks, sets the peers up (OpenBLAS, oneDNN and libxsmm from Debian; PyTorch, JAX, ONNX
# Runtime, OpenVINO and MKL from PyPI, in build/peers), and runs the lot. Not part of the tests. Arguments
# go to benchmarks/run.py: --workloads 'gemm/*' for a part, --heavy for what takes minutes and gigabytes.
set -euo pipefail
cd "$(dirname "$0")/.."

bash tools/setup.sh bench
cmake --preset release -DTENON_BUILD_TESTS=OFF -DTENON_BUILD_BENCHMARKS=ON >/dev/null
cmake --build --preset release --target tenon_bench gemm_peers
peers=build/peers
[ -x $peers/bin/python ] || python3 -m venv $peers
if ! $peers/bin/python -c 'import torch, jax' 2>/dev/null; then
  # Without its GPU stack, but for the libraries that its import insists on.
  $peers/bin/pip install --quiet --no-deps torch nvidia-cufile nvidia-cusparselt-cu13 \
    nvidia-nvshmem-cu13 nvidia-nccl-cu13
  $peers/bin/pip install --quiet filelock sympy networkx jinja2 fsspec typing_extensions numpy jax
fi
# What cannot be installed is left out, and the table says so.
$peers/bin/python -c 'import onnxruntime, openvino, onnx' 2>/dev/null ||
  $peers/bin/pip install --quiet onnxruntime openvino onnx || true
ls $peers/lib/libmkl_rt.so* >/dev/null 2>&1 || $peers/bin/pip install --quiet mkl || true
python3 benchmarks/run.py --build build/release --python $peers/bin/python \
  --json build/benchmarks.json --markdown build/benchmarks.md "$@"
