#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Everything that can be said against the source without running it. All checks run; any that
# fails makes the whole fail.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=()
check() {
    local name=$1
    shift
    echo "lint: $name"
    "$@" || failed+=("$name")
}

tracked() {
    git ls-files -z --cached --others --exclude-standard -- "$@"
}

format() {
    tracked '*.c' '*.h' | xargs -0 clang-format --dry-run -Werror
}

size() {
    tracked '*.c' '*.h' | xargs -0 awk -f scripts/lint-size.awk
}

licence() {
    local file bad=0
    while IFS= read -r -d '' file; do
        if ! head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0'; then
            echo "$file: no SPDX line on top"
            bad=1
        fi
    done < <(tracked '*.c' '*.h' '*.sh' '*.awk' '*.mjs' '*.proto' .ci/run)
    return $bad
}

# Paths of one machine, hosts of package registries, and notes of unfinished work. The brackets
# keep these lines from finding themselves.
words() {
    local pattern='(^|[^a-zA-Z0-9_.])/(work|farm|home|Users)/[a-z.]+/|[/]/(deb|registry|proxy|files|static)[.][a-z]+[.](org|com|io)|[T]ODO|[F]IXME|(^|[^X])[X]XX([^X]|$)'
    ! tracked | xargs -0 grep -nIE "$pattern" --
}

shell() {
    tracked '*.sh' .ci/run | xargs -0 shellcheck --severity=warning
}

# Compiles everything with clang, which must be as content as gcc, and runs clang-tidy on each
# file beside it. Incremental: a second run looks only at what changed.
tidy() {
    cmake --preset lint >/dev/null &&
        cmake --build build/lint --parallel -- --quiet -k 0 |
        { grep -vE '^ninja: no work to do|^[0-9]+ warnings? generated' || true; }
}

check format format
check size size
check licence licence
check words words
check shell shell
check tidy tidy

if [ ${#failed[@]} -gt 0 ]; then
    echo "lint: failed: ${failed[*]}" >&2
    exit 1
fi
echo "lint: fine"
