"""Times whole training steps of tenon beside PyTorch and JAX, in one interleaved run.

usage: models.py --tenon BUILD/benchmarks/model_bench [--python PEERS_PYTHON] [--threads 2]
                 [--rounds 15] [--json OUT]

Every program runs a model's step in a process of its own that stays; rounds go in turn, each about
`--seconds` long, and what is reported is the median over rounds of the ratio of neighbours, with the
quartiles as its spread. tools/benchmark.sh sets the peers up and calls this.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time

HERE = __file__.rsplit("/", 1)[0]
PEERS = {
    "mlp": ["jax", "torch"],
    "cnn": ["torch", "torch-channels-last", "jax"],
    "worked_example": ["jax", "torch"],
}


class Contender:

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{name}: {' '.join(command)} said nothing")
        self.info = json.loads(line)
        self.steps = 1
        self.times = []

    def run(self):
        self.process.stdin.write(f"{self.steps}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline()) / self.steps

    def calibrate(self, seconds):
        self.run()
        per_step = min(self.run() for _ in range(3))
        self.steps = max(1, int(seconds / per_step))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def quartiles(values):
    if len(values) < 4:
        return [min(values), max(values)]
    q = statistics.quantiles(values, n=4)
    return [q[0], q[2]]


def measure(model, options):
    contenders = [Contender("tenon", [options.tenon, model, str(options.threads)])]
    for peer in PEERS[model]:
        contenders.append(
            Contender(peer, [options.python, f"{HERE}/peers.py", peer, model,
                             str(options.threads)]))
    for c in contenders:
        c.calibrate(options.seconds)
    for _ in range(options.rounds):
        for c in contenders:
            c.times.append(c.run())
    tenon = contenders[0]
    rows = []
    for c in contenders:
        ratios = [a / b for a, b in zip(tenon.times, c.times)]
        rows.append({
            "model": model,
            "contender": c.name,
            **c.info, "median_us": 1e6 * statistics.median(c.times),
            "quartiles_us": [1e6 * q for q in quartiles(c.times)],
            "tenon_ratio": statistics.median(ratios),
            "tenon_ratio_quartiles": quartiles(ratios)
        })
        c.close()
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tenon", required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--models", default=",".join(PEERS))
    parser.add_argument("--json")
    options = parser.parse_args()
    result = {
        "cpu": cpu_model(),
        "threads": options.threads,
        "date": time.strftime("%Y-%m-%d"),
        "rows": []
    }
    print(f"{result['cpu']}, {options.threads} threads, medians of {options.rounds} "
          "interleaved rounds\n")
    print("| model | program | step, us (quartiles) | tenon's time / its time | cold compile, s |")
    print("|---|---|---|---|---|")
    for model in options.models.split(","):
        for row in measure(model, options):
            result["rows"].append(row)
            low, high = row["quartiles_us"]
            compile_s = "" if row["compile_s"] is None else f"{row['compile_s']:.3f}"
            print(f"| {model} | {row['contender']} {row['version']} | {row['median_us']:.1f} "
                  f"({low:.1f}-{high:.1f}) | {row['tenon_ratio']:.2f} | {compile_s} |", flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump(result, f, indent=1)


if __name__ == "__main__":
    main()
