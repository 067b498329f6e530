"""What the Python peers share: the protocol of benchmarks/serve.h, and data."""

import json
import sys
import time


def serve(info, run):
    print(json.dumps(info), flush=True)
    for line in sys.stdin:
        steps = int(line)
        start = time.perf_counter()
        run(steps)
        print(f"{time.perf_counter() - start:.9f}", flush=True)


def skip(peer, why):
    print(json.dumps({"peer": peer, "version": "", "skip": why}), flush=True)
    raise SystemExit(0)


def normal(shape, seed=0):
    import numpy
    return numpy.random.default_rng(seed).standard_normal(shape).astype("float32")
