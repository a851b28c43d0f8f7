#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Configures a preset once and builds it. Quick when there is nothing to do.
#   scripts/build.sh PRESET [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift

if [ ! -f "build/$preset/build.ninja" ]; then
    cmake --preset "$preset" >/dev/null
fi
cmake --build "build/$preset" --parallel ${1:+--target "$@"} -- --quiet |
    { grep -v '^ninja: no work to do' || true; }
