#!/usr/bin/env bash
# Runs the engine's benchmarks in about five minutes and writes their figures and charts.
#
#   Benchmarks/engine.sh [directory on the disk to measure]      (default /var/tmp)
#
# Writes Benchmarks/results/engine.json and Benchmarks/results/engine/*.svg. Environment: INPUT (a directory with text or JSON, to
# be sealed instead of generated events), ENGINE_BENCHMARKS (the executable; built in release mode if it is not given).
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
input=()
[ -n "${INPUT:-}" ] && input=(--input "$INPUT")
run append --seconds 0.5 --rounds 3 --tasks
run read --rounds 3
run tail --seconds 0.5 --rounds 3
run flat --seconds 0.4 --rounds 3
run seal --rounds 3 --segments 2 "${input[@]}"
run compact --rounds 3 "${input[@]}"
run allocations --rounds 1
rm -rf results/engine
python3 plot.py --output results/engine "$json"
