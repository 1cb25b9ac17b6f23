#!/bin/sh
# Runs test programs, some side by side, and adds up what they report: sh tests/run.sh PROGRAM-OR-SCRIPT.sh ...
#
# A cmocka program counts with each of its tests, a script as one test. A program that crashes, runs too
# long or reports nothing is one failure. Output is shown for what failed only.
#   WRAPPER       command to run programs under, such as valgrind
#   TEST_TIMEOUT  seconds for each program (300)
#   TITLE         goes before the summary line
#   JOBS          how many run at a time (the number of processors)
set -u

# count LOG: "passed failed skipped" from cmocka's report. Tests count one by one when a crash cut the report short.
count() {
    LC_ALL=C awk '
        /\[       OK \]/                 { ok++ }
        /\[  PASSED  \] [0-9]+ test/     { sub(/.*\[  PASSED  \] /, ""); passed += $1 }
        /\[  FAILED  \] [0-9]+ test/     { sub(/.*\[  FAILED  \] /, ""); failed += $1 }
        /\[  SKIPPED \] [0-9]+ test/     { sub(/.*\[  SKIPPED \] /, ""); skipped += $1 }
        END { print (ok > passed ? ok : passed) + 0, failed + 0, skipped + 0 }' "$1"
}

reason() {
    case $1 in
        0) echo "it reported no tests" ;;
        124) echo "stopped after $TEST_TIMEOUT s" ;;
        129 | 1[3-9]?) echo "killed by signal $(($1 - 128))" ;;
        *) echo "exit status $1" ;;
    esac
}

# run_one PROGRAM: prints its line, and leaves its numbers and output in $work.
run_one() {
    program=$1 name=$work/$(echo "$1" | tr / _) passed=0 failed=0 skipped=0 note=''
    log=$name.log
    # In the foreground, so that an interrupt or an outer timeout reaches the program as well.
    limit=
    for way in "timeout -k 10 $TEST_TIMEOUT" "timeout --foreground -k 10 $TEST_TIMEOUT"; do
        if $way true 2>/dev/null; then limit=$way; fi
    done
    # shellcheck disable=SC2086  # limit and WRAPPER are lists of words
    case $program in
        *.sh)
            $limit sh "$program" > "$log" 2>&1 < /dev/null
            status=$?
            [ $status -ne 0 ] || passed=1
            ;;
        *)
            $limit ${WRAPPER:-} "$program" > "$log" 2>&1 < /dev/null
            status=$?
            read -r passed failed skipped <<END
$(count "$log")
END
            ;;
    esac
    # cmocka's exit status is its number of failures; anything else that is not 0 went wrong outside a test.
    if [ $((passed + failed + skipped)) -eq 0 ] || { [ $status -ne 0 ] && [ "$failed" -eq 0 ]; }; then
        failed=$((failed + 1))
        note="  ($(reason $status))"
    fi
    [ "$skipped" -eq 0 ] || note=", $skipped skipped$note"
    line=$(printf '%-36s %4d passed, %d failed%s' "$program" "$passed" "$failed" "$note")
    echo "$passed $failed" > "$name.count"
    # What a script left out is said even if nothing failed.
    case $program in *.sh) left_out=$(grep '^skipped: ' "$log") ;; *) left_out= ;; esac
    if [ "$failed" -ne 0 ]; then left_out=$(cat "$log"); fi
    printf '%s\n' "$line" "$left_out" | sed '/^$/d; 2,$s/^/    /'
}

if [ "${1:-}" = --one ]; then
    run_one "$2"
    exit 0
fi

[ $# -gt 0 ] || { echo "tests/run.sh: no test programs given" >&2; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
TEST_TIMEOUT=${TEST_TIMEOUT:-300}
CMOCKA_MESSAGE_OUTPUT=STDOUT
export work TEST_TIMEOUT CMOCKA_MESSAGE_OUTPUT

side_by_side="xargs -n 1 -P ${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}"
echo true | $side_by_side true 2>/dev/null || side_by_side="xargs -n 1"
printf '%s\n' "$@" | $side_by_side sh "$0" --one

cat "$work"/*.count | awk -v title="${TITLE:+$TITLE: }" -v given=$# '
    { passed += $1; failed += $2 }
    END { failed += given - NR  # one that has left no numbers
          printf "%s%d passed, %d failed\n", title, passed, failed; exit failed != 0 }'
