#!/bin/sh
# Runs test programs and adds up what they report: sh tests/run.sh PROGRAM-OR-SCRIPT.sh ...
#
# A cmocka program counts with each of its tests, a script as one test. A program that crashes, runs too
# long or reports nothing is one failure. Output is shown for what failed only.
#   WRAPPER       command to run programs under, such as valgrind
#   TEST_TIMEOUT  seconds for each program (300)
#   TITLE         goes before the summary line
set -u
[ $# -gt 0 ] || { echo "tests/run.sh: no test programs given" >&2; exit 1; }

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 1' HUP INT TERM
seconds=${TEST_TIMEOUT:-300}
# In the foreground, so that an interrupt or an outer timeout reaches the program as well.
limit=
for way in "timeout -k 10 $seconds" "timeout --foreground -k 10 $seconds"; do
    if $way true 2>/dev/null; then limit=$way; fi
done
export CMOCKA_MESSAGE_OUTPUT=STDOUT

# count: "passed failed skipped" from cmocka's report. Tests count one by one when a crash cut the report short.
count() {
    LC_ALL=C awk '
        /\[       OK \]/                 { ok++ }
        /\[  PASSED  \] [0-9]+ test/     { sub(/.*\[  PASSED  \] /, ""); passed += $1 }
        /\[  FAILED  \] [0-9]+ test/     { sub(/.*\[  FAILED  \] /, ""); failed += $1 }
        /\[  SKIPPED \] [0-9]+ test/     { sub(/.*\[  SKIPPED \] /, ""); skipped += $1 }
        END { print (ok > passed ? ok : passed) + 0, failed + 0, skipped + 0 }' "$log"
}

reason() {
    case $1 in
        0) echo "it reported no tests" ;;
        124) echo "stopped after $seconds s" ;;
        129 | 1[3-9]?) echo "killed by signal $(($1 - 128))" ;;
        *) echo "exit status $1" ;;
    esac
}

all_passed=0 all_failed=0
for program; do
    passed=0 failed=0 skipped=0 note=
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
$(count)
END
            ;;
    esac
    # cmocka's exit status is its number of failures; anything else that is not 0 went wrong outside a test.
    if [ $((passed + failed + skipped)) -eq 0 ] || { [ $status -ne 0 ] && [ "$failed" -eq 0 ]; }; then
        failed=$((failed + 1))
        note="  ($(reason $status))"
    fi
    [ "$skipped" -eq 0 ] || note=", $skipped skipped$note"
    printf '%-36s %4d passed, %d failed%s\n' "$program" "$passed" "$failed" "$note"
    [ "$failed" -eq 0 ] || sed 's/^/    /' "$log"
    all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed))
done

echo "${TITLE:+$TITLE: }$all_passed passed, $all_failed failed"
[ $all_failed -eq 0 ]
