#!/usr/bin/env bash
# What an append costs the server: rate, CPU time per append, appends per fsync.
#
#   Benchmarks/append.sh [connections] [seconds]        (defaults 64 and 10)
#
# Needs wrk and curl (apt-get install wrk curl). Environment: BYTES (100), STREAMS (1), DURABILITY (sync), PORT (4438), SERVER (the
# executable; built in release mode if it is not given). Server and load generator share the machine.
set -euo pipefail
cd "$(dirname "$0")/.."
connections=${1:-64} seconds=${2:-10}
port=${PORT:-4438} streams=${STREAMS:-1} durability=${DURABILITY:-sync}
if [ -z "${SERVER:-}" ]; then
  swift build -c release --product durable-streams
  SERVER=$(swift build -c release --show-bin-path)/durable-streams
fi
data=$(mktemp -d ./bench-data.XXXXXX)
"$SERVER" serve --port "$port" --data-dir "$data" --durability "$durability" --log-level warning &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$data"' EXIT
until curl -sf "http://127.0.0.1:$port/healthz" >/dev/null; do sleep 0.1; done
for ((stream = 0; stream < streams; stream++)); do echo "url=http://127.0.0.1:$port/v1/stream/bench-$stream"; done |
  curl -s -X PUT -K - >/dev/null

cpu() { awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/$server/stat"; }
figure() { curl -s "http://127.0.0.1:$port/healthz" | grep -oE "\"$1\":[0-9]+" | cut -d: -f2; }

before=$(cpu) entries=$(figure entries) syncs=$(figure syncs)
result=$(BYTES=${BYTES:-100} STREAMS=$streams wrk -t1 -c"$connections" -d"${seconds}s" -s Benchmarks/append.lua "http://127.0.0.1:$port" | tail -1)
after=$(cpu)
appends=$(($(figure entries) - entries)) done_syncs=$(($(figure syncs) - syncs))
echo "$durability, $connections connections, $streams streams, ${BYTES:-100} bytes: $result"
awk -v a="$appends" -v t="$seconds" -v c="$(echo "$after $before" | awk '{print $1 - $2}')" -v s="$done_syncs" 'BEGIN {
  printf "  %.0f appends/s, %.1f us of server CPU each, %s appends per fsync\n", a / t, c * 1e6 / a, s ? sprintf("%.1f", a / s) : "-" }'
