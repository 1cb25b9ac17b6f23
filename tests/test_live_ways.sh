#!/bin/sh
# asm-live by the ways in which it is given events and served: standard input, a command, another name, TLS; a real agent's
# server; and strangers, whom nobody else notices.
#     sh tests/test_live_ways.sh
set -u
cd "$(dirname "$0")/.." || exit 1
build=$(cd "${BUILD:-build}" && pwd) source=$PWD
live=$build/asm-live
[ -x "$live" ] || { echo "skipped: asm-live: $(sh tests/hint.sh microhttpd)"; exit 0; }
command -v curl > /dev/null || { echo "skipped: $(sh tests/hint.sh curl)"; exit 0; }
no_openssl=$(sh tests/hint.sh openssl) no_tmux=$(sh tests/hint.sh tmux) no_curl=$(sh tests/hint.sh curl)
work=$(mktemp -d) || exit 1
tmux=$(command -v tmux) # if there is one
tmux() { "$tmux" -S "$work/tmux" "$@"; }
running=
trap 'tmux kill-server 2> /dev/null; for pid in $running; do kill "$pid" 2> /dev/null; done; wait; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
XDG_STATE_HOME=$work/state
export XDG_STATE_HOME
unset http_proxy https_proxy
cd "$work" || exit 1
failed=0
fail() { echo "$*"; failed=$((failed + 1)); }

# says NUMBER: an event of the session s.
says() { printf '{"type":"message_streamed","data":{"delta":"word %s","role":"assistant","message_id":"m%s"},"session_id":"s"}\n' "$1" "$1"; }

# until WHAT COMMAND...: it succeeds before long.
until_so() {
    what=$1
    shift
    n=0
    while [ $n -lt 60 ]; do
        "$@" && return
        sleep 0.05
        n=$((n + 1))
    done
    fail "not so: $what"
}
has() { grep -q -e "$2" "$1" 2> /dev/null; }

# serve NAME INPUT OPTION...: starts it; $site is where, $let_in the header that lets in.
serve() {
    name=$1 input=$2
    shift 2
    "$live" --port=0 "$@" < "$input" > "$name.url" 2> "$name.err" 3>&- & pid=$!
    running="$running $pid"
    address "$name.url"
}
address() {
    until_so "an address: $(cat "$1" "${1%.url}.err" 2> /dev/null)" has "$1" token=
    site=$(sed -n 's|/?token=.*||p' "$1" | head -n 1)
    let_in="Authorization: Bearer $(sed -n 's/.*token=//p' "$1" | head -n 1)"
}
end() {
    kill "$pid"
    wait "$pid" || fail "$name ended with status $?"
}

# get PATH ARGUMENT...: the answer is in $work/body, its status in $status.
get() {
    path=$1
    shift
    status=$(curl -s -g --path-as-is --max-time 10 -o body -w '%{http_code}' "$@" "$site$path")
}
gets() { get "$1" -H "$let_in" ${3:+--cacert "$3"} && has body "$2"; }
# refused STATUS CODE PATH ARGUMENT...: with a reason in words.
refused() {
    wanted=$1 code=$2
    shift 2
    get "$@"
    [ "$status" = "$wanted" ] && has body "\"error\":\"$code\",\"message\":\"." || fail "$*: $status $(cat body), not $wanted $code"
}
post() { # PATH BODY
    get "$1" -H "$let_in" -H 'Content-Type: application/json' --data-binary "$2"
}

inputs() {
    mkfifo in
    exec 3<> in
    serve stdin in
    says 1 >&3
    until_so 'standard input is shown' gets /api/sessions/s/history 'word 1'
    says 2 >&3
    until_so 'standard input is followed' gets /api/sessions/s/history 'word 2'
    exec 3>&-
    sleep 0.1
    gets /api/sessions/s/history 'word 2' || fail 'it ended with its input'
    end
    says 3 > more
    serve command /dev/null --log=other --run -- sh -c 'cat more; exit 3'
    until_so 'a command is shown' gets /api/sessions/s/history 'word 3'
    until_so 'its end is told' has command.err 'sh ended with status 3'
    end
    serve none /dev/null --log=other --run -- ./nothing
    until_so 'a command that is not there' has none.err 'nothing: No such file'
    end
}

names() {
    mkfifo unwritten
    serve names /dev/null --host=box.example --host=proxy.example:8443 --log=named --socket=names.sock unwritten .
    until_so 'it waits for no pipe' has names.err 'unwritten: not a regular file'
    has names.err '[.]: not a regular file' || fail "a directory: $(cat names.err)"
    port=${site##*:}
    for host in box.example "box.example:$port" proxy.example:8443 "localhost:$port"; do
        get /api/list -H "$let_in" -H "Host: $host"
        [ "$status" = 200 ] || fail "--host: $host: $status"
    done
    for host in example box.example.evil proxy.example:8444 "evil:$port" 127.0.0.1:1; do
        refused 403 bad_host /api/list -H "$let_in" -H "Host: $host"
    done
    get /api/list -H "$let_in" -H 'Host: box.example' -H 'Origin: https://box.example'
    [ "$status" = 200 ] || fail "the origin of a proxy: $status"
    end
}

# A viewer is on while strangers try; it misses nothing.
strangers() {
    mkfifo feed
    exec 3<> feed
    serve strangers feed --log=strange
    says 1 >&3
    until_so 'the session is there' gets /api/sessions/s/history 'word 1'
    curl -s -N --max-time 20 -H "$let_in" "$site/api/events?session=s" > stream 2> /dev/null & viewer=$!
    until_so 'a viewer is on' has stream 'word 1'
    refused 401 no_token /api/list
    refused 401 no_token /api/list -H 'Authorization: Bearer 0123456789abcdef'
    refused 401 no_token '/?token=wrong'
    refused 403 bad_host /api/list -H "$let_in" -H 'Host: evil.example'
    refused 403 bad_origin /api/list -H "$let_in" -H 'Origin: http://evil.example'
    refused 405 bad_method /api/list -X PUT -H "$let_in"
    refused 415 bad_content_type /api/sessions/s/cancel -H "$let_in" -d '{}'
    refused 403 not_allowed /api/sessions/s/cancel -H "$let_in" -H 'Content-Type: application/json' -d '{}'
    for path in /../../etc/passwd /%2e%2e/%2e%2e/etc/passwd /live/../state/asm-live/token //etc/passwd; do
        refused 404 not_found "$path" -H "$let_in"
    done
    refused 404 not_found '/api/sessions/..%2f..%2fetc/history' -H "$let_in"
    for id in x 1 1. .1 -1.1 1.1.1 99999999999999999999.1 1.99999999999999999999; do
        refused 400 bad_request '/api/events?session=s' -H "$let_in" -H "Last-Event-ID: $id"
        refused 400 bad_request "/api/events?session=s&after=$id" -H "$let_in"
    done
    refused 400 bad_request '/api/sessions/s/event?number=0' -H "$let_in"
    head -c 1100000 /dev/zero | tr '\0' 1 > large
    refused 413 too_large /api/sessions/s/message -H "$let_in" -H 'Content-Type: application/json' --data-binary @large
    get /api/list -H "$let_in" -H "X-Long: $(head -c 40000 /dev/zero | tr '\0' 1)"
    [ "$status" = 431 ] || fail "headers over 16 KiB: $status"
    # one that never ends its request
    { printf 'GET /api/list HTTP/1.1\r\n'; sleep 5; } | curl -s --max-time 5 "telnet://${site#http://}" > /dev/null 2>&1 & slow=$!
    for number in 2 3 4 5; do says $number >&3; done
    until_so 'the viewer has what came meanwhile' has stream 'word 5'
    kill $viewer $slow 2> /dev/null
    [ "$(sed -n 's/^id: [0-9]*\.//p' stream | tr '\n' ' ')" = '1 2 3 4 5 ' ] || fail "the viewer has: $(cat stream)"
    exec 3>&-
    end
}

tls() {
    command -v openssl > /dev/null || { echo "skipped: TLS: $no_openssl"; return; }
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 2 \
        -subj /CN=box.example -addext 'subjectAltName=DNS:box.example,IP:127.0.0.1' 2> /dev/null || { fail 'no certificate'; return; }
    says 1 > secure
    serve tls secure --log=tls --listen=127.0.0.1 --tls-cert=cert.pem --tls-key=key.pem
    case $site in https://127.0.0.1:*) ;; *) fail "TLS: the address is $site" ;; esac
    until_so 'TLS: its session' gets /api/sessions/s/history 'word 1' cert.pem
    curl -s --max-time 10 --cacert cert.pem -H "$let_in" "$site/api/sessions/s/history" > body
    has body 'word 1' || fail 'TLS: no events'
    curl -s --max-time 10 "$site/api/list" > body
    [ $? -eq 60 ] || fail 'TLS: its certificate was not looked at'
    curl -s --max-time 10 -D head --cacert cert.pem "$site/?token=${let_in##* }" > body
    has head 'HttpOnly; SameSite=Strict; Secure' || fail "TLS: the cookie: $(cat head)"
    curl -s -N --max-time 2 --cacert cert.pem -H "$let_in" "$site/api/events?session=s" > stream
    has stream '^id: [0-9]*\.1$' || fail 'TLS: no stream'
    curl -s --max-time 5 -H "$let_in" "http://${site#https://}/api/list" > body 2>&1 && has body rows && fail 'it is told without TLS'
    end
    cannot 'go together' --tls-cert=cert.pem
    cannot 'no.pem' --tls-cert=no.pem --tls-key=key.pem
    cannot '.' --tls-cert=key.pem --tls-key=cert.pem
    serve open /dev/null --log=tls --listen=0.0.0.0 --host=box.example
    has open.err 'WARNING: .*without TLS' || fail 'no warning without TLS'
    end
}
# cannot REASON OPTION...: it does not start, and says why.
cannot() {
    reason=$1
    shift
    timeout 10 "$live" --port=0 "$@" < /dev/null > out 2>&1
    got=$?
    [ $got -eq 2 ] && has out "$reason" || fail "$*: status $got: $(cat out)"
}

# A real agent's server, decided and spoken to from the page.
agent() {
    [ -x "$build/asm-agent" ] || { echo "skipped: asm-agent: $no_curl"; return; }
    [ -n "$tmux" ] || { echo "skipped: asm-agent --live: $no_tmux"; return; }
    mkdir here
    "$build/mock_llm" --port 0 --log requests > model.url 2> /dev/null & running="$running $!"
    until_so 'a model' [ -s model.url ]
    tmux -f /dev/null new-session -d -x 100 -y 50 -c "$work/here" "ANTHROPIC_API_KEY=k LC_ALL=C.UTF-8 TERM=screen '$build/asm-agent' \
        -u '$(head -n 1 model.url)' --api=anthropic -m model-1 --live=0 --jsonl='$work/agent.jsonl' 2> '$work/agent.url'; sleep 100"
    address agent.url
    tmux send-keys 'call run_command {"command":"touch by_page"}' Enter
    waits() { gets /api/list '"lane":"needs_you"' && has body '"needs":{"kind":"approval","interrupt"'; }
    until_so 'it waits for a person' waits
    key=$(sed -n 's/.*"key":"\([^"]*\)".*/\1/p' body)
    call=$(sed -n 's/.*"needs":{[^}]*"tool_call_id":"\([^"]*\)".*/\1/p' body)
    number=$(sed -n 's/.*"interrupt":\([0-9]*\).*/\1/p' body)
    decision="{\"interrupt\":$number,\"decisions\":[{\"tool_call_id\":\"$call\",\"type\":\"approve\"}]}"
    refused 409 not_waiting "/api/sessions/$key/resume" -H "$let_in" -H 'Content-Type: application/json' -d '{"interrupt":99,"answer":"x"}'
    [ ! -e here/by_page ] || fail 'it ran before it was approved'
    post "/api/sessions/$key/resume" "$decision"
    [ "$status" = 200 ] || fail "approving: $status $(cat body)"
    until_so 'what was approved runs' [ -e here/by_page ]
    refused 409 already_decided "/api/sessions/$key/resume" -H "$let_in" -H 'Content-Type: application/json' -d "$decision"
    until_so 'the run ends' gets /api/list '"lane":"done"'
    post "/api/sessions/$key/message" '{"text":"said on the page"}'
    [ "$status" = 200 ] || fail "a message: $status $(cat body)"
    until_so 'the model is told' has requests 'said on the page'
    until_so 'it answers' gets "/api/sessions/$key/history?last=1" 'You said: said on the page'
    post "/api/sessions/$key/message" '{"text":"call run_command {\"command\":\"touch never\"}"}'
    until_so 'it waits again' waits
    post "/api/sessions/$key/cancel" '{}'
    [ "$status" = 200 ] || fail "cancelling: $status $(cat body)"
    until_so 'the run is cancelled' has agent.jsonl run_cancelled
    [ ! -e here/never ] || fail 'a cancelled call ran'
    get "/api/sessions/$key/state" -H "$let_in"
    [ "$status" = 200 ] && has body 'said on the page' || fail "the state: $status"
    tmux kill-server
}

# Each member and each code that the server writes stands in the page about it.
protocol() {
    sed -n 's/.*live__write_[a-z]*(&\{0,1\}writer, "\([a-z_]*\)".*/\1/p; s/.*live__refuse(connection, [^,]*, "\([a-z_]*\)".*/\1/p
        s/.*live__make_refused([^,]*, "\([a-z_]*\)".*/\1/p; s/.*asm_json_write_key(&\{0,1\}writer, ASM_STR("\([a-z_]*\)").*/\1/p' "$source/examples/live_server.h" | sort -u > told
    [ "$(wc -l < told)" -gt 40 ] || fail "hardly any members: $(cat told)"
    while read -r name; do
        grep -q "[\"\`]$name[\"\`]" "$source/docs/live-protocol.md" || fail "docs/live-protocol.md says nothing of $name"
    done < told
}

inputs
names
protocol
strangers
tls
agent
[ $failed -eq 0 ] && echo 'live: all ways'
exit $((failed > 0))
