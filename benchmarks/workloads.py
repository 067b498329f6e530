"""What benchmarks/run.py measures: the workloads, who runs each, and what each is held to.

A workload's `floors` are workloads of the machine itself (benchmarks/floors.cc) that run interleaved with
the rest: its peak P, streams of reads and writes (B), or its clock. `flops` and `bytes` are those of one
step.
"""

import fnmatch
from dataclasses import dataclass, field

BLAS = ["openblas", "mkl", "onednn"]


@dataclass
class Workload:
    name: str  # as the programs know it
    title: str
    row: int  # of the table in docs/benchmarks.md
    contenders: list
    threads: int = 2
    floors: list = field(default_factory=list)
    flops: float = 0
    bytes: float = 0
    vectors: float = 0  # of 16 lanes: time is then also given as cycles a vector and core
    per_step: int = 1  # things in a step, where the unit is not the step
    seconds: float = 0.1  # of a round
    rounds: int = 11
    heavy: bool = False  # minutes and gigabytes: only when asked for


def gemm(m, n, k, row, threads=2, kind="gemm", contenders=None, peak="peak_f32"):
    words = {"gemm": "f32", "gemm_f64": "f64", "gemm_bf16_gelu": "bf16, B packed, + bias + GELU"}
    return Workload(f"{kind}/{m}x{n}x{k}", f"{words[kind]} {m} x {n} x {k}", row,
                    contenders or BLAS + ["torch", "jax"], threads, [peak], flops=2.0 * m * n * k)


def stream(reads, writes, count, in_place=False):
    """Floors: the same stream with plain and with non-temporal stores, arrays of `count` f32."""
    name = f"stream_{reads}r{writes}w" + ("_inplace" if in_place else "")
    return [f"{name}/{4 * count}", f"{name}_nt/{4 * count}"]


def rows(name, title, row, reads, writes, count, **more):
    return Workload(name, title, row, ["torch", "jax", "onnxruntime", "openvino"],
                    floors=stream(reads, writes, count) + ["clock"], bytes=4.0 * (reads + writes) * count,
                    vectors=count / 16, **more)


GPT2_PARAMETERS = 124439808

WORKLOADS = [
    gemm(1024, 1024, 1024, 1),
    gemm(2048, 2048, 2048, 1),
    gemm(512, 512, 8192, 1),
    gemm(128, 768, 3072, 1),
    gemm(64, 64, 64, 2, threads=1, contenders=BLAS + ["libxsmm"]),
    gemm(33, 129, 257, 2, threads=1, contenders=BLAS + ["libxsmm"]),
    gemm(16, 16, 16, 2, threads=1, contenders=BLAS + ["libxsmm"]),
    gemm(32, 32, 32, 2, threads=1, contenders=BLAS + ["libxsmm"]),
    gemm(1024, 1024, 16, 2),
    Workload("gemm/1x4096x1024", "f32 1 x 4096 x 1024", 2, BLAS + ["torch", "jax"],
             floors=[f"stream_1r0w/{4 * 4096 * 1024}"], bytes=4.0 * 4096 * 1024),
    gemm(1024, 1024, 1024, 3, kind="gemm_bf16_gelu", contenders=["onednn", "torch", "jax"],
         peak="peak_bf16"),
    rows("layer_norm/8192x1024", "layer norm 8192 x 1024", 4, 1, 1, 8192 * 1024),
    rows("layer_norm_grad/8192x1024", "layer norm 8192 x 1024, backward", 4, 2, 1, 8192 * 1024),
    rows("softmax/16x384x384", "softmax 16 x 384 x 384", 5, 1, 1, 16 * 384 * 384),
    rows("gelu/256x1024", "GELU (erf) 256 x 1024", 5, 1, 1, 256 * 1024),
    rows("gelu/8192x1024", "GELU (erf) 8192 x 1024", 5, 1, 1, 8192 * 1024),
    Workload(f"adamw/{GPT2_PARAMETERS}", "AdamW, 124 M parameters", 6, ["torch", "jax"],
             floors=stream(4, 3, GPT2_PARAMETERS, in_place=True), bytes=28.0 * GPT2_PARAMETERS,
             seconds=0.2, rounds=7, heavy=True),
    Workload("mlp_step/64", "MLP 784-512-256-10 step, batch 64, Adam", 7, ["torch", "jax"],
             floors=["peak_f32"], flops=6.0 * 64 * (784 * 512 + 512 * 256 + 256 * 10) - 2.0 * 64 * 784 * 512),
    Workload("mlp_object_step/64", "MLP step from an object ahead of time", 7, ["mlp_jit_step/64"], threads=1),
    Workload("mlp_object_step/64x2", "MLP step from an object, two threads of the caller's", 7,
             ["mlp_jit_step/64"]),
    Workload("mlp_inference/1", "the same MLP, inference at batch 1", 7,
             ["torch", "jax", "onnxruntime", "openvino"], bytes=4.0 * (784 * 512 + 512 * 256 + 2560),
             floors=[f"stream_1r0w/{4 * (784 * 512 + 512 * 256 + 2560)}"]),
    Workload("resnet50_inference/1", "ResNet-50, inference at batch 1", 7, ["jax"], floors=["peak_f32"],
             flops=8.18e9, seconds=0.5, rounds=5),
    Workload("worked_example_step/32", "worked example's step (10-64-1, batch 32, Adam), through Fit", 8,
             ["jax-scan", "jax", "torch"]),
    Workload("cnn_step/64", "CNN step (3x3 convolutions 32, 64; dense 128, 10), batch 64, Adam", 7,
             ["torch", "torch-channels-last", "jax"], floors=["peak_f32"], seconds=0.2,
             flops=2.0 * 64 * (2 * 784 * 32 * 9 + 3 * (196 * 64 * 288 + 3136 * 128 + 1280))),
    Workload("gpt2_step", "GPT-2 124M step, batch 4 x 256, AdamW", 9, ["jax", "torch"], floors=["peak_f32"],
             flops=6.0 * 1024 * (GPT2_PARAMETERS - 1024 * 768) + 12 * 3 * 4.0 * 4 * 256 * 256 * 768,
             seconds=0, rounds=3, heavy=True),
    Workload("barrier/1", "barrier of two threads", 10, [], floors=["handover/1"], per_step=10000),
    Workload("run/1", "a run of two threads that spin", 10, []),
    Workload("wake/1", "a run that wakes a parked thread", 10, [],
             floors=["futex_wake/1"]),
]


def find(pattern):
    return [w for w in WORKLOADS if fnmatch.fnmatch(w.name, pattern)]
