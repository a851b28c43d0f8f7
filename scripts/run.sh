#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Starts the agent on its built-in catalogue: with the provider keys that are in the environment,
# or, with none, against the provider simulator. Ctrl-C ends all of it.
#   PORT=8787 scripts/run.sh     the API's port; probes and metrics are on the next one
set -euo pipefail
cd "$(dirname "$0")/.."
port=${PORT:-8787}
if ! [[ $port =~ ^[0-9]{1,5}$ ]] || [ "$port" -lt 1 ] || [ "$port" -gt 65534 ]; then
    echo "run: PORT is a number from 1 to 65534" >&2
    exit 2
fi
probes=$((port + 1))

scripts/setup.sh build
scripts/build.sh release pointsman-agent pointsman-sim

for p in "$port" "$probes"; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; then
        echo "run: port $p is taken; another one: make run PORT=$((port + 1000))" >&2
        exit 1
    fi
done

data=data/run-$port
mkdir -p "$data"
rm -f "$data"/*.port

# SLUG DIALECT VARIABLE of each provider that the agent can speak to.
providers() {
    awk -F '\t' '!/^#/ && $3 == "openai" && $6 != "-" { print $1, $4, $6 }' \
        common/catalogue/providers.tsv
}
# The cheapest model that this provider serves, to try it with.
cheapest_model() {
    awk -F '\t' -v slug="$1" '!/^#/ && $2 == slug && $6 > 0 && (!least || $6 < least) {
        least = $6; model = $1 } END { print model }' common/catalogue/endpoints.tsv
}

used=()
while read -r slug _ variable; do
    if [ -n "${!variable:-}" ]; then
        used+=("$slug")
    fi
done < <(providers)

children=()
# A child outlives neither this script nor a Ctrl-C meant for it: the agent is told first, so that
# it can end what it is doing while its provider is still there.
start() {
    setsid setpriv --pdeathsig TERM -- "$@" &
    children=("$!" "${children[@]}")
}
ended=0
finish() {
    ended=$((ended + 1))
    kill -TERM "${children[0]}" 2>/dev/null || true
}
trap finish INT TERM HUP
last_rites() {
    for child in "${children[@]}"; do
        kill -TERM "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    done
}
trap last_rites EXIT
# The port that a child wrote once it listens.
await_port() {
    for _ in {1..500}; do
        if [ -s "$1" ]; then
            cat "$1"
            return
        fi
        if [ "$ended" -gt 0 ] || ! kill -0 "${children[0]}" 2>/dev/null; then
            break
        fi
        sleep 0.02
    done
    return 1
}

{
    echo "agent:"
    echo "  listen: {port: $port}"
    echo "  probes: {port: $probes}"
    echo "  timeouts: {drain: 2s}"
    echo "  spool: {dir: $PWD/$data/spool}"
} >"$data/agent.yaml"

if [ ${#used[@]} -gt 0 ]; then
    model=$(cheapest_model "${used[0]}")
    note="Providers with a key in the environment: ${used[*]}."
else
    start build/release/pointsman-sim --listen 127.0.0.1:0 --port-file "$data/sim.port"
    sim_port=$(await_port "$data/sim.port")
    {
        echo "  sim_hint: true"
        echo "providers:"
        while read -r slug dialect variable; do
            if [ "$dialect" = compatible ]; then
                dialect=$slug
            fi
            echo "  $slug: {base_url: \"http://127.0.0.1:$sim_port/$dialect/v1\"}"
            # No secret: the simulator takes any key.
            export "$variable=simulated"
        done < <(providers)
    } >>"$data/agent.yaml"
    model=openai/gpt-4.1-mini
    note="No provider key is in the environment (OPENAI_API_KEY, XAI_API_KEY, DEEPSEEK_API_KEY, ...):
every provider is SIMULATED on this machine, and so is every answer."
fi

start build/release/pointsman-agent --config "$data/agent.yaml" --port-file "$data/agent.port"
agent=$!
await_port "$data/agent.port" >/dev/null || { wait "$agent" || exit $?; }

url=http://127.0.0.1:$port
install=''
if ! command -v npm >/dev/null; then
    install='sudo apt-get install -y --no-install-recommends nodejs npm && '
fi
cat <<BANNER

Pointsman listens on $url (probes and metrics: port $probes). Ctrl-C ends it.
$note

With curl:

curl -N $url/v1/chat/completions -H 'Content-Type: application/json' -d '{
  "model": "$model", "stream": true,
  "messages": [{"role": "user", "content": "Greet the harbour in five words."}]}'

With OpenAI's SDK for Node:

(${install}mkdir -p /tmp/pointsman-sdk && cd /tmp/pointsman-sdk && npm install --silent openai && node --input-type=module -e '
import OpenAI from "openai";
const client = new OpenAI({ baseURL: "$url/v1", apiKey: "not-needed" });
const stream = await client.chat.completions.create({
  model: "$model", stream: true,
  messages: [{ role: "user", content: "Greet the harbour in five words." }],
});
for await (const part of stream) process.stdout.write(part.choices[0]?.delta?.content ?? "");
console.log();
')

BANNER

# wait returns early when a signal is handled; the agent's own end is what counts.
status=0
while kill -0 "$agent" 2>/dev/null; do
    status=0
    wait "$agent" || status=$?
done
if [ "$ended" -gt 0 ]; then
    status=0
fi
exit "$status"
