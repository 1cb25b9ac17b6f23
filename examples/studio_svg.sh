#!/bin/sh
# Makes examples/studio.svg: what asm-cat shows of the recorded session of `make demo`, as a picture.
#     sh examples/studio_svg.sh [WIDTH [FIRST LAST]] > examples/studio.svg
# Lines FIRST to LAST of a terminal of WIDTH columns. Needs build/asm-cat and awk.
set -eu
cd "$(dirname "$0")/.."
width=${1:-100} first=${2:-1} last=${3:-200}
COLUMNS=$width LC_ALL=C.UTF-8 "${BUILD:-build}/asm-cat" --color=always --tty=always --tool-output=summary \
    examples/data/claude_session.jsonl | sed -n "${first},${last}p" | LC_ALL=C awk -v width="$width" '
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
    printf "<text x=\"%d\" y=\"25\" fill=\"#768390\" text-anchor=\"middle\" font-size=\"13\">claude -p &#8230; | asm-cat</text>\n", pixels / 2
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
