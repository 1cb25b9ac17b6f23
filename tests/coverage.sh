#!/bin/sh
# Runs programs built with --coverage and prints how much of each header they ran:
#     sh tests/coverage.sh DIR-OF-THE-GCNO-FILES PROGRAM...
# Some programs bring a header's implementation themselves: a line or branch counts as run when any program ran it.
set -u
dir=$1
shift
gcov=$(command -v "${GCOV:-gcov}") || exit 1

find "$dir" -name '*.gcda' -exec rm -f {} +
TITLE=coverage sh tests/run.sh "$@" || exit

find "$dir" -name '*.gcda' | while IFS= read -r data; do
    "$gcov" --branch-probabilities --branch-counts --stdout "$data" 2>/dev/null
done | LC_ALL=C awk -F ':' '
    $2 ~ /^ *0$/ && $3 == "Source"       { file = $4; sub(/^\.\//, "", file); next }
    file !~ /^asm_[a-z]+\.h$/            { next }
    $0 ~ /^branch +[0-9]+ /              { split($0, word, / +/); at = file " " line " " word[2]
                                           ran = $0 !~ /never executed|taken 0/
                                           if (!(at in branch)) branches[file]++
                                           if (ran && !branch[at]) branches_run[file]++
                                           if (ran || !(at in branch)) branch[at] = ran; next }
    $2 ~ /^ *[0-9]+$/ && $1 !~ /^ *-$/   { line = $2 + 0; at = file " " line
                                           ran = $1 !~ /#|=/
                                           if (!(at in seen)) lines[file]++
                                           if (ran && !seen[at]) lines_run[file]++
                                           if (ran || !(at in seen)) seen[at] = ran }
    END { if (!NR) print "no coverage data: GCOV and CC must be of one kind, such as gcov and gcc"
          for (file in lines)
          {
              by_line = 100 * lines_run[file] / lines[file]
              by_branch = branches[file] ? 100 * branches_run[file] / branches[file] : 100
              printf "%-16s lines %5.1f%% of %d, branches %5.1f%% of %d%s\n", file, by_line, lines[file], by_branch,
                  branches[file], by_line < 95 || by_branch < 90 ? ": below 95 % and 90 %" : ""
          } }' | sort
