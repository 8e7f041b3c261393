#!/usr/bin/env python3
"""Measures servers with `durable-streams bench`, several workloads and systems in turn, and writes figures and charts.

    Benchmarks/server.py                               ours, and as marks to go by nginx and Redis where they are installed
    Benchmarks/server.py --also caddy http://127.0.0.1:4437/v1/stream 4711
                                                       another server of the protocol, running, with its process

Writes Benchmarks/results/server.json, server.md (the figures beside the goals) and server/*.svg; --output DIR elsewhere. Each workload runs --rounds
times, all systems in turn; the figures are medians. Needs nothing but Python's standard library, and wrk for nginx.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")

# Each with what is said of it, the arguments of the bench, and options of our own server.
WORKLOADS = [
    ("append 100 B, fsync, 64 connections, 1 stream", ["append"], []),
    ("append 100 B, fsync, 64 connections, 64 streams", ["append", "--streams", "64"], []),
    ("append 100 B, fsync, 64 connections, 1,000 streams", ["append", "--streams", "1000"], []),
    ("append 100 B, fsync, 64 connections, 100,000 streams", ["append", "--streams", "100000"], []),
    ("append 100 B, no fsync, 64 connections, 64 streams", ["append", "--streams", "64"], ["--durability", "none"]),
    ("append 100 B, fsync, 1 connection", ["append", "--connections", "1"], []),
    ("append 100 B of a producer, fsync, 64 connections", ["append", "--producers"], []),
    ("append 100 JSON messages, fsync, 16 connections", ["append", "--json-batch", "100", "--connections", "16"], []),
    ("duplicate of a producer, 64 connections", ["duplicate"], []),
    ("create, fsync, 16 connections", ["create", "--connections", "16", "--count", "50000"], []),
    ("read 1 KiB, 64 connections", ["read"], []),
    ("HEAD, 64 connections", ["head"], []),
    ("GET at the tail, 64 connections", ["tail"], []),
    ("catch up with 64 MiB, 4 connections", ["catch-up", "--connections", "4"], []),
    ("append to delivery, SSE, 1 reader", ["sse"], []),
    ("append to delivery, long-poll, 1 reader", ["long-poll"], []),
    ("200 appends/s alone, then beside 1,000 SSE readers, catch-up of 1 GiB, sealing and merging",
     ["mixed", "--rate", "200", "--connections", "10", "--streams", "10", "--readers", "1000", "--catch-up-readers", "1",
      "--catch-up-bytes", str(1 << 30), "--bulk-bytes-per-second", str(4 << 20), "--seconds", "15"],
     ["--segment-bytes", str(4 << 20)]),
    ("1,000 SSE readers, 20 appends/s", ["fan-out", "--readers", "1000", "--rate", "20"], []),
    ("5,000 SSE readers, 4 appends/s", ["fan-out", "--readers", "5000", "--rate", "4"], []),
    ("10,000 SSE readers, 2 appends/s", ["fan-out", "--readers", "10000", "--rate", "2"], []),
    ("100 SSE readers, 100 appends/s", ["fan-out", "--readers", "100", "--rate", "100"], []),
    ("100 SSE readers of bytes, 100 appends/s", ["fan-out", "--readers", "100", "--rate", "100", "--binary"], []),
    ("idle SSE readers", ["idle", "--connections", "5000", "--mode", "sse"], []),
]

# Keys of the bench's JSON: metric and unit.
METRICS = {
    "requestsPerSecond": ("requests", "1/s"),
    "messagesPerSecond": ("messages", "1/s"),
    "roundTripsPerSecond": ("round trips", "1/s"),
    "deliveriesPerSecond": ("deliveries", "1/s"),
    "megabytesPerSecond": ("throughput", "MB/s"),
    "latencyP50Microseconds": ("p50", "µs"),
    "latencyP99Microseconds": ("p99", "µs"),
    "latencyP99_9Microseconds": ("p99.9", "µs"),
    "deliveryP50Microseconds": ("delivery p50", "µs"),
    "deliveryP99Microseconds": ("delivery p99", "µs"),
    "appendP50Microseconds": ("append p50", "µs"),
    "appendP99Microseconds": ("append p99", "µs"),
    "quietAppendP50Microseconds": ("append p50, quiet", "µs"),
    "quietAppendP99Microseconds": ("append p99, quiet", "µs"),
    "loadedAppendP50Microseconds": ("append p50, loaded", "µs"),
    "loadedAppendP99Microseconds": ("append p99, loaded", "µs"),
    "loadedToQuietP99": ("append p99, loaded to quiet", "times"),
    "sealings": ("segments sealed", ""),
    "merges": ("merges", ""),
    "serverMicrosecondsPerRequest": ("server CPU", "µs each"),
    "serverMicrosecondsPerRoundTrip": ("server CPU", "µs each"),
    "serverMicrosecondsPerDelivery": ("server CPU", "µs each"),
    "serverMillisecondsPerMegabyte": ("server CPU per MB", "ms"),
    "serverMemoryBytesPerStream": ("memory for each stream", "B"),
    "serverMemoryBytesPerReader": ("memory for each reader", "B"),
    "serverMemoryBytesPerConnection": ("memory for each reader", "B"),
}


def bench(program, arguments, options, seconds, target=None):
    """The figures of one run. `target`: URL and process of a server that is running."""
    command = [program, "bench", *arguments, "--json", "-"]
    if arguments[0] not in ("create", "idle") and "--seconds" not in arguments:
        command += ["--seconds", str(seconds)]
    if target:
        command += ["--url", target[0], "--pid", target[1]]
    elif options:
        command += ["--", *options]
    result = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
    if result.returncode != 0 or not lines:
        sys.exit(f"{' '.join(command)}: status {result.returncode}\n{result.stdout}{result.stderr}")
    figures = json.loads(lines[-1])
    return {METRICS[key]: figures[key] for key in METRICS if figures.get(key)}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def wait_for(port):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit(f"nothing listens on port {port}")


def nginx(location, connections, script, seconds):
    """Requests per second and CPU seconds for each request of an nginx with one process, by wrk."""
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        places = "".join(
            f"{name}_temp_path {directory}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        configuration = pathlib.Path(directory, "nginx.conf")
        configuration.write_text(
            f"daemon off; master_process off; pid {directory}/pid; error_log {directory}/log; events {{}} "
            f"http {{ access_log off; sendfile on; keepalive_requests 1000000000; {places} "
            f"server {{ listen 127.0.0.1:{port}; root {directory}; {location} }} }}")
        pathlib.Path(directory, "file").write_bytes(os.urandom(1 << 20))
        request = pathlib.Path(directory, "request.lua")
        request.write_text(script)
        server = subprocess.Popen(["nginx", "-c", str(configuration)])
        try:
            wait_for(port)
            before = cpu_seconds(server.pid)
            command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(request), f"http://127.0.0.1:{port}/file"]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            count = int(output.split(" requests in ")[0].split()[-1])
            return count / seconds, (cpu_seconds(server.pid) - before) / count
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait()


def nginx_post(seconds):
    """What a POST of 100 bytes costs a server in C that answers 204 and does nothing else."""
    script = 'wrk.method = "POST"; wrk.body = string.rep("x", 100)'
    rate, cost = nginx("location / { return 204; }", 64, script, seconds)
    return {("requests", "1/s"): rate, ("server CPU", "µs each"): cost * 1e6}


def nginx_file(seconds):
    """What a file of 1 MiB costs that is always the same one, and that the kernel sends without copying it."""
    rate, cost = nginx("", 4, "", seconds)
    megabytes = (1 << 20) / 1e6
    return {("throughput", "MB/s"): rate * megabytes, ("server CPU per MB", "ms"): cost * 1e3 / megabytes}


def redis(durability, seconds):
    """XADD of 100 bytes from 64 connections, by Redis' own load generator and protocol."""
    with tempfile.TemporaryDirectory(dir=".") as directory:
        port = free_port()
        options = ["--appendonly", "yes", "--appendfsync", durability, "--save", "", "--dir", directory]
        server = subprocess.Popen(["redis-server", "--port", str(port), *options], stdout=subprocess.DEVNULL)
        try:
            wait_for(port)
            before = cpu_seconds(server.pid)
            count = 20_000 * seconds
            begin = time.monotonic()
            subprocess.run(
                ["redis-benchmark", "-p", str(port), "-c", "64", "-n", str(count), "XADD", "s", "*", "d", "x" * 100],
                stdout=subprocess.DEVNULL, check=True)
            rate = count / (time.monotonic() - begin)
            spent = cpu_seconds(server.pid) - before
            return {("requests", "1/s"): rate, ("server CPU", "µs each"): spent * 1e6 / count}
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


def bare_sync(seconds):
    """What the disk takes for 4 KiB in blocks that were written before, without a server or a format around it."""
    block = os.urandom(4 << 10)
    latencies = []
    with tempfile.NamedTemporaryFile(dir=".") as file:
        file.write(bytes(16 << 20))
        file.flush()
        os.fsync(file.fileno())
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begin = time.monotonic()
            os.pwrite(file.fileno(), block, len(latencies) % 4096 * len(block))
            os.fdatasync(file.fileno())
            latencies.append(time.monotonic() - begin)
    quantiles = statistics.quantiles(latencies, n=100)
    return {("p50", "µs"): quantiles[49] * 1e6, ("p99", "µs"): quantiles[98] * 1e6}


def marks(case):
    """Others that do something comparable, by name; each measures itself."""
    result = {}
    if case == LONE_APPEND:
        result[SYNC_MARK] = bare_sync
    has_nginx = shutil.which("nginx") and shutil.which("wrk")
    if case.startswith("catch up") and has_nginx:
        result["nginx, a file by sendfile"] = nginx_file
    if case == WORKLOADS[0][0]:
        if has_nginx:
            result[MARK] = nginx_post
        if shutil.which("redis-server"):
            result["Redis, XADD, appendfsync always"] = lambda seconds: redis("always", seconds)
    if case == UNSYNCED_APPEND and shutil.which("redis-server"):
        result["Redis, XADD, appendfsync everysec"] = lambda seconds: redis("everysec", seconds)
    return result


def measure(options):
    records = []
    for case, arguments, server_options in WORKLOADS:
        if options.only and not any(word in case for word in options.only):
            continue
        systems = {"durable-streams": lambda s, a=arguments, o=server_options: bench(options.program, a, o, s)}
        for name, url, process in options.also or []:
            systems[name] = lambda s, a=arguments, t=(url, process): bench(options.program, a, [], s, t)
        systems.update(marks(case))
        found = {name: [] for name in systems}
        for _ in range(options.rounds):
            for name, run in systems.items():
                found[name].append(run(options.seconds))
        for name, rounds in found.items():
            for metric, unit in rounds[0]:
                values = [figures[metric, unit] for figures in rounds if (metric, unit) in figures]
                value = statistics.median(values)
                records.append({
                    "benchmark": "server", "case": case, "system": name, "metric": metric, "unit": unit, "value": value,
                    "lowest": min(values), "highest": max(values), "rounds": len(values)})
                if metric in ("requests", "server CPU", "server CPU per MB", "delivery p50", "throughput"):
                    print(f"{case:52} {name:34} {metric:18} {value:12,.1f} {unit}", flush=True)
    return records


LONE_APPEND = "append 100 B, fsync, 1 connection"
UNSYNCED_APPEND = "append 100 B, no fsync, 64 connections, 64 streams"
LONE_DELIVERY = "append to delivery, SSE, 1 reader"

# What each case is to reach: metrics with their goals, at most or at least (>). They were set on a machine where the marks took so
# many microseconds. Goals of CPU time are multiplied by what the first takes here; to those of a lone append is added what
# the disk takes longer.
MARK, MARK_MICROSECONDS = "nginx, 204 and nothing else", 9
SYNC_MARK, SYNC_MARK_MICROSECONDS = "a bare write and fdatasync", 140
GOALS = [
    (WORKLOADS[0][0], [("requests", ">", 43_000), ("server CPU", "<", 18)]),
    (WORKLOADS[1][0], [("requests", ">", 43_000), ("server CPU", "<", 18)]),
    (WORKLOADS[2][0], [("requests", ">", 43_000), ("server CPU", "<", 18)]),
    (WORKLOADS[3][0], [("requests", ">", 43_000), ("server CPU", "<", 18)]),
    (UNSYNCED_APPEND, [("server CPU", "<", 14)]),
    (LONE_APPEND, [("p50", "<", 280)]),
    ("append 100 JSON messages, fsync, 16 connections", [("messages", ">", 1_100_000)]),
    (LONE_DELIVERY, [("delivery p50", "<", 500)]),
    ("read 1 KiB, 64 connections", [("server CPU", "<", 17)]),
    ("HEAD, 64 connections", [("server CPU", "<", 12)]),
    ("GET at the tail, 64 connections", [("server CPU", "<", 12)]),
    ("catch up with 64 MiB, 4 connections", [("throughput", ">", 2_500), ("server CPU per MB", "<", 0.35)]),
    ("create, fsync, 16 connections", [("requests", ">", 20_000), ("server CPU", "<", 30)]),
    ("1,000 SSE readers, 20 appends/s", [("delivery p50", "<", 7_000), ("server CPU", "<", 10)]),
    ("5,000 SSE readers, 4 appends/s", [("delivery p50", "<", 28_000)]),
    ("idle SSE readers", [("memory for each reader", "<", 8_192)]),
    ("200 appends/s alone, then beside 1,000 SSE readers, catch-up of 1 GiB, sealing and merging",
     [("append p99, loaded to quiet", "<", 3)]),
]


def goals_table(records):
    """Markdown: what was measured beside what is to be reached."""
    found = {(r["case"], r["system"], r["metric"]): r for r in records}
    mark = found.get((WORKLOADS[0][0], MARK, "server CPU"))
    sync_mark = found.get((LONE_APPEND, SYNC_MARK, "p50"))
    lines = ["| workload | measured (median; lowest to highest round) | goal |", "|---|---|---|"]
    for case, metrics in GOALS:
        measured, goals = [], []
        for metric, relation, goal in metrics:
            row = found.get((case, "durable-streams", metric))
            if not row:
                continue
            digits = 2 if goal < 1 or row["unit"] == "times" else 1 if goal < 100 else 0
            unit = row["unit"].replace("1/s", "/s").replace("µs each", "µs of CPU")
            text = lambda value: f"{value:,.{digits}f}"
            measured.append(f"{text(row['value'])} {unit} ({text(row['lowest'])} to {text(row['highest'])})")
            here = ""
            if metric.startswith("server CPU") and mark:
                here = f", here {text(goal * mark['value'] / MARK_MICROSECONDS)}"
            if case in (LONE_APPEND, LONE_DELIVERY) and sync_mark:
                here = f", here {text(goal + sync_mark['value'] - SYNC_MARK_MICROSECONDS)}"
            goals.append(f"{'at least' if relation == '>' else 'at most'} {goal:,} {unit}{here}")
        if measured:
            lines.append(f"| {case} | {'; '.join(measured)} | {'; '.join(goals)} |")
    for (case, system, metric), row in found.items():
        if system == SYNC_MARK and metric == "p50":
            lines.append(f"| *mark:* {system} | p50 {row['value']:,.0f} µs | |")
        if system != "durable-streams" and metric in ("requests", "throughput"):
            cost = found.get((case, system, "server CPU")) or found.get((case, system, "server CPU per MB"))
            lines.append(
                f"| *mark:* {system} | {row['value']:,.0f} {row['unit'].replace('1/s', '/s')}; "
                f"{cost['value']:,.2f} {cost['unit']} | |")
    return "\n".join(lines) + "\n"


def machine(program):
    model = next(
        (line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip()
    return {
        "CPU": model, "cores": str(os.cpu_count()), "kernel": platform.release(), "durable-streams": version,
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def header(options):
    return {
        **machine(options.program), "rounds": str(options.rounds), "seconds": str(options.seconds),
        "load average at the end": open("/proc/loadavg").read().strip(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(HERE / "../.build/release/durable-streams"))
    parser.add_argument("--output", default=str(HERE / "results"))
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="cases whose names hold one of these words; figures of others stay")
    parser.add_argument("--also", nargs=3, action="append", metavar=("NAME", "URL", "PID"))
    options = parser.parse_args()
    records = measure(options)
    output = pathlib.Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    file = output / "server.json"
    if options.only and file.exists():
        measured = {record["case"] for record in records}
        records = [r for r in json.loads(file.read_text())["records"] if r["case"] not in measured] + records
    file.write_text(json.dumps({"header": header(options), "records": records}, indent=1, ensure_ascii=False) + "\n")
    (output / "server.md").write_text(goals_table(records))
    subprocess.run([sys.executable, HERE / "plot.py", "--output", output / "server", file], check=True)


if __name__ == "__main__":
    main()
