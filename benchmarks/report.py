"""Markdown of what benchmarks/run.py measured."""

import os

import workloads

FULL, SHORT, END = (f"<!-- benchmarks: {word} -->" for word in ("full", "short", "end"))


def duration(seconds):
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}" if seconds * scale < 1000 else f"{seconds * scale:.0f} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def entries(row, floor):
    return [e for e in row["entries"][1:] if e["floor"] == floor and "seconds" in e]


def share_of_floor(workload, row):
    """Text: what share of the machine's peak, stream or clock tenon reaches."""
    tenon = row["entries"][0]
    words = []
    streams = []
    for e in entries(row, floor=True):
        if e.get("flops") and workload.flops:
            share = workload.flops / e["flops"] / e["tenon_ratio"]
            words.append(f"{100 * share:.1f}% of {e['flops'] / e['seconds'] * 1e-9:.0f} GFLOP/s")
        elif e.get("bytes"):
            streams.append((e["bytes"] / e["seconds"], workload.bytes / e["bytes"] / e["tenon_ratio"],
                            e["peer"].removeprefix("stream ")))
        elif e.get("cycles") and workload.vectors:
            cycles = e["cycles"] * e["tenon_ratio"] * row["threads"] / workload.vectors
            words.append(f"{cycles:.1f} cycles a vector and core")
        elif not e.get("cycles") and not e.get("flops"):  # a floor that is just a time
            words.append(f"{e['tenon_ratio']:.2f} times {e['peer']}, {duration(e['seconds'] / workload.per_step)}")
    if streams:
        rate, share, name = max(streams)  # against the better kind of store
        words.insert(0, f"{100 * share:.0f}% of {name}, {rate * 1e-9:.1f} GB/s")
    if "seconds" in tenon and workload.per_step > 1:
        words.append(f"{duration(tenon['seconds'] / workload.per_step)} each")
    return "; ".join(words)


def best_peer(row):
    peers = entries(row, floor=False)
    return min(peers, key=lambda e: e["seconds"]) if peers else None


def time_text(entry, workload):
    low, high = entry["quartiles"]
    each = workload.per_step
    return f"{duration(entry['seconds'] / each)} ({duration(low / each)}-{duration(high / each)})"


def compile_text(entry):
    times = sorted(entry.get("compile_s") or [])
    return duration(times[len(times) // 2]) if times else ""


def full_table(pairs):
    lines = ["| workload | threads | program | time (quartiles) | tenon's time / its time | cold compile | peak memory |",
             "|---|---|---|---|---|---|---|"]
    for workload, row in pairs:
        title = workload.title
        for e in row["entries"]:
            name = f"{e['peer']} {e.get('version', '')}".strip() if not e["floor"] else f"*{e['peer']}*"
            if "seconds" not in e:
                lines.append(f"| {title} | {row['threads']} | {name} | {e.get('skip', '')[:80]} | | | |")
                title = ""
                continue
            if e["floor"]:
                rate = (f"{e['flops'] / e['seconds'] * 1e-9:.1f} GFLOP/s" if e.get("flops") else
                        f"{e['bytes'] / e['seconds'] * 1e-9:.1f} GB/s" if e.get("bytes") else
                        f"{e['cycles'] / e['seconds'] * 1e-9:.2f} GHz" if e.get("cycles") else
                        duration(e["seconds"] / workload.per_step))
                lines.append(f"| {title} | {row['threads']} | {name} | {rate} | | | |")
                continue
            ratio = f"{e['tenon_ratio']:.2f}" if "tenon_ratio" in e else share_of_floor(workload, row)
            memory = f"{e['peak_bytes'] * 1e-6:.0f} MB" if e.get("peak_bytes") else ""
            lines.append(f"| {title} | {row['threads']} | {name} | {time_text(e, workload)} | {ratio} | "
                         f"{compile_text(e)} | {memory} |")
            title = ""
    return "\n".join(lines)


def compile_beside_jax(row):
    texts = [compile_text(e) for e in row["entries"] if e["contender"] in ("tenon", "jax")]
    return " / ".join(texts) if len(texts) == 2 and all(texts) else texts[0] if texts else ""


def short_table(pairs):
    lines = ["| workload | tenon (quartiles) | of the machine | best peer | tenon's time / its time | cold compile, tenon / JAX |",
             "|---|---|---|---|---|---|"]
    for workload, row in pairs:
        tenon = row["entries"][0]
        if "seconds" not in tenon:
            continue
        peer = best_peer(row)
        other = f"{peer['peer']} {duration(peer['seconds'])} | {peer['tenon_ratio']:.2f}" if peer else "|"
        title = workload.title + (", one thread" if workload.threads == 1 else "")
        lines.append(f"| {title} | {time_text(tenon, workload)} | {share_of_floor(workload, row)} | "
                     f"{other} | {compile_beside_jax(row)} |")
    return "\n".join(lines)


def table(pairs, full):
    return full_table(pairs) if full else short_table(pairs)


def conditions(pairs):
    """One sentence on where and with what."""
    cpus = sorted({row["cpu"] for _, row in pairs})
    dates = sorted({row["date"][:10] for _, row in pairs})
    commits = sorted({row["commit"] for _, row in pairs})
    versions = {}
    for _, row in pairs:
        for e in row["entries"][1:]:
            if not e["floor"] and e.get("version"):
                versions[e["peer"].split(",")[0]] = e["version"]
    peers = ", ".join(f"{p} {v}" for p, v in sorted(versions.items()))
    return (f"{', '.join(cpus)}; {dates[0]}{'' if len(dates) == 1 else ' to ' + dates[-1]}; tenon at "
            f"{', '.join(commits)} ({', '.join(sorted({row['build'] for _, row in pairs}))} build); {peers}.")


def renew(path, results):
    """Puts the tables between their marks in a Markdown file; makes the file where there is none."""
    text = f"# Benchmarks\n\n{SHORT}\n{END}\n\n{FULL}\n{END}\n"
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            text = f.read()
    order = {w.name: (i, w) for i, w in enumerate(workloads.WORKLOADS)}
    rows = {n: r for n, r in results["rows"].items() if n in order}
    pairs = [(order[n][1], rows[n]) for n in sorted(rows, key=lambda n: order[n][0])]
    for mark, full in ((SHORT, False), (FULL, True)):
        if mark not in text:
            continue
        start = text.index(mark) + len(mark)
        end = text.index(END, start)
        text = f"{text[:start]}\n{conditions(pairs)}\n\n{table(pairs, full)}\n{text[end:]}"
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
