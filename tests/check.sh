#!/bin/sh
# The parts of make check, in lanes: MAKE=make sh tests/check.sh 'FLAGS: PART...' 'FLAGS: PART...'
#
# Each lane runs its parts one after the other, beside the other lanes, with these flags of make. What a part printed is
# shown when it ends; the last line is the result.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
# Stopped from outside: what was under way.
stopped() {
    for log in "$work"/*.log; do
        part=$(basename "$log" .log)
        [ -e "$work/$part.passed" ] || [ -e "$work/$part.failed" ] || { tail -n 40 "$log"; echo "check-$part: not done"; }
    done
    exit 1
}
trap stopped HUP INT TERM

# lane FLAGS PART...
lane() {
    flags=$1
    shift
    for part; do
        begin=$(date +%s)
        # shellcheck disable=SC2086  # lists of words
        if $MAKE --no-print-directory --keep-going $flags "check-$part" > "$work/$part.log" 2>&1; then result=passed
        else result=failed
        fi
        echo "check-$part: $(($(date +%s) - begin)) s" >> "$work/$part.log"
        : > "$work/$part.$result"
        cat "$work/$part.log"
    done
}

number=0
for given; do
    # shellcheck disable=SC2086  # a list of words
    lane "${given%%:*}" ${given#*:} &
    for part in ${given#*:}; do number=$((number + 1)); done
done
wait

# In the order they were given. One that has left nothing was stopped.
failed='' passed=0
for given; do
    for part in ${given#*:}; do
        if [ -e "$work/$part.passed" ]; then passed=$((passed + 1)); else failed="$failed $part"; fi
    done
done
[ -z "$failed" ] || echo "make check: failed:$failed"
echo "check: $passed passed, $((number - passed)) failed"
[ "$passed" -eq "$number" ]
