#!/bin/sh
# Looks at how comments are laid out: sh tests/comments.sh FILE...
# Reports a run of blanks inside a sentence, but for columns that stand below each other, and a banner that is broken
# in two: a row of = or - is all of its line, or has the title between two rows.
set -u
awk '
function report(line, what) { print file ":" line ": " what ": " text[line]; found = 1 }

# column(LINE): where a word of a comment begins after a run of blanks, 0 if it is in none.
function column(line,    t) {
    t = text[line]
    if (match(t, /[a-z0-9,;:.)] ( )+[a-zA-Z(]/) && RSTART > 3) return RSTART + RLENGTH - 1
    return 0
}

function look(    i, at) {
    for (i = 1; i <= lines; i++) {
        if (!comment[i]) continue
        if (text[i] ~ /^ *(\/\*|\*|#) (====|----)/ && text[i] !~ /^ *(\/\*|\*|#) [=-]+( \*\/)?$/ &&
            text[i] !~ /\*\/$/) report(i, "broken banner")
        # One blank after the mark: a sentence. Tables and code stand further in.
        if (text[i] !~ /^ *(\/\*|\*|#) [^ ]/) continue
        at = column(i)
        if (at && at != column(i - 1) && at != column(i + 1)) report(i, "run of blanks")
    }
}

FNR == 1 { if (NR > 1) look(); delete text; delete comment; lines = 0; inside = 0; file = FILENAME }
{
    text[++lines] = $0
    if (file ~ /\.[ch]$/) {
        comment[lines] = inside || $0 ~ /^ *\/\*/
        if ($0 ~ /\/\*/) inside = 1
        if ($0 ~ /\*\/[^*]*$/) inside = 0
    } else comment[lines] = $0 ~ /^ *#/
}
END { look(); exit found }' "$@"
