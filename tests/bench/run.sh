#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures the agent against nginx proxy_pass: same clients, same provider, same core, in turns.
# Results go to build/bench: figures.tsv (every trial), report.txt, report.json, chart.svg.
#   tests/bench/run.sh [FIGURE...]   of: start memory requests slow body (default: all)
#   ROUNDS=5 SECONDS_EACH=2          trials of what is compared, and the length of one
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${ROUNDS:-5} seconds=${SECONDS_EACH:-2}
figures=" ${*:-start memory requests slow body} "

scripts/setup.sh build bench
scripts/build.sh release

out=$PWD/build/bench
agent=$PWD/build/release/pointsman-agent
work=$(mktemp -d)
mkdir -p "$out"
: >"$out/figures.tsv"

# The process under test has a core for itself; clients and provider share the other one.
pin_test=(taskset -c 0) pin_load=(taskset -c 1) core=0
if [ "$(nproc)" -lt 2 ]; then
    echo "bench: one core only: clients and provider take their share of it" >&2
    pin_test=() pin_load=() core=-1
fi

agent_pid='' nginx_pid=''
stop() {
    if [ -n "$1" ]; then
        kill "$1" 2>/dev/null || true
        wait "$1" 2>/dev/null || true
    fi
}
finish() {
    stop "$agent_pid"
    stop "$nginx_pid"
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

coproc LOAD { exec "${pin_load[@]}" build/release/pointsman-load; }
ask() {
    echo "$*" >&"${LOAD[1]}"
    read -r reply <&"${LOAD[0]}"
}
field() {
    local text=" $reply"
    text=${text#*" $1="}
    echo "${text%% *}"
}
# FIGURE WHO ORDER...: one trial, on its line of figures.tsv.
trial() {
    local figure=$1 who=$2
    shift 2
    ask "$*"
    printf '%s\t%s\t%s\n' "$figure" "$who" "${reply// /$'\t'}" >>"$out/figures.tsv"
    if [ "$(field errors)" != 0 ] && [[ $reply == *errors=* ]]; then
        echo "bench: $figure, $who: $reply" >&2
    fi
}
read -r reply <&"${LOAD[0]}"
provider_port=$(field port)

free_port() {
    local port
    while port=$((20000 + RANDOM % 10000)); do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}
agent_port=$(free_port) probe_port=$(free_port) nginx_port=$(free_port)

until_answering() {
    for _ in {1..100}; do
        ask "requests port=$1 count=1"
        if [ "$(field requests)" = 1 ]; then
            return
        fi
        sleep 0.1
    done
    echo "bench: no answer on port $1: $reply" >&2
    exit 1
}

sed "s|@agent_port@|$agent_port|; s|@probe_port@|$probe_port|; s|@provider_port@|$provider_port|
    s|@work@|$work|" tests/bench/agent.yaml >"$work/agent.yaml"
sed "s|@nginx_port@|$nginx_port|; s|@provider_port@|$provider_port|" tests/bench/nginx.conf \
    >"$work/nginx.conf"

start_agent() {
    stop "$agent_pid"
    rm -rf "$work/spool"
    "$@" "$agent" --config "$work/agent.yaml" 2>>"$out/agent.log" &
    agent_pid=$!
    until_answering "$agent_port"
}

# nginx from Debian's package, unpacked and not installed, unless it is here already: a server
# that nobody asked for must not start on this machine, now or at its next boot.
find_nginx() {
    nginx=$(command -v nginx || true)
    if [ -z "$nginx" ] && [ -x /usr/sbin/nginx ]; then
        nginx=/usr/sbin/nginx
    fi
    if [ -z "$nginx" ]; then
        nginx=$out/nginx/usr/sbin/nginx
        if [ ! -x "$nginx" ]; then
            mkdir -p "$out/nginx"
            (cd "$work" && apt-get -qq download nginx && dpkg-deb -x nginx_*.deb "$out/nginx")
        fi
    fi
}
start_nginx() {
    find_nginx
    mkdir -p "$work/nginx"
    "${pin_test[@]}" "$nginx" -e stderr -p "$work/nginx" -c "$work/nginx.conf" \
        2>>"$out/nginx.log" &
    nginx_pid=$!
    until_answering "$nginx_port"
    nginx_worker=$(cat "/proc/$nginx_pid/task/$nginx_pid/children")
    nginx_worker=${nginx_worker%% *}
}

wanted() {
    [[ $figures == *" $1 "* ]]
}

: >"$out/agent.log"
: >"$out/nginx.log"

if wanted start; then
    trial start agent "start port=$agent_port core=$core times=7" \
        "command=$agent --config $work/agent.yaml"
fi

start_agent "${pin_test[@]}"
start_nginx

if wanted memory; then
    sleep 1
    trial idle agent "memory pid=$agent_pid"
    trial idle nginx "memory pid=$nginx_worker"
    trial memory agent "slow port=$agent_port connections=1000 seconds=5 ramp=1 pid=$agent_pid"
    trial memory nginx "slow port=$nginx_port connections=1000 seconds=5 ramp=1 pid=$nginx_worker"
fi

compare() {
    local figure=$1 order=$2 round
    for ((round = 0; round < rounds; round++)); do
        if [ "$figure" = latency ]; then
            trial latency direct "$order port=$provider_port"
        fi
        # Who goes first changes, so that a slow minute of the machine hits both.
        if ((round % 2)); then
            trial "$figure" agent "$order port=$agent_port pid=$agent_pid"
            trial "$figure" nginx "$order port=$nginx_port pid=$nginx_worker"
        else
            trial "$figure" nginx "$order port=$nginx_port pid=$nginx_worker"
            trial "$figure" agent "$order port=$agent_port pid=$agent_pid"
        fi
    done
}

if wanted requests; then
    compare latency "requests connections=1 seconds=$seconds"
    compare requests "requests connections=32 seconds=$seconds"
    compare streams "streams connections=64 events=100 seconds=$seconds"
fi
if wanted slow; then
    trial slow agent "slow port=$agent_port connections=5000 seconds=15 ramp=3 pid=$agent_pid"
    trial slow nginx "slow port=$nginx_port connections=5000 seconds=15 ramp=3 pid=$nginx_worker"
fi
if wanted body; then
    trial body10m nginx "requests port=$nginx_port body=10000000 count=20 pid=$nginx_worker"
    trial body10m agent "requests port=$agent_port body=10000000 count=20 pid=$agent_pid"
    # Instructions in user space, by two runs that differ only in the size of three bodies. libc
    # copies large blocks with one `rep movsb`, which valgrind counts as one instruction per byte
    # and a processor as one; so it is made to copy them with a loop, which both count alike.
    for size in 1000 10000000; do
        start_agent env GLIBC_TUNABLES=glibc.cpu.x86_rep_movsb_threshold=1000000000 valgrind --quiet --tool=callgrind --callgrind-out-file="$work/callgrind.$size"
        ask "requests port=$agent_port count=10 body=1000"
        trial "callgrind$size" agent "requests port=$agent_port count=3 body=$size"
        stop "$agent_pid"
        agent_pid=''
        printf 'instructions%s\tagent\ttotal=%s\n' "$size" \
            "$(awk '/^(summary|totals):/ { n = $2 } END { print n }' "$work/callgrind.$size")" \
            >>"$out/figures.tsv"
    done
fi

awk -v json="$out/report.json" -v svg="$out/chart.svg" -f tests/bench/report.awk \
    "$out/figures.tsv" | tee "$out/report.txt"
echo "chart: build/bench/chart.svg"
