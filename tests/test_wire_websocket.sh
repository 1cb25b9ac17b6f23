#!/bin/sh
# SPDX-License-Identifier: MIT OR Unlicense
# examples/wire_websocket, with two of node's WebSockets: sh tests/test_wire_websocket.sh
set -u
cd "$(dirname "$0")/.." || exit 1
example=${BUILD:-build}/examples/wire_websocket

[ -x "$example" ] || { echo "skipped: WebSocket: $(sh tests/hint.sh websockets)"; exit 0; }
command -v node > /dev/null || { echo "skipped: WebSocket: $(sh tests/hint.sh node)"; exit 0; }
for flags in --no-warnings '--no-warnings --experimental-websocket'; do
    # shellcheck disable=SC2086  # a list of words
    node $flags -e 'process.exit(typeof WebSocket === "undefined" ? 1 : 0)' 2> /dev/null || continue
    # shellcheck disable=SC2086
    exec node $flags tests/wire/websocket.mjs "$example" tests/golden/wire.events.jsonl
done
echo 'skipped: WebSocket: node has none, it is older than 20.10'
