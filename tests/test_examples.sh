#!/bin/sh
# Runs the examples of asm_pubsub.h and compares what they print with tests/golden/examples: sh tests/test_examples.sh
# They have to be built. What they print to stderr counts where there is a NAME.stderr.txt.
set -u
cd "$(dirname "$0")/.." || exit 1
golden=tests/golden/examples
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
for name in live_fanout callback_composition custom_sink_migration worker_mailbox; do
    if ! "build/examples/$name" > "$work/$name.txt" 2> "$work/$name.stderr.txt"; then
        echo "$name: exit status is not 0"
        failed=1
    fi
    if [ "$name" = worker_mailbox ]; then # how many pieces of text come as one depends on how the threads run
        sed 's/--- [0-9]* events/--- N events/' "$work/$name.txt" > "$work/steady"
        mv "$work/steady" "$work/$name.txt"
    fi
    for expected in "$golden/$name.txt" "$golden/$name.stderr.txt"; do
        [ -f "$expected" ] || continue
        diff -u "$expected" "$work/$(basename "$expected")" || failed=1
    done
done
exit $failed
