#!/usr/bin/env python3
"""Watches the memory, the open files and the disk of a server for an hour under a steady load.

    Benchmarks/endurance.py                      an hour; --minutes 5 for less

A server of its own, with small segments so that sealing and merging go on all the time, takes appends at a fixed rate; in the
second half event streams follow them. Every byte is verified in the end by `durable-streams bench`, which reads all of it back and so
fills the cache of blocks; that is left out of the judgement. Writes
Benchmarks/results/endurance.json and Benchmarks/results/endurance.svg; --output DIR elsewhere. The exit status is 1 if something
was wrong, or if the last quarter's memory is above that of the quarter before by more than an eighth and 8 MiB. Needs
nothing but Python's standard library.
"""

import argparse
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from server import free_port, machine, wait_for

HERE = pathlib.Path(__file__).resolve().parent


def sample(process, directory, start):
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    memory = next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:"))
    files = [file.stat().st_size for file in pathlib.Path(directory).rglob("*") if file.is_file()]
    return {
        "seconds": round(time.monotonic() - start, 1), "memoryMebibytes": round(int(memory) / 1024, 2),
        "descriptors": len(list(pathlib.Path(f"/proc/{process}/fd").iterdir())), "files": len(files),
        "diskMebibytes": round(sum(files) / (1 << 20), 1),
    }


def watch(load, process, directory, interval):
    """A sample each interval until the load has ended. Files may go while they are counted."""
    samples, start = [], time.monotonic()
    while load.poll() is None:
        try:
            samples.append(sample(process, directory, start))
        except FileNotFoundError:
            pass
        time.sleep(interval)
    return samples


def chart(samples, title):
    width, height, left, top = 900, 300, 60, 50
    last = samples[-1]["seconds"] or 1
    most = max(row["memoryMebibytes"] for row in samples) * 1.1
    points = " ".join(
        f"{left + row['seconds'] / last * (width - left - 20):.1f},{height - 40 - row['memoryMebibytes'] / most * (height - top - 40):.1f}"
        for row in samples)
    style = 'font-family="sans-serif" font-size="12" fill="#1f2937"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{left}" y="24" {style} font-weight="bold">{title}</text>'
        f'<text x="{left - 6}" y="{top + 4}" {style} text-anchor="end">{most:.0f} MiB</text>'
        f'<text x="{left - 6}" y="{height - 36}" {style} text-anchor="end">0</text>'
        f'<text x="{width - 20}" y="{height - 18}" {style} text-anchor="end">{last / 60:.0f} min</text>'
        f'<path d="M{left},{top} V{height - 40} H{width - 20}" fill="none" stroke="#94a3b8"/>'
        f'<polyline points="{points}" fill="none" stroke="#c2410c" stroke-width="1.5"/></svg>\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(HERE / "../.build/release/durable-streams"))
    parser.add_argument("--output", default=str(HERE / "results"))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=int, default=300, help="appends of 1 KiB per second")
    parser.add_argument("--readers", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as directory:
        port = free_port()
        server = subprocess.Popen(
            [options.program, "serve", "--port", str(port), "--data-dir", directory, "--segment-bytes", str(4 << 20),
             "--log-level", "warning"])
        try:
            wait_for(port)
            load = subprocess.Popen(
                [options.program, "bench", "mixed", "--url", f"http://127.0.0.1:{port}/v1/stream", "--pid", str(server.pid),
                 "--bytes", "1024", "--rate", str(options.rate), "--readers", str(options.readers),
                 "--catch-up-readers", "0", "--seconds", str(options.minutes * 30), "--json", "-"],
                stdout=subprocess.PIPE, text=True)
            samples = watch(load, server.pid, directory, min(5, options.minutes * 60 / 20))
            output = load.stdout.read()
        finally:
            server.terminate()
            server.wait()
    if load.returncode not in (0, 1):
        # Then it has printed why and no figures.
        print(json.dumps(samples))
        sys.exit(load.returncode)
    is_flat = write(options, samples, json.loads(output))
    sys.exit(load.returncode or not is_flat)


def write(options, samples, figures):
    """Writes figures and chart. Returns whether the memory stayed flat."""
    measured = [row for row in samples if row["seconds"] <= options.minutes * 60]
    quarter = len(measured) // 4
    before, after = (
        max(row["memoryMebibytes"] for row in rows) for rows in (measured[-2 * quarter:-quarter], measured[-quarter:]))
    header = {
        **machine(options.program), "minutes": options.minutes, "appendsPerSecond": options.rate, "readers": options.readers,
        "memoryMebibytesOfThirdQuarter": before, "memoryMebibytesOfLastQuarter": after,
        "memoryMebibytesWhenAllIsReadBack": max(row["memoryMebibytes"] for row in samples),
    }
    output = pathlib.Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    rows = ",\n".join("  " + json.dumps(row) for row in samples)
    text = json.dumps({"header": header, "bench": figures}, indent=1, ensure_ascii=False)
    (output / "endurance.json").write_text(text[:-2] + f',\n "samples": [\n{rows}\n ]\n}}\n')
    title = f"Memory (RssAnon): {options.rate} appends of 1 KiB/s; in the second half {options.readers} event streams follow"
    (output / "endurance.svg").write_text(chart(measured, title))
    print(f"memory at most {before} MiB in the third quarter, {after} MiB in the last; errors: {figures['errors']}")
    return after <= before * 1.125 + 8


if __name__ == "__main__":
    main()
