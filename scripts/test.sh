#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds with sanitizers and runs every test: the unit tests, then the integration tests with the
# client libraries that people use, against the running agent. The last line counts them all.
#   scripts/test.sh [PRESET]     asan (default) or tsan
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-asan}
build=build/$preset

scripts/setup.sh build clients
scripts/build.sh "$preset"

# What a sanitizer finds ends the program, so that no test passes over it.
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:die_after_fork=0

passed=0 failed=0
add() {
    passed=$((passed + $1)) failed=$((failed + $2))
}

# The counts are cmocka's own, from the log that ctest keeps of each program. A program that fails
# without naming a failed test (it crashed, or leaked at its end) counts as one.
rm -f "$build/Testing/Temporary/LastTest.log"
ctest --test-dir "$build" --parallel 2 --timeout 300 --output-on-failure || true
read -r passed failed < <(awk '
    /^\[  PASSED  \] [0-9]+ test/ { passed += $4 }
    /^\[  FAILED  \] [0-9]+ test/ { named += $4 }
    /^Test Passed\./ { named = 0 }
    /^Test Failed\./ { failed += named ? named : 1; named = 0 }
    END { print passed + 0, failed + 0 }' "$build/Testing/Temporary/LastTest.log")
echo "unit tests: $passed of $((passed + failed)) passed"

# They close with a count of their own; it is kept for the sum.
if [ -x tests/integration/run.sh ]; then
    log=$build/integration.log
    status=0
    timeout --kill-after=10 1200 tests/integration/run.sh "$build" 2>&1 | tee "$log" |
        grep --line-buffered -vE '^[0-9]+ passed, [0-9]+ failed' || status=${PIPESTATUS[0]}
    counts=$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed.*/\1 \2/p' "$log" | tail -n 1)
    read -r p f <<<"${counts:-0 0}"
    if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
        f=1
    fi
    add "$p" "$f"
    echo "integration tests: $p of $((p + f)) passed"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
