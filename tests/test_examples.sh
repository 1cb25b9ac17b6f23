#!/bin/sh
# Runs the examples of asm_pubsub.h and asm_agent.h and compares what they print with tests/golden/examples:
#     sh tests/test_examples.sh
# They have to be built. What they print to stderr counts where there is a NAME.stderr.txt.
set -u
cd "$(dirname "$0")/.." || exit 1
golden=tests/golden/examples
examples=${BUILD:-build}/examples
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export NO_COLOR=1 LC_ALL=C.UTF-8
failed=0

fail() {
    echo "$*"
    failed=1
}

# run NAME EXAMPLE [ARGUMENT...]: what it prints goes to $work/NAME.txt and .stderr.txt.
run() {
    name=$1 example=$2
    shift 2
    "$examples/$example" "$@" > "$work/$name.txt" 2> "$work/$name.stderr.txt" ||
        fail "$name: exit status is not 0"
}

compare() {
    for expected in "$golden/$1.txt" "$golden/$1.stderr.txt"; do
        [ -f "$expected" ] || continue
        diff -u "$expected" "$work/$(basename "$expected")" || failed=1
    done
}

for name in live_fanout callback_composition custom_sink_migration worker_mailbox many_threads last_viewer own_tools; do
    run "$name" "$name"
    if [ "$name" = worker_mailbox ]; then # how many pieces of text come as one depends on how the threads run
        sed 's/--- [0-9]* events/--- N events/' "$work/$name.txt" > "$work/steady"
        mv "$work/steady" "$work/$name.txt"
    fi
    compare "$name"
done

# Decisions: one that is none, an edit, a rejection; an approval, and nobody there for the other one.
printf 'yes\ne {"path":"old.log"}\nr keep it\n' > "$work/decisions"
run approve_tool approve_tool < "$work/decisions"
compare approve_tool
echo a > "$work/decisions"
run approve_tool_alone approve_tool < "$work/decisions"
compare approve_tool_alone

# A conversation is kept, and one that is damaged is not touched.
mkdir "$work/state"
file=$work/state/agent-gardener.jsonl
run kept approve_tool --state "$work/state" < "$work/decisions"
grep -q '"output":"deleted notes.txt"' "$file" && grep -q '"status":"declined","output":"nobody answered"' "$file" ||
    fail 'approve_tool: the conversation was not kept'
{ head -n 2 "$file"; echo '{"version":1,'; } > "$work/damaged"
cp "$work/damaged" "$file"
if "$examples/approve_tool" --state "$work/state" < /dev/null > /dev/null 2> "$work/message"; then
    fail 'approve_tool: it started from a damaged file'
fi
grep -q 'agent-gardener.jsonl is damaged' "$work/message" || fail 'approve_tool: the damage is not told'
cmp "$work/damaged" "$file" || fail 'approve_tool: the damaged file was changed'

for name in llm_subagent llm_approval llm_embedded; do
    run "$name" "$name"
    compare "$name"
done
run llm_approval_reject llm_approval reject
compare llm_approval_reject

run fleet fleet -n 7 -s 3
compare fleet
run fleet_of_100 fleet
tail -n 1 "$work/fleet_of_100.txt" > "$work/summary" && mv "$work/summary" "$work/fleet_of_100.txt"
compare fleet_of_100

# On a terminal: only our own escape sequences, and all that was switched is switched back.
printf '%s\n' '{"type":"message_streamed","data":{"delta":"\u001b]0;forged\u0007\u001b[2J\u202e"}}' \
    '{"type":"run_completed"}' > "$work/hostile.jsonl"
if command -v script > /dev/null && script -qec true /dev/null > /dev/null 2>&1; then
    LC_ALL=C.UTF-8 script -qec "$examples/fleet -n 3 '$work/hostile.jsonl'" /dev/null \
        < /dev/null > "$work/terminal"
    escape=$(printf '\033')
    grep -q '␛]0;forged' "$work/terminal" || fail 'fleet: the text is not shown'
    sed "s/$escape\[[0-9]*[AJK]//g; s/$escape\[?\(7\|25\)[hl]//g" "$work/terminal" | grep -q "$escape" &&
        fail 'fleet: an escape sequence reached the terminal'
    tail -n 1 "$work/terminal" | grep -q '^.*3 agents: 3 idle' || fail 'fleet: no summary on a terminal'
    for mode in 7 25; do
        [ "$(grep -o "$escape\[?${mode}[hl]" "$work/terminal" | tail -n 1)" = "$escape[?${mode}h" ] ||
            fail "fleet: the terminal's mode $mode is not restored"
    done
fi
exit $failed
