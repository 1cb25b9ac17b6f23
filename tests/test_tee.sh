#!/bin/sh
# asm-tee between a program and whoever talks with it: nothing that passes is changed, whatever becomes of the copy.
#     sh tests/test_tee.sh
set -u
cd "$(dirname "$0")/.." || exit 1
build=$(cd "${BUILD:-build}" && pwd)
tee=$build/asm-tee
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

# check WHAT COMMAND...: the command must succeed.
check() {
    what=$1
    shift
    "$@" || { echo "not so: $what"; failed=$((failed + 1)); }
}

# status EXPECTED COMMAND...: the exit status.
status() {
    expected=$1
    shift
    "$@" > "$work/out" 2> "$work/err" < /dev/null
    got=$?
    [ "$got" -eq "$expected" ] || { echo "status $got, expected $expected: $*"; cat "$work/err"; failed=$((failed + 1)); }
}

"$tee" --help > "$work/help"
check 'exit statuses of three digits stand in --help' grep -q '^  126  COMMAND cannot be started' "$work/help"
check 'and the others below each other' grep -q '^  2    wrong usage' "$work/help"
"$tee" --man > "$work/man"
check 'and in the manual page' grep -q '^\.B 126$' "$work/man"

session=examples/data/claude_session.jsonl
seq 1 200000 > "$work/big"
head -c 3000000 /dev/urandom >> "$work/big"

"$tee" -- cat < "$work/big" > "$work/through" 2> "$work/err"
check 'messages are few' [ "$(wc -l < "$work/err")" -le 20 ]
check 'all bytes pass both ways' cmp -s "$work/big" "$work/through"
"$tee" --jsonl="$work/log" -- cat "$session" > "$work/through" 2> "$work/err"
check 'a session passes' cmp -s "$session" "$work/through"
"$build/asm-cat" --jsonl=- < "$session" > "$work/events" 2> /dev/null
# The times of the events that have none are the clock's. A slow machine may need longer for the log.
sed 's/"ts":"[^"]*"//' "$work/events" > "$work/events.plain"
same_log() { sed 's/"ts":"[^"]*"//' "$work/log" | cmp -s - "$work/events.plain"; }
n=0
until same_log || [ $n -ge 100 ]; do sleep 0.1; n=$((n + 1)); done
check 'the log has the events' same_log

"$tee" --view -- cat "$session" > "$work/through" 2> "$work/view"
check 'what is shown is not in the way' cmp -s "$session" "$work/through"
check 'it is shown' grep -q 'Session complete' "$work/view"

status 0 "$tee" -- true
status 7 "$tee" -- sh -c 'exit 7'
if [ -c /dev/full ]; then
    status 7 "$tee" --jsonl=/dev/full --wire=otlp:/dev/full --view -- sh -c "cat '$session'; exit 7"
    check 'what fails in the copy is told' grep -q '/dev/full: No space left on device' "$work/err"
    check 'and the session passes' cmp -s "$session" "$work/out"
fi
status 143 "$tee" -- sh -c 'kill -TERM $$'
status 127 "$tee" -- "$work/no such program"
status 2 "$tee" --jsonl -- true
check 'a forgotten path is no command' grep -q 'asm-tee: --jsonl needs a value: PATH' "$work/err"
status 2 "$tee" --wire=ag-ui:"$work/both" --wire=acp:"$work/both" -- true
check 'two outputs are not mixed in a file' grep -q 'give each a file of its own' "$work/err"
status 0 "$tee" --jsonl=/dev/null --log=/dev/null -- true
: > "$work/not executable"
status 126 "$tee" -- "$work/not executable"
status 2 "$tee"
status 2 "$tee" --jsonl=- -- true
status 2 "$tee" --jsonl="$work/no folder/log" -- sh -c "touch '$work/started'"
check 'nothing starts when an output cannot be opened' [ ! -e "$work/started" ]

# A copy that cannot be written, or is not read.
if [ -e /dev/full ]; then
    "$tee" --log=/dev/full -- cat < "$work/big" > "$work/through" 2> /dev/null
    check 'a full disk is not in the way' cmp -s "$work/big" "$work/through"
    "$tee" -- echo hello > /dev/full 2> "$work/err"
    check 'what cannot be passed on is no success' [ $? -eq 2 ]
    check 'and is told' grep -q '^asm-tee: standard output: ' "$work/err"
    "$tee" -- sh -c 'echo hello; exit 7' > /dev/full 2> "$work/err"
    check "the command's own failure counts" [ $? -eq 7 ]
fi
mkfifo "$work/fifo"
sleep 20 < "$work/fifo" &
sleeper=$!
for n in 1 2 3 4 5 6 7 8; do cat "$session"; done > "$work/long"
"$tee" --jsonl="$work/fifo" -- cat "$work/long" > "$work/through" 2> /dev/null
check 'a reader that has stopped is not in the way' cmp -s "$work/long" "$work/through"
kill "$sleeper" 2> /dev/null

# Nobody reads any more: the command ends by the closed pipe, as it does by itself.
("$tee" -- sh -c 'trap "" PIPE; while echo x; do :; done 2> /dev/null; echo ended > "$1"' sh "$work/ended") 2> /dev/null | head -n 1 > /dev/null
check 'a closed output reaches the command' test -s "$work/ended"

# A signal goes on to the command, whose status counts.
for signal in TERM USR1; do
    rm -f "$work/ready"
    "$tee" -- sh -c 'trap "exit 9" "$2"; echo ready > "$1"; while :; do sleep 0.1; done' sh "$work/ready" $signal &
    pid=$!
    n=0
    while [ ! -s "$work/ready" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
    kill -$signal "$pid"
    wait "$pid"
    check "$signal reaches the command" [ $? -eq 9 ]
done

# What is ignored stays so: the command writes into a closed pipe and goes on, as it does by itself.
(trap "" PIPE; "$tee" -- sh -c 'while echo x; do :; done 2> /dev/null; echo on > "$1"' sh "$work/on" 2> /dev/null) |
    head -n 1 > /dev/null
n=0
while [ ! -s "$work/on" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
check 'an ignored signal stays ignored' test -s "$work/on"

[ "$failed" -eq 0 ]
