#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the agent of a build folder against the provider simulator, by raw sockets and with the
# client libraries that people use. The last line counts: "N passed, N failed".
#   tests/integration/run.sh [BUILD_DIR [FILE...]]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
clients=$here/../clients
build=$(cd "${1:-$here/../../build/release}" && pwd)
shift || true

# node_modules holds a copy of the lock file it was made from.
if ! cmp -s "$clients/package-lock.json" "$clients/node_modules/.installed"; then
    (cd "$clients" && npm ci --ignore-scripts --no-progress --loglevel=error >&2)
    cp "$clients/package-lock.json" "$clients/node_modules/.installed"
fi

files=("$@")
if [ ${#files[@]} -eq 0 ]; then
    files=("$here"/*.test.mjs "$clients"/*.test.mjs)
fi
tap=$(mktemp)
trap 'rm -f "$tap"' EXIT
status=0
PM_BUILD=$build node --test --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=tap --test-reporter-destination="$tap" "${files[@]}" || status=$?
passed=$(sed -n 's/^# pass //p' "$tap")
failed=$(sed -nE 's/^# (fail|cancelled) //p' "$tap" | awk '{ n += $1 } END { print n + 0 }')
echo "${passed:-0} passed, ${failed:-1} failed"
[ "$status" -eq 0 ]
