#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzzer for some seconds each, as many at a time as there are cores, on a copy of its
# seeds. What makes one fail stays in build/fuzz/found, and run again with that file as its only
# argument the fuzzer shows where.
#   scripts/fuzz.sh [SECONDS] [NAME...]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true

scripts/setup.sh build fuzz
scripts/build.sh fuzz

found=build/fuzz/found
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$found"

fuzz_one() {
    local name=$1 log=$scratch/$1.log seeds=tests/fuzz/corpus/$1
    mkdir -p "$scratch/$name"
    if [ -d "$seeds" ]; then
        cp -r "$seeds/." "$scratch/$name"
    fi
    if "build/fuzz/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$found/$name-" "$scratch/$name" >"$log" 2>&1; then
        awk -v name="$name" '/number_of_executed_units/ { runs = $2 } / cov: / { cov = $4 }
            END { printf "%-16s %10d runs, %s edges covered\n", name, runs, cov }' "$log"
    else
        echo "$name: failed"
        grep -vE '^#[0-9]+\s' "$log" | tail -n 60
        return 1
    fi
}
if [ $# -eq 0 ]; then
    for source in tests/fuzz/fuzz_*.c; do
        name=${source##*/fuzz_}
        set -- "$@" "${name%.c}"
    done
fi
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
running=0 failed=0
for name in "$@"; do
    if [ "$running" -ge "$(nproc)" ]; then
        wait -n || failed=1
        running=$((running - 1))
    fi
    fuzz_one "$name" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || failed=1
    running=$((running - 1))
done
exit $failed
