#!/usr/bin/env bash
# Builds a fuzz target with libFuzzer and runs it: Tests/Fuzzing/run.sh TARGET [SECONDS [libFuzzer's options]]
# With 0 seconds it only builds, and runs the inputs that are kept. See README.md.
set -euo pipefail

target="${1:?the name of a target; see README.md}"
seconds="${2:-60}"
fuzzing="$(cd "$(dirname "$0")" && pwd)"
sources="$(cd "$fuzzing/../../Sources" && pwd)"
work="${FUZZ_DIRECTORY:-$fuzzing/.build}"
mkdir -p "$work/seeds/$target" "$work/corpus/$target" "$work/findings/$target" "$work/stubs"
work="$(cd "$work" && pwd)"

options=(
    -O -g -wmo -parse-as-library -swift-version 6 -package-name fuzzing -sanitize="${FUZZ_SANITIZERS:-fuzzer,address}" -use-ld=lld
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault
    -enable-upcoming-feature MemberImportVisibility
    -I "$sources/CLZ4" -I "$sources/CZlib" -I "$work/stubs"
)

# Everything is one module: targets see what is internal. Imports of the modules that the sources belong to find nothing.
for module in SegmentedLog DurableStreams DurableStreamsWire ArgumentParser; do
    [ -e "$work/stubs/$module.swiftmodule" ] ||
        (cd "$work/stubs" && echo | swiftc -emit-module -parse-as-library -module-name "$module" -)
done

echo "module CSystemShims { header \"$sources/CSystemShims/include/CSystemShims.h\" export * }" >"$work/stubs/module.modulemap"

case "$target" in
journal-frame | segment-header | sealed-segment | decoded-block | whole-store)
    group=Engine
    mapfile -t inputs < <(find "$sources/SegmentedLog" -name '*.swift' | sort)
    libraries=("$sources/CSystemShims/shims.c" -llz4 -lz)
    ;;
archive | damaged-archive)
    group=Tools
    mapfile -t inputs < <(find "$sources/"{SegmentedLog,DurableStreams} -name '*.swift' ! -name Exports.swift | sort)
    inputs+=("$sources/durable-streams/Tools/"{ArchiveFile,ArchiveImporter,StreamArchive,ToolOutput}.swift)
    inputs+=("$fuzzing/Engine/MemoryFileSystem.swift")
    libraries=("$sources/CSystemShims/shims.c" -llz4 -lz)
    ;;
*)
    group=Values
    mapfile -t inputs < <(find "$sources/"{SegmentedLog,DurableStreams} -name '*.swift' ! -name Exports.swift | sort)
    inputs+=("$sources/DurableStreamsWire/"{OffsetToken,RawByteWriter,CursorClock}.swift)
    inputs+=("$sources/DurableStreamsHTTP/Request/"{HeaderValue,QueryText,ReadQuery,Refusal,RequestTarget}.swift)
    inputs+=("$sources/DurableStreamsHTTP/Read/"{ContentCoding,EntityTag}.swift)
    libraries=("$sources/CSystemShims/shims.c" -llz4 -lz)
    ;;
esac
mapfile -t own < <(find "$fuzzing/Support" "$fuzzing/$group" -name '*.swift' | sort)
inputs+=("${own[@]}")

binary="$work/$group"
newer="$([ -e "$binary" ] && find "${inputs[@]}" -newer "$binary" -print -quit || echo missing)"
if [ -n "$newer" ]; then
    objects=()
    for library in "${libraries[@]}"; do
        case "$library" in
        *.c)
            clang -O1 -c "$library" -I "$sources/CSystemShims/include" -o "$work/$(basename "$library" .c).o"
            objects+=("$work/$(basename "$library" .c).o")
            ;;
        *) objects+=("$library") ;;
        esac
    done
    # Somewhere else, because the compiler leaves files where it is called.
    cd "$work"
    swiftc "${options[@]}" -module-name "Fuzz$group" -o "$binary" "${inputs[@]}" "${objects[@]}"
fi

export FUZZ_TARGET="$target"
# The fuzzer's own trace is enough, and Swift's does not get on with the address sanitizer.
export SWIFT_BACKTRACE=enable=no
# What once fell out, and must not again.
if [ -d "$fuzzing/Inputs/$target" ]; then "$binary" "$fuzzing/Inputs/$target"/* 2>&1 | tail -n 1; fi
[ "$seconds" -gt 0 ] || exit 0
FUZZ_SEEDS="$work/seeds/$target" exec nice -n 10 "$binary" \
    -max_total_time="$seconds" -max_len=131072 -len_control=0 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$work/findings/$target/" "${@:3}" "$work/corpus/$target" "$work/seeds/$target"
