#!/bin/sh
# SPDX-License-Identifier: MIT OR Unlicense
# What asm_wire.h writes, judged by the packages that read it (package.json here, by the hashes of package-lock.json; no
# scripts of them are run). Without node or npm's registry it is skipped: tests/test_wire.c compares with what passed.
#     sh tests/wire/judges.sh
#     STREAMS=DIR CUTS=200 SEED=7 SECONDS_LEFT=0 sh tests/wire/judges.sh    all recordings of a folder, cut at 200 places
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build}

skip() {
    echo "skipped: $1"
    exit 0
}

command -v node > /dev/null || skip "$(sh tests/hint.sh node)"
command -v npm > /dev/null || skip "$(sh tests/hint.sh npm)"
node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' || skip 'node is older than 20'

packages=$build/wire
if ! cmp -s tests/wire/package-lock.json "$packages/installed.json"; then
    rm -rf "$packages"
    mkdir -p "$packages" && cp tests/wire/package.json tests/wire/package-lock.json "$packages" || exit 1
    (cd "$packages" && exec npm ci --ignore-scripts --no-audit --no-fund > log 2>&1 < /dev/null) &
    npm=$!
    n=0
    while kill -0 "$npm" 2> /dev/null && [ $n -lt 1200 ]; do sleep 0.1; n=$((n + 1)); done
    kill "$npm" 2> /dev/null
    wait "$npm" 2> /dev/null && [ -d "$packages/node_modules" ] ||
        skip "the packages of tests/wire/package.json: npm's registry does not give them"
    cp tests/wire/package-lock.json "$packages/installed.json" || exit 1
fi
cp tests/wire/*.mjs "$packages" || exit 1
[ -z "${SEED:-}" ] || echo "seed $SEED"
WIRE_STREAMS=${STREAMS:-} WIRE_SEED=${SEED:-0} "$build/tests/test_wire_content" --print "${CUTS:-3}" |
    (cd "$packages" && node check.mjs --seconds="${SECONDS_LEFT:-40}") || exit 1
[ -x "$build/asm-agent" ] || skip "the client of ACP: $(sh tests/hint.sh curl)"
[ -x "$build/mock_llm" ] || skip "the client of ACP: $(sh tests/hint.sh microhttpd)"
exec node "$packages/client.mjs" "$build/asm-agent" "$build/mock_llm"
