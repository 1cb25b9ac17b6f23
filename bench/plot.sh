#!/bin/sh
# Draws the results of a benchmark as bars, an SVG to standard output: sh bench/plot.sh build/bench/results.json
# One group for each table, of its first input; a bar is the time in multiples of the group's first row, on a
# logarithmic scale.
set -u
[ $# -eq 1 ] || { echo "usage: sh bench/plot.sh RESULTS.json" >&2; exit 2; }

# A row of results is a line of its own.
LC_ALL=C awk '
    function text_of(name,   at, rest) {
        at = index($0, "\"" name "\":\"")
        if (!at) return ""
        rest = substr($0, at + length(name) + 4)
        rest = substr(rest, 1, index(rest, "\"") - 1)
        gsub(/&/, "\\&amp;", rest)
        gsub(/</, "\\&lt;", rest)
        return rest
    }
    function number_of(name) { return substr($0, index($0, "\"" name "\":") + length(name) + 3) + 0 }
    function put(x, y, style, text) { printf "<text x=\"%d\" y=\"%d\"%s>%s</text>\n", x, y, style, text }
    function bar(y, i,   width) {
        width = ratio[i] > 0.1 ? 40 * log(ratio[i] / 0.1) / log(2) : 1
        put(300, y + 12, " text-anchor=\"end\"", row[i])
        printf "<rect x=\"310\" y=\"%d\" width=\"%.1f\" height=\"14\" fill=\"%s\"/>\n", y, width,
               row[i] ~ /^asm/ ? "#27667b" : "#b8c4cc"
        put(316 + width, y + 12, "", sprintf("%.3gx, %s", ratio[i], figure[i]))
    }
    /"machine":/ { machine = text_of("machine") }
    /"table":/ {
        table = text_of("table")
        if (number_of("time_ratio") <= 0) next
        if (!(table in input)) { input[table] = text_of("input"); order[++tables] = table }
        if (text_of("input") != input[table]) next
        member[table, ++size[table]] = ++rows
        row[rows] = text_of("row")
        ratio[rows] = number_of("time_ratio")
        figure[rows] = sprintf("%.4g %s", number_of("median"), text_of("unit"))
    }
    END {
        printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"960\" height=\"%d\" font-family=\"sans-serif\" " \
               "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n", 70 + 18 * rows + 34 * tables
        put(20, 24, " font-size=\"16\"", "Time in multiples of the first row of each group; shorter is better; logarithmic")
        put(20, 42, " fill=\"#666\"", machine)
        y = 50
        for (t = 1; t <= tables; t++) {
            y += 34
            put(20, y - 6, " font-weight=\"bold\"", order[t] (input[order[t]] == "" ? "" : ": " input[order[t]]))
            for (i = 1; i <= size[order[t]]; i++) {
                bar(y, member[order[t], i])
                y += 18
            }
        }
        print "</svg>"
    }' "$1"
