#!/bin/sh
# The agent of examples/llm_agent.c against a model over HTTP that checks what it is asked as the real one does:
#     sh tests/test_llm_http.sh
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}
for library in microhttpd:mock_llm curl:examples/llm_agent; do
    [ -x "$build/${library#*:}" ] || { echo "skipped: $(sh tests/hint.sh "${library%%:*}")"; exit 0; }
done
work=$(mktemp -d) || exit 1
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export NO_COLOR=1 LC_ALL=C.UTF-8
failed=0

# serve SCRIPT: starts the model.
serve() {
    [ -z "$server" ] || kill "$server"
    rm -f "$work/address"
    printf '%s\n' "$@" > "$work/script"
    "$build/mock_llm" --script "$work/script" --key 'x-api-key: sk-secret-key' --log "$work/log" > "$work/address" &
    server=$!
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -s "$work/address" ] && break
        sleep 0.1
    done
    ANTHROPIC_BASE_URL=$(head -n 1 "$work/address")
    export ANTHROPIC_BASE_URL
}

# expect TEXT FILE
expect() {
    grep -qF -- "$1" "$2" || { echo "not in $(basename "$2"): $1"; cat "$2"; failed=1; }
}

serve '{"text":"I look.","calls":[{"name":"read_file","arguments":{"path":"meson.build"}}],"piece_ms":1}' \
      '{"status":529,"headers":{"retry-after":"0.1"}}' '{"text":"It is about meson.","crlf":true}'
ANTHROPIC_API_KEY=sk-secret-key "$build/examples/llm_agent" 'What is it?' > "$work/out" 2>&1 || { echo "exit status $?"; failed=1; }
expect 'Read meson.build' "$work/out"
expect 'It is about meson.' "$work/out"
[ "$(grep -c '"status":200' "$work/log")" = 2 ] && [ "$(grep -c '"complaint":""' "$work/log")" = 3 ] ||
    { echo 'the model was asked otherwise:'; cut -c1-300 "$work/log"; failed=1; }

# A key that is wrong, and that the server repeats.
serve '{"status":500,"headers":{"x-should-retry":"false"},"error":{"type":"error","error":{"type":"api_error","message":"key sk-secret-key"}}}'
ANTHROPIC_API_KEY=sk-wrong "$build/examples/llm_agent" 'What is it?' > "$work/out" 2>&1 && failed=1
expect 'authentication' "$work/out"
ANTHROPIC_API_KEY=sk-secret-key "$build/examples/llm_agent" 'What is it?' > "$work/out" 2>&1 && failed=1
expect 'key ***' "$work/out"
! grep -rq 'sk-secret-key' "$work/out" "$work/log" || { echo 'the key is told'; failed=1; }

# A stream that breaks off, then the whole.
serve '{"text":"Half of an answer that never comes.","cut":700,"abort":true}' '{"text":"All of it."}'
ANTHROPIC_API_KEY=sk-secret-key "$build/examples/llm_agent" 'Go' > "$work/out" 2>&1 || { echo "exit status $?"; failed=1; }
expect 'All of it.' "$work/out"

[ "$failed" = 0 ] && echo 'llm over HTTP: all as it should be'
exit $failed
