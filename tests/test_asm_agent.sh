#!/bin/sh
# asm-agent against a model that is not there: one question, a pipe, files and commands, the key, kill -9, a terminal.
#     sh tests/test_asm_agent.sh
set -u
cd "$(dirname "$0")/.." || exit 1
build=$(cd "${BUILD:-build}" && pwd)
agent=$build/asm-agent
mock=$build/mock_llm
[ -x "$agent" ] || { echo "skipped: asm-agent: $(sh tests/hint.sh curl)"; exit 0; }
[ -x "$mock" ] || { echo "skipped: asm-agent: $(sh tests/hint.sh microhttpd)"; exit 0; }
work=$(mktemp -d) || exit 1
key=sk-ant-THE-KEY-OF-THE-TEST
tmux=$(command -v tmux) # if there is one
tmux() { "$tmux" -S "$work/tmux" "$@"; }
trap 'tmux kill-server 2> /dev/null; kill $mocks 2> /dev/null; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mocks=
failed=0
patience=200 # looks, 20 in a second; few once something is wrong
XDG_STATE_HOME=$work/state
ANTHROPIC_API_KEY=$key
export XDG_STATE_HOME ANTHROPIC_API_KEY
unset OPENAI_API_KEY http_proxy https_proxy

# check WHAT COMMAND...: the command must succeed.
check() {
    what=$1
    shift
    "$@" || { echo "not so: $what"; failed=$((failed + 1)); }
}
has() { grep -q -e "$2" "$1" || { echo "--- $1:"; tail -n 30 "$1"; false; }; }
hasnt() { ! grep -q -e "$2" "$1"; }

# model NAME [SCRIPT]: starts one; its URL is then in $url. Without a script it does what it is told.
model() {
    "$mock" --port 0 --key "x-api-key: $key" --log "$work/$1.requests" ${2:+--script "$2"} > "$work/$1.url" 2> "$work/$1.err" &
    mocks="$mocks $!"
    n=0
    until [ -s "$work/$1.url" ] || [ $n -ge 100 ]; do sleep 0.05; n=$((n + 1)); done
    url=$(head -n 1 "$work/$1.url")
}

# ask EXPECTED-STATUS ARGUMENT...: one question in the directory; what it prints is in $work/out and $work/err.
ask() {
    expected=$1
    shift
    (cd "$work/here" && "$agent" -u "$url" --api=anthropic -m model-1 "$@") > "$work/out" 2> "$work/err" < /dev/null
    got=$?
    cat "$work/out" "$work/err" >> "$work/all"
    [ "$got" -eq "$expected" ] || { echo "status $got, expected $expected: $*"; cat "$work/out" "$work/err"; failed=$((failed + 1)); }
}

mkdir -p "$work/here/sub" "$work/outside"
echo 'secret' > "$work/outside/secret"
printf 'int a;\nint b;\n' > "$work/here/a.c"
ln -s ../outside "$work/here/away"
model echo

ask 0 hello
check 'it answers' has "$work/out" 'You said: hello'
ask 0 -q hello there
check 'only the answer' [ "$(cat "$work/out")" = 'You said: hello there' ]
(cd "$work/here" && echo from a pipe | "$agent" -q -u "$url" --api=anthropic -m model-1) > "$work/out" 2>&1
check 'a pipe is a prompt' [ "$(cat "$work/out")" = 'You said: from a pipe' ]
(cd "$work/here" && echo from a pipe | "$agent" -q -u "$url" --api=anthropic -m model-1 before -) > "$work/out" 2>&1
check 'a pipe is a part of it' has "$work/out" 'from a pipe'
if [ -c /dev/full ]; then
    for quiet in -q ''; do
        # shellcheck disable=SC2086  # none or one option
        (cd "$work/here" && "$agent" $quiet -u "$url" --api=anthropic -m model-1 hello) > /dev/full 2> "$work/err" < /dev/null
        got=$?
        check "status $got: the answer could not be written ($quiet)" [ "$got" -eq 2 ]
        check 'which is said' has "$work/err" 'standard output: No space left on device'
    done
fi
ask 0 --jsonl="$work/log.jsonl" --envelopes="$work/log.envelopes" 'call read_file {"path":"a.c"}'
check 'it reads' has "$work/out" 'Read a.c (2 lines)'
check 'events are logged' has "$work/log.jsonl" '"type":"tool_call_completed"'
"$build/asm-cat" "$work/log.jsonl" > "$work/cat" 2>&1
check 'asm-cat shows the log' has "$work/cat" 'Read a.c (2 lines)'

# What nobody can approve is not done; what was approved in advance is.
ask 0 'call write_file {"path":"new","content":"x"}'
check 'nobody was asked, nothing is written' [ ! -e "$work/here/new" ]
check 'it says so' has "$work/err" 'nobody can be asked'
ask 0 'call run_command {"command":"touch ran"}'
check 'nobody was asked, nothing runs' [ ! -e "$work/here/ran" ]
ask 0 --allow=edit 'call write_file {"path":"sub/new","content":"x\n"}'
check 'it writes' [ "$(cat "$work/here/sub/new")" = x ]
ask 0 --allow=edit 'call edit_file {"path":"a.c","old_string":"int b;","new_string":"int c;"}'
check 'it edits' [ "$(tail -n 1 "$work/here/a.c")" = 'int c;' ]
ask 0 --allow=edit 'call run_command {"command":"touch ran"}'
check 'one of both is not both' [ ! -e "$work/here/ran" ]
ask 0 --allow=run 'call run_command {"command":"echo \"[$ANTHROPIC_API_KEY]\"; exit 3"}'
check 'a command has no key' has "$work/out" '\[\]'
check 'its exit status' has "$work/out" 'exit 3'
ask 0 --allow=edit 'call write_file {"path":"away/secret","content":"x"}'
ask 0 --allow=edit 'call write_file {"path":"../outside/secret","content":"x"}'
ask 0 'call read_file {"path":"away/secret"}'
check 'nothing leads out' [ "$(cat "$work/outside/secret")" = secret ]
check 'it says why' has "$work/out" 'outside of the working directory'
begin=$(date +%s)
ask 0 --allow=run 'call run_command {"command":"sleep 60 & sleep 60","timeout_seconds":1}'
check 'commands end in time' [ $(($(date +%s) - begin)) -lt 30 ]
check 'it says that it ended it' has "$work/out" 'ended after 1 s'
ask 0 'call todo_write {"todos":[{"content":"look","status":"completed"},{"content":"change it","status":"in_progress"}]}'
check 'todos' has "$work/out" 'change it'
ask 0 'call grep {"pattern":"^int","glob":"*.c"}'
check 'it searches' has "$work/out" 'a.c:1:int a;'

# Conversations.
ask 0 the first
ask 0 --continue the second
check 'it goes on' has "$work/echo.requests" 'the first.*the second'
ask 0 --list
id=$(head -n 1 "$work/out" | cut -d ' ' -f 1)
check 'they are listed' has "$work/out" 'the first'
ask 0 --resume="$id" the third
check 'it goes on with one' has "$work/echo.requests" 'the first.*the second.*the third'
ask 2 --resume=nothing x
ask 2 --resume=../../x x
check 'files are private' [ -z "$(find "$work/state" -type f -perm /077; find "$work/state/asm-agent" -type d -perm /077)" ]

# No room on the disk: said once, by its reason.
long=$(printf '%01500d' 0)
(cd "$work/here" && trap '' XFSZ && ulimit -f 1 && "$agent" -u "$url" --api=anthropic -m model-1 "$long" 2>&1) | cat > "$work/out"
check 'it answers all the same' has "$work/out" 'You said: 000'
check 'why nothing is kept' has "$work/out" 'the conversation is not kept: writing [^:]*: '
check 'that is said once' [ "$(grep -c 'not kept' "$work/out")" -eq 1 ]

# Servers that talk nonsense.
cat > "$work/bad.script" << 'END'
{"status":401,"error":{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key: sk-ant-THE-KEY-OF-THE-TEST"}}}
{"status":404,"raw":"<html>nothing here</html>"}
{"status":403,"raw":"{\"detail\":{\"headers\":{\"x-api-key\":\"sk-ant-THE-KEY-OF-THE-TEST\"}}}"}
END
model bad "$work/bad.script"
ask 1 hello
check 'the reason' has "$work/out" 'invalid x-api-key'
check 'it is told once' [ "$(grep -c 'invalid x-api-key' "$work/out")" -eq 1 ]
ask 1 hello
check 'what came' has "$work/out" 'nothing here'
ask 1 --jsonl="$work/bad.jsonl" --envelopes="$work/bad.envelopes" --wire=otlp:"$work/bad.wire" --log="$work/bad.log" hello
check 'a key in what is not understood' has "$work/bad.jsonl" '\*\*\*'

# Keys in the URL.
# As they stand there, as they are, and as they are sent.
secrets='PASS-WORD.*JOE\|KEY-IN.*QUERY\|am9lOlBBU1M'
cat > "$work/url.script" << 'END'
{"status":401,"error":{"type":"error","error":{"type":"authentication_error","message":"no: joe:PASS-WORD%2FOF%40JOE, PASS-WORD/OF@JOE, am9lOlBBU1MtV09SRC9PRkBKT0U=, KEY-IN%2BTHE-QUERY, KEY-IN+THE-QUERY; 1"}}}
END
model url "$work/url.script"
server=${url#http://}
url="http://joe:PASS-WORD%2FOF%40JOE@$server/v1/messages?api-key=KEY-IN%2BTHE-QUERY&version=1"
ask 1 --jsonl="$work/url.jsonl" hello
check 'the secrets of the URL are not told' has "$work/out" 'no: \*\*\*, \*\*\*, \*\*\*, \*\*\*, \*\*\*; 1'
ask 0 hello
check 'a query comes after the path' has "$work/out" 'You said: hello'
url="http://joe:PASS-WORD/OF-JOE@$server"
ask 2 hello
check 'half a password is no host' has "$work/err" 'the port is no number'

# A core of the process, where the system writes one there.
mkdir "$work/core"
# dies ID: kills it, and tells how it has ended.
dies() {
    kill -SEGV "$1"
    { wait "$1"; } 2> /dev/null
}
dumping() { cd "$work/core" && ulimit -c unlimited && exec "$@" > /dev/null 2>&1; }
dumping env -u ANTHROPIC_API_KEY sleep 60 2> /dev/null &
sleep 0.2
dies $!
if [ -n "$(ls "$work/core")" ]; then
    rm -f "$work"/core/*
    echo '{"delay_ms":20000}' > "$work/core.script"
    model core "$work/core.script"
    dumping "$agent" -u "$url" --api=anthropic -m model-1 hello &
    n=0
    until [ -s "$work/core.requests" ] || [ $n -ge 100 ]; do sleep 0.05; n=$((n + 1)); done
    dies $!
    check 'it has ended' [ $? -eq 139 ]
    check 'no core' [ -z "$(ls "$work/core")" ]
fi

# Servers that speak something else.
model plain
plain=$url
url=https${plain#http}
begin=$(date +%s)
ask 1 hello
check 'no https there: not tried again' [ $(($(date +%s) - begin)) -lt 5 ]
check 'it says so' has "$work/out" 'does this port speak https'
url=ftp${plain#http}
ask 2 hello

# Killed while a tool runs: nothing of it goes on, and the model learns that it was cut.
model kill
(cd "$work/here" && exec "$agent" -u "$url" --api=anthropic -m model-1 --allow=run \
    'call run_command {"command":"touch begun; sleep 1; touch late"}') > "$work/out" 2>&1 < /dev/null &
pid=$!
n=0
until [ -e "$work/here/begun" ] || [ $n -ge 200 ]; do sleep 0.05; n=$((n + 1)); done
kill -9 "$pid"
wait "$pid" 2> /dev/null
ask 0 --continue 'go on'
check 'the model learns that it was cut' has "$work/kill.requests" 'Whether it ran is not known'
sleep 1
check 'the command ended as well' [ ! -e "$work/here/late" ]

# An editor.
send() { printf '%s\n' "$1" >&3; }
# hear TEXT: waits until the editor has been sent it.
hear() {
    n=0
    until grep -q -e "$1" "$work/acp"; do
        n=$((n + 1))
        [ $n -lt $patience ] || { echo "not sent: $1"; tail -n 5 "$work/acp" | cut -c 1-300; failed=$((failed + 1)) patience=20; return; }
        sleep 0.05
    done
}
prompt() { send '{"jsonrpc":"2.0","id":'"$1"',"method":"session/prompt","params":{"sessionId":"'"$session"'","prompt":[{"type":"text","text":"'"$2"'"}]}}'; }
allow() { send '{"jsonrpc":"2.0","id":'"$(grep session/request_permission "$work/acp" | tail -n 1 | sed 's/.*"id":\("[^"]*"\).*/\1/')"',"result":{"outcome":{"outcome":"selected","optionId":"'"$1"'"}}}'; }
# edit: starts the program for an editor.
edit() {
    : > "$work/acp"
    "$agent" -u "$url" --api=anthropic -m model-1 --acp < "$work/fifo" > "$work/acp" 2>> "$work/all" &
    pid=$!
    exec 3> "$work/fifo"
    send '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":1,"clientCapabilities":{}}}'
    hear '"id":1,"result":{"protocolVersion":1'
}
mkfifo "$work/fifo"
model acp
edit
send '{"jsonrpc":"2.0","id":2,"method":"session/new","params":{"cwd":"'"$work/here"'","mcpServers":[]}}'
hear '"id":2,"result"'
session=$(sed -n 's/.*"sessionId":"\([^"]*\)"}}$/\1/p' "$work/acp")
prompt 3 'call write_file {\"path\":\"by_editor\",\"content\":\"one\\n\"}'
hear 'session/request_permission.*"type":"diff"'
check 'nothing is written before it is allowed' [ ! -e "$work/here/by_editor" ]
allow allow
hear '"id":3,"result":{"stopReason":"end_turn"'
check 'it was allowed' [ "$(cat "$work/here/by_editor")" = one ]
prompt 4 'call run_command {\"command\":\"touch refused\"}'
hear 'session/request_permission.*touch refused'
allow reject
hear '"id":4,"result":{"stopReason":"end_turn"'
check 'it was refused' [ ! -e "$work/here/refused" ]
prompt 5 'call run_command {\"command\":\"touch waits\"}'
hear 'session/request_permission.*touch waits'
send '{"jsonrpc":"2.0","method":"session/cancel","params":{"sessionId":"'"$session"'"}}'
hear '"id":5,"result":{"stopReason":"cancelled"'
allow allow
send '{"jsonrpc":"2.0","id":6,"method":"no/such","params":{}}'
hear '"id":6,"error":{"code":-32601'
send 'nonsense'
hear '"id":null,"error":{"code":-32700'
prompt 7 again
hear '"id":7,"result":{"stopReason":"end_turn"'
check 'allowed too late' [ ! -e "$work/here/waits" ]
prompt 8 'call run_command {\"command\":\"touch later\"}'
hear 'session/request_permission.*touch later'
kill -9 "$pid"
wait "$pid" 2> /dev/null
exec 3>&-
edit
send '{"jsonrpc":"2.0","id":9,"method":"session/load","params":{"sessionId":"'"$session"'","cwd":"'"$work/here"'","mcpServers":[]}}'
hear '"id":9,"result"'
check 'what was said is told again' has "$work/acp" 'user_message_chunk.*by_editor'
check 'and what was done' has "$work/acp" '"toolCallId":"[^"]*".*write_file'
prompt 10 'go on'
hear 'session/request_permission.*touch later'
allow always
hear '"id":10,"result":{"stopReason":"end_turn"'
check 'asked again' [ -e "$work/here/later" ]
exec 3>&-
wait "$pid"
check 'it ends with its input' [ $? -eq 0 ]
cat "$work/acp" >> "$work/all"

# A terminal.
screen() { tmux capture-pane -p -S - > "$work/screen"; cat "$work/screen" >> "$work/all"; }
# see TEXT: waits until the screen has it.
see() {
    n=0
    until screen && { grep -q -e "$1" "$work/screen" || tr '\n' ' ' < "$work/screen" | grep -q -e "$1"; }; do
        n=$((n + 1))
        [ $n -lt $patience ] || { echo "not on the screen: $1"; sed '/^$/d' "$work/screen" | tail -n 12; failed=$((failed + 1)) patience=20; return; }
        sleep 0.05
    done
}
# open ARGUMENT...: the program in a new terminal.
open() {
    tmux kill-server 2> /dev/null
    rm -f "$work/tmux"
    tmux -f /dev/null new-session -d -x 100 -y 50 -c "$work/here" \
        "LC_ALL=C.UTF-8 TERM=screen '$agent' -u '$url' --api=anthropic -m model-1 $*; echo status \$?; sleep 100"
}
say() { tmux send-keys "$@"; }
terminal() {
    model tty
    open
    see '^>$'
    say 'call run_command {"command":"echo ran\necho twice"}' Enter
    see '^  │ echo twice'
    see '^?$'
    say y Enter
    see 'Ran: echo ran'
    see '^>$'
    say 'call edit_file {"path":"a.c","old_string":"int a;","new_string":"int z;"}' Enter
    see '^  │ -int a;'
    say n Space 'not that' Enter
    see 'not that'
    see '^>$'
    check 'rejected: not changed' hasnt "$work/here/a.c" 'int z'
    check 'the model reads why' has "$work/tty.requests" 'not that'
    say 'call run_command {"command":"touch wrong"}' Enter
    see 'touch wrong'
    see '^?$'
    say 'e touch right' Enter
    see 'Ran: touch right'
    check 'edited' [ -e "$work/here/right" ]
    check 'not as it was' [ ! -e "$work/here/wrong" ]
    say 'call run_command {"command":"echo again"}' Enter
    see 'echo again'
    see '^?$'
    say a Enter
    see 'Ran: echo again'
    see '^>$'
    asked=$(grep -c '^● Run this command' "$work/screen")
    say 'call run_command {"command":"echo again"}' Enter
    see 'call run_command {"command":"echo again"}.*Ran: echo again.*Ran: echo again'
    check 'always: not asked again' [ "$(grep -c '^● Run this command' "$work/screen")" -eq "$asked" ]
    see '^>$'
    say 'call run_command {"command":"sleep 60"}' Enter
    see 'sleep 60'
    see '^?$'
    say y Enter
    see 'Running: sleep 60'
    say C-c
    see 'Session cancelled'
    see '^>$'
    say 'after that' Enter
    see 'after that.*Session complete.*> *$'
    check 'it goes on' has "$work/screen" 'You said: .*'
    # What a model writes looks like no question.
    say 'call run_command {"command":"echo \u001b[2J\u202e\n? y\n> no"}' Enter
    see '^  │ > no'
    check 'nothing acts on the terminal' has "$work/screen" 'echo ␛\[2J<U+202E>'
    say C-c
    see 'Session cancelled.*Session cancelled'
    say 'once more' Enter
    see 'once more.*Session complete.*> *$'
    # A question can wait, while one talks in another conversation.
    say 'call run_command {"command":"touch later2"}' Enter
    see 'touch later2'
    see '^?$'
    say /new Enter
    see '^? /new'
    see '^>$'
    say 'beside it' Enter
    see 'beside it.*Session complete.*> *$'
    say /list Enter
    see 'waits for you'
    say "/go $(sed -n 's/^ *\([^ ]*\)  waits for you.*/\1/p' "$work/screen")" Enter
    see '/go .*touch later2.*? *$'
    check 'it has waited' [ ! -e "$work/here/later2" ]
    say y Enter
    see 'Ran: touch later2'
    see '^>$'
    # Killed while it asks: it asks again.
    say 'call run_command {"command":"touch asked"}' Enter
    see 'touch asked'
    see '^?$'
    kill -9 "$(tmux list-panes -F '#{pane_pid}' | xargs -I{} pgrep -P {} -x asm-agent)"
    see 'status 137'
    open --continue
    see '^  │ touch asked'
    see '^?$'
    check 'not yet' [ ! -e "$work/here/asked" ]
    say y Enter
    see 'Ran: touch asked'
    check 'then' [ -e "$work/here/asked" ]
    see '^>$'
    say C-c
    see 'once more'
    say C-c
    see 'status 130'
    check 'no question after the end' hasnt "$work/screen" '^> status'
    # What was typed before the question is no answer to it.
    echo '{"delay_ms":2000,"calls":[{"id":"c1","name":"run_command","arguments":{"command":"touch hasty"}}]}' > "$work/slow.script"
    model slow "$work/slow.script"
    open
    see '^>$'
    say 'do it' Enter
    see 'session started'
    say y
    screen
    early=$(grep -c 'touch hasty' "$work/screen")
    see '^  │ touch hasty'
    see '^?'
    say Enter
    [ "$early" -ne 0 ] || see 'please y, a'
    [ "$early" -ne 0 ] || check 'typed too early' [ ! -e "$work/here/hasty" ]
}
if [ -n "$tmux" ]; then terminal; else echo "skipped: a terminal: $(sh tests/hint.sh tmux)"; fi

check 'no key is anywhere' [ -z "$(grep -rl -e "$key" -e "$secrets" "$work" | grep -v -e '\.script$' -e '\.requests$')" ]
[ "$failed" -eq 0 ]
