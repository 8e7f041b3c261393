#!/usr/bin/env bash
# Runs the engine's benchmarks in some minutes and writes their figures and charts.
#
#   Benchmarks/engine.sh [directory on the disk to measure]      (default /var/tmp)
#
# Writes Benchmarks/results/engine.json and Benchmarks/results/engine/*.svg. Environment: INPUT (a directory with text or JSON, to
# be sealed as well as generated events), ENGINE_BENCHMARKS (the executable; built in release mode if it is not given).
set -euo pipefail
cd "$(dirname "$0")"
directory=${1:-/var/tmp}
if [ -z "${ENGINE_BENCHMARKS:-}" ]; then
    swift build -c release --product engine-benchmarks
    ENGINE_BENCHMARKS=$(swift build -c release --show-bin-path)/engine-benchmarks
fi
mkdir -p results
json=$PWD/results/engine.json
rm -f "$json"
run() {
    local name=$1
    shift
    "$ENGINE_BENCHMARKS" "$name" --directory "$directory" --json "$json" "$@"
}
run append --seconds 0.3 --rounds 3 --tasks
run read --rounds 3 --count 50000
run tail --seconds 0.3 --rounds 3
run flat --seconds 0.3 --rounds 3 --streams 1 100 10000 100000 --mebibytes 1 64
run seal --rounds 3 --segments 2
[ -z "${INPUT:-}" ] || run seal --rounds 3 --segments 2 --input "$INPUT"
run compact --rounds 3
run sealing --seconds 20
run history
run allocations --rounds 1
rm -rf results/engine
python3 plot.py --output results/engine "$json"
