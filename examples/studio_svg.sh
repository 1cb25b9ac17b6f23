#!/bin/sh
# SPDX-License-Identifier: MIT OR Unlicense
# Makes the pictures of what asm-cat shows, from the recordings in examples/data:
#     sh examples/studio_svg.sh session > examples/studio.svg    the session of `make demo`, its lines that tell most
#     sh examples/studio_svg.sh fleet > examples/fleet.svg       several sessions that are followed at once
# Needs build/asm-cat and awk, and script(1) for a terminal.
set -eu
cd "$(dirname "$0")/.."
asm_cat=${BUILD:-build}/asm-cat
COLUMNS=100 LC_ALL=C.UTF-8
export COLUMNS LC_ALL

# Lines in colour on standard input as a picture: WIDTH in columns, TITLE.
draw() {
    LC_ALL=C awk -v width="$1" -v title="$2" '
    function escaped(text) {
        gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
        return text
    }
    BEGIN {
        colors["0;31"] = "#f47067"; colors["0;32"] = "#8ddb8c"; colors["0;33"] = "#daaa3f"; colors["0;34"] = "#6cb6ff"
        colors["0;36"] = "#76e3ea"; colors["2"] = "#768390"; escape = sprintf("%c", 27)
    }
    { lines[NR] = $0 }
    END {
        pixels = width * 8.43 + 36; height = NR * 19 + 58
        printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" ", pixels, height, pixels, height
        print "font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace\" font-size=\"14\">"
        printf "<rect width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#22272e\"/>\n", pixels, height
        print "<circle cx=\"22\" cy=\"20\" r=\"6\" fill=\"#ff5f57\"/><circle cx=\"42\" cy=\"20\" r=\"6\" fill=\"#febc2e\"/><circle cx=\"62\" cy=\"20\" r=\"6\" fill=\"#28c840\"/>"
        printf "<text x=\"%d\" y=\"25\" fill=\"#768390\" text-anchor=\"middle\" font-size=\"13\">%s</text>\n", pixels / 2, escaped(title)
        for (i = 1; i <= NR; i++) {
            count = split(lines[i], parts, escape "\\[")
            if (lines[i] == "") continue
            printf "<text x=\"18\" y=\"%d\" fill=\"#cdd9e5\" xml:space=\"preserve\">%s", 56 + (i - 1) * 19, escaped(parts[1])
            for (k = 2; k <= count; k++) {
                code = substr(parts[k], 1, index(parts[k], "m") - 1); text = escaped(substr(parts[k], index(parts[k], "m") + 1))
                if (text == "") continue
                if (code == "1") printf "<tspan font-weight=\"bold\">%s</tspan>", text
                else if (code in colors) printf "<tspan fill=\"%s\">%s</tspan>", colors[code], text
                else printf "%s", text
            }
            print "</text>"
        }
        print "</svg>"
    }'
}

# The session of the demo; what is left out is marked.
session() {
    "$asm_cat" --color=always --tty=always examples/data/claude_session.jsonl | awk '
        /Todo 3\/3|Session complete/ { skipping = 0 }
        /That comment reads|Cause:/ { skipping = 1; print "\033[2m    ⋮\033[0m"; if (/Cause:/) print "" }
        !skipping' | draw 100 'claude -p … | asm-cat'
}

# Four sessions as they stand at one moment.
fleet() {
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    sed '/"request_id":"req_01"/q' examples/data/claude_session.jsonl > "$folder/csvsum.jsonl"
    head -n 24 examples/data/claude_session.jsonl > "$folder/review.jsonl"
    head -n 9 examples/data/codex_session.jsonl > "$folder/docs.jsonl"
    cp examples/data/codex_session.jsonl "$folder/spelling.jsonl"
    # At SIGINT it leaves the lines as they are.
    TERM=xterm script -q -c "stty cols 100 rows 24; timeout -s INT 2 '$asm_cat' -F --clock=2026-03-17T09:42:28Z \
        '$folder/csvsum.jsonl' '$folder/review.jsonl' '$folder/docs.jsonl' '$folder/spelling.jsonl'" /dev/null |
        tr -d '\r' | sed 's/.*\[J//' | tail -n 4 | draw 100 'asm-cat -F *.jsonl'
}

case ${1:-} in
session | fleet) "$1" ;;
*)
    echo "usage: sh examples/studio_svg.sh session|fleet" >&2
    exit 2
    ;;
esac
