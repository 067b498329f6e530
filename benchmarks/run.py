"""Times tenon beside its peers and the machine's floors, interleaved; writes JSON and Markdown.

usage: run.py [--build build/release] [--python build/peers/bin/python] [--workloads 'gemm/*,softmax/*']
              [--heavy] [--json build/benchmarks.json] [--markdown OUT] [--rounds N]

Every contender (tenon, each peer, each floor: benchmarks/workloads.py) is a process of its own that prepares
the workload and then waits (benchmarks/serve.h). All are pinned to the same CPUs, as many as threads.
Rounds go in turn: in each, every contender runs for about as long, while the others are stopped. A figure is
the median over rounds; a ratio is the median of the ratios within rounds. What is spread is given as
quartiles. Compile times are cold; peak memory is that of the process, its libraries included.

Rows go into the JSON file by workload, so that parts can be measured apart. `--report` measures nothing
and writes the Markdown again.
"""

import argparse
import contextlib
import glob
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time

import report
import workloads

HERE = os.path.dirname(os.path.abspath(__file__))
GEMM_PEERS = {"openblas", "mkl", "onednn", "libxsmm"}
START_SECONDS = 600


class Contender:
    """A process that serves one workload."""

    def __init__(self, name, command, environment, cpus):
        self.name, self.steps, self.times, self.info = name, 1, [], None
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.PIPE, text=True, env=environment,
                                            preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        except OSError as error:
            self.process, self.info = None, {"peer": name, "skip": str(error)}

    def wait_ready(self):
        if self.info is None:
            while True:
                line = self.process.stdout.readline()
                if not line:
                    words = self.process.stderr.read().strip().splitlines()
                    self.info = {"peer": self.name, "skip": words[-1] if words else "said nothing"}
                    break
                if line.startswith("{"):  # libraries print lines of their own
                    self.info = json.loads(line)
                    break
        return "skip" not in self.info

    def run(self):
        self.process.send_signal(signal.SIGCONT)
        with contextlib.suppress(BrokenPipeError):  # who has died does not answer
            self.process.stdin.write(f"{self.steps}\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} died: {self.process.stderr.read().strip()[-500:]}")
        return float(line) / self.steps

    def stop(self):
        """Until it runs again: threads that poll for work would run beside the next contender."""
        self.process.send_signal(signal.SIGSTOP)

    def calibrate(self, seconds):
        first = self.run()
        if seconds <= 0 or first > seconds:
            return
        # From few steps to many: the first ones are slower.
        for part in (0.1, 0.5, 1):
            self.steps = max(1, int(seconds * part / max(first, 1e-9)))
            first = self.run()

    def peak_memory(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as f:
            for line in f:
                if line.startswith("VmHWM"):
                    return int(line.split()[1]) * 1024
        return 0

    def close(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()
            self.process.stderr.close()


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def spread(values):
    if len(values) < 4:
        return [min(values), max(values)]
    q = statistics.quantiles(values, n=4)
    return [q[0], q[2]]


def environment(options, threads):
    e = dict(os.environ)
    for name in ("OMP", "MKL", "OPENBLAS", "OPENCV"):
        e[f"{name}_NUM_THREADS"] = str(threads)
    # Freed memory stays with the process: peers that allocate their outputs anew at every call would
    # otherwise be measured by the kernel's page faults.
    e["MALLOC_MMAP_MAX_"], e["MALLOC_TRIM_THRESHOLD_"] = "0", str(1 << 40)
    mkl = sorted(glob.glob(os.path.join(os.path.dirname(options.python), "../lib/libmkl_rt.so*")))
    if mkl:
        e.setdefault("TENON_MKL", os.path.abspath(mkl[-1]))
    return e


def command(options, contender, workload):
    threads = str(workload.threads)
    if contender == "tenon":
        return [f"{options.build}/benchmarks/tenon_bench", workload.name, threads]
    if contender in GEMM_PEERS:
        return [f"{options.build}/benchmarks/gemm_peers", contender, workload.name, threads]
    if "/" in contender or contender in workload.floors:  # another workload of tenon's own, or a floor
        return [f"{options.build}/benchmarks/tenon_bench", contender, threads]
    return [options.python, f"{HERE}/peers.py", contender, workload.name, threads]


def start_all(options, workload):
    cpus = set(sorted(os.sched_getaffinity(0))[:workload.threads])
    names = ["tenon"] + workload.contenders + workload.floors
    contenders = []
    for name in names:
        c = Contender(name, command(options, name, workload), environment(options, workload.threads), cpus)
        contenders.append(c)
        c.wait_ready()  # one after the other: compile times are measured as well
    return contenders


def measure_together(options, workload, live):
    rounds = options.rounds or workload.rounds
    for c in live:
        c.calibrate(workload.seconds)
        c.stop()
    for r in range(rounds):
        # Each round starts elsewhere, so that nobody always follows the same neighbour.
        for c in live[r % len(live):] + live[:r % len(live)]:
            c.times.append(c.run())
            c.stop()


def measure_apart(options, workload, names):
    """What does not fit into memory together: one after the other."""
    done = []
    for name in names:
        cpus = set(sorted(os.sched_getaffinity(0))[:workload.threads])
        c = Contender(name, command(options, name, workload), environment(options, workload.threads), cpus)
        if c.wait_ready():
            if name in workload.floors:
                c.calibrate(0.1)
            for _ in range(options.rounds or workload.rounds):
                c.times.append(c.run())
            c.info["peak_bytes"] = c.peak_memory()
        c.close()
        done.append(c)
    return done


def entry_of(contender, workload, tenon):
    entry = {"contender": contender.name, **contender.info, "floor": contender.name in workload.floors}
    if contender.times:
        entry["seconds"] = statistics.median(contender.times)
        entry["quartiles"] = spread(contender.times)
        if tenon is not None and tenon.times and contender is not tenon:
            ratios = [a / b for a, b in zip(tenon.times, contender.times)]
            entry["tenon_ratio"] = statistics.median(ratios)
            entry["tenon_ratio_quartiles"] = spread(ratios)
    return entry


def merged(entries, before):
    """The entries of a heavy workload with those of an earlier call that measured others."""
    entries = entries + [e for e in before if e["contender"] not in [n["contender"] for n in entries]]
    entries.sort(key=lambda e: (e["contender"] != "tenon", e["floor"]))
    tenon = entries[0]
    for e in entries[1:]:
        if "seconds" in e and "seconds" in tenon:
            e["tenon_ratio"] = tenon["seconds"] / e["seconds"]
    return entries


def measure(options, workload, before):
    names = ["tenon"] + workload.contenders + workload.floors
    if workload.heavy:
        if options.contenders:
            names = [n for n in names if n.split("/")[0] in options.contenders.split(",")]
        contenders = measure_apart(options, workload, names)
        tenon = None
    else:
        contenders = start_all(options, workload)
        live = [c for c in contenders if "skip" not in c.info]
        try:
            measure_together(options, workload, live)
            for c in live:
                c.info["peak_bytes"] = c.peak_memory()
        finally:
            for c in contenders:
                c.close()  # whoever is stopped would not see that its input has ended
        tenon = contenders[0]
    entries = [entry_of(c, workload, tenon) for c in contenders]
    if workload.heavy:
        entries = merged(entries, before)
    return {
        "workload": workload.name, "date": time.strftime("%Y-%m-%d %H:%M"), "cpu": cpu_model(),
        "threads": workload.threads, "rounds": len(contenders[0].times), "commit": options.commit,
        "interleaved": not workload.heavy, "build": os.path.basename(options.build), "entries": entries
    }


def load(path):
    if not os.path.exists(path):
        return {"rows": {}}
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def store(path, results):
    with open(path + ".tmp", "w", encoding="utf-8") as f:
        json.dump(results, f, indent=1)
    os.replace(path + ".tmp", path)


def chosen(options):
    if options.workloads:
        found = [w for p in options.workloads.split(",") for w in workloads.find(p)]
        if not found:
            raise SystemExit(f"no workload is like '{options.workloads}'; there are: " +
                             ", ".join(w.name for w in workloads.WORKLOADS))
        return found
    return [w for w in workloads.WORKLOADS if options.heavy or not w.heavy]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--python", default="build/peers/bin/python")
    parser.add_argument("--workloads", help="names or patterns, separated by commas")
    parser.add_argument("--heavy", action="store_true", help="AdamW over 124 M and GPT-2 as well")
    parser.add_argument("--contenders", help="of heavy workloads, only these, by name; the rest stays")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--json", default="build/benchmarks.json")
    parser.add_argument("--markdown", action="append", help="file whose tables to renew; repeatable")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the Markdown")
    options = parser.parse_args()
    options.commit = subprocess.run(["git", "-C", HERE, "rev-parse", "--short", "HEAD"], text=True,
                                    capture_output=True, check=False).stdout.strip()
    results = load(options.json)
    for workload in [] if options.report else chosen(options):
        before = results["rows"].get(workload.name, {}).get("entries", [])
        row = measure(options, workload, before)
        results["rows"][workload.name] = row
        store(options.json, results)
        print(report.table([(workload, row)], full=True), flush=True)
    for path in options.markdown or []:
        report.renew(path, results)


if __name__ == "__main__":
    sys.path.insert(0, HERE)
    main()
