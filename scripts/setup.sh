#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing for the groups named (default: build), and only
# those: a tool that is there already, from wherever, stays as it is. Quiet and quick when
# nothing is missing.
#   scripts/setup.sh [build] [clients] [lint] [fuzz] [bench]
set -euo pipefail

# command:package, for what the PATH can answer; a bare name is a package that dpkg must know.
declare -A groups=(
    [build]="gcc make cmake ninja:ninja-build pkg-config protoc-c:protobuf-c-compiler ccache
        curl git libc6-dev ca-certificates libuv1-dev libcurl4-openssl-dev libcjson-dev
        libhttp-parser-dev libyaml-dev libssl-dev libprotobuf-c-dev libcmocka-dev"
    [clients]="node:nodejs npm openssl"
    [lint]="clang clang-format clang-tidy shellcheck"
    [fuzz]="clang llvm-symbolizer:llvm libclang-rt-dev"
    [bench]="valgrind taskset:util-linux"
)
commands=" gcc make cmake pkg-config ccache curl git npm openssl clang clang-format clang-tidy shellcheck valgrind "

missing=() packages=()
for group in "${@:-build}"; do
    if [ -z "${groups[$group]:-}" ]; then
        echo "setup: no group \"$group\"; there are: ${!groups[*]}" >&2
        exit 2
    fi
    for item in ${groups[$group]}; do
        command=${item%%:*} package=${item##*:}
        if [[ $item == *:* || $commands == *" $item "* ]]; then
            command -v "$command" >/dev/null || missing+=("$package")
        else
            packages+=("$package")
        fi
    done
done
if [ ${#packages[@]} -gt 0 ]; then
    installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
    for package in "${packages[@]}"; do
        grep -qx "installed $package" <<<"$installed" || missing+=("$package")
    done
fi

if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "setup: run as root: apt-get install ${missing[*]}" >&2
            exit 1
        fi
        as_root=(sudo)
    fi
    echo "setup: installing ${missing[*]}" >&2
    apt() {
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >&2
    }
    apt update
    apt install -y --no-install-recommends "${missing[@]}"
fi

# The client libraries of the tests need what Node has since 18.
if [[ " $* " == *" clients "* ]]; then
    version=$(node --version)
    version=${version#v}
    if [ "${version%%.*}" -lt 18 ]; then
        echo "setup: node ${version} is too old for the client tests; 18 or newer is needed" >&2
        exit 1
    fi
fi
