# The public part of a header as a page, made from its comments:
# awk -v as=man|html -v version=V [-v names=FILE] -f links.awk -f header.awk HEADER
#
# A header has its documentation on top, with headings in capitals; then, after the guard, sections, which begin with a
# comment whose first line is /* ==..., and declarations, each with a comment before it, parted by empty lines.

function escape_man(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/^[.']/, "\\\\\\&&", text)
    return text
}

function inline(text) {
    if (as == "man") return escape_man(text)
    text = linked(text)
    while (match(text, /`[^`]+`/))
        text = substr(text, 1, RSTART - 1) "<code>" substr(text, RSTART + 1, RLENGTH - 2) "</code>" substr(text, RSTART + RLENGTH)
    return text
}

function heading(level, text,    id) {
    if (as == "man") {
        print (level < 2 ? ".SH " toupper(escape_man(text)) : ".SS " escape_man(text))
        after_heading = 1
        return
    }
    id = tolower(text)
    gsub(/[^a-z0-9]+/, "-", id)
    if (id in taken) id = id "-2"
    taken[id] = 1
    printf "<h%d id=\"%s\">%s</h%d>\n", level + 1, id, escape_html(text), level + 1
}

# What stays as it is goes on over empty lines.
function close_pre() {
    if (opened) print "</pre>"
    opened = 0
}

# Whether a line stays as it is: indented more than the rest, with columns, or of a list.
function is_fixed(line) { return line ~ /^ / || line ~ /([^ .]|\.\.\.)  +[^ ]/ || line ~ /^- / }

# A paragraph of n lines. From the first that stays as it is to the last all do; what is before and after is prose.
function paragraph(lines, n,    i, first, last) {
    first = last = 0
    for (i = 1; i <= n; i++) if (is_fixed(lines[i])) { if (!first) first = i; last = i }
    if (!first) { block(lines, 1, n, 0); return }
    block(lines, 1, first - 1, 0)
    block(lines, first, last, 1)
    block(lines, last + 1, n, 0)
}

function block(lines, from, to, as_it_is,    i, text) {
    if (from > to) return
    if (as == "man") {
        if (!after_heading) print ".PP"
        after_heading = 0
        if (as_it_is) print ".nf"
        for (i = from; i <= to; i++) print inline(lines[i])
        if (as_it_is) print ".fi"
        return
    }
    text = ""
    for (i = from; i <= to; i++) text = text (i > from ? "\n" : "") (as_it_is ? linked(lines[i]) : lines[i])
    if (as_it_is) {
        printf "%s%s", opened ? "\n\n" : "<pre>", text
        opened = 1
        return
    }
    close_pre()
    print "<p>" inline(text) "</p>"
}

# Prints text line by line as paragraphs: `indent` blanks less.
function prose(text, indent,    all, i, n, count, lines, line) {
    count = split(text, all, "\n")
    n = 0
    for (i = 1; i <= count; i++) {
        line = all[i]
        if (line ~ /^ *$/) {
            paragraph(lines, n)
            n = 0
            continue
        }
        lines[++n] = substr(line, 1, indent) ~ /^ *$/ ? substr(line, indent + 1) : line
    }
    paragraph(lines, n)
    if (as == "html") close_pre()
}

# The text of a comment without its stars.
function content(comment,    text) {
    text = comment
    sub(/^\/\*/, " *", text)
    sub(/ *\*\/ *$/, "", text)
    gsub(/\n \*/, "\n", text)
    sub(/^ \*/, "", text)
    gsub(/\n +$/, "", text)
    return text
}

function anchors(code,    line, count, i, all, found, name) {
    found = ""
    count = split(code, all, "\n")
    for (i = 1; i <= count; i++) {
        line = all[i]
        name = ""
        if (line ~ /^ASM_API / && match(line, /asm_[a-z0-9_]+\(/)) name = substr(line, RSTART, RLENGTH - 1)
        else if (line ~ /^typedef .*\(\*asm_/ && match(line, /\(\*asm_[a-z0-9_]+/)) name = substr(line, RSTART + 2, RLENGTH - 2)
        else if (line ~ /^(typedef )?(struct|enum|union) asm_/ && match(line, /asm_[a-z0-9_]+/)) name = substr(line, RSTART, RLENGTH)
        else if (line ~ /^typedef .* asm_[a-z0-9_]+;/ && match(line, /asm_[a-z0-9_]+;/)) name = substr(line, RSTART, RLENGTH - 1)
        else if (line ~ /^#define ASM_[A-Z]/ && match(line, /ASM_[A-Z0-9_]+/)) name = substr(line, RSTART, RLENGTH)
        else if (line ~ /^ +(ASM_[A-Z0-9_]+)( =.*)?,?( \/\*.*)?$/ && match(line, /ASM_[A-Z0-9_]+/)) name = substr(line, RSTART, RLENGTH)
        if (name != "" && !(name in seen) && name !~ /^asm__|^ASM__/) {
            seen[name] = 1
            found = found (found == "" ? "" : " ") name
        }
    }
    return found
}

function item(comment, code,    names, all, i, n) {
    sub(/\n+$/, "", code)
    if (code == "") {
        if (comment != "") prose(content(comment), 1)
        return
    }
    if (code ~ /^(struct|union|typedef struct) asm__/ || code ~ /^#(define|ifndef) ASM__/) return
    if (code ~ /^#if/ && code ~ /ASM__|#define ASM_API/) return
    gsub(/  +\\\n/, " \\\n", code)
    names = anchors(code)
    if (as == "man") {
        print after_heading ? ".nf" : ".PP\n.nf"
        after_heading = 0
        n = split(code, all, "\n")
        for (i = 1; i <= n; i++) print escape_man(all[i]) == "" ? ".sp" : "\\fB" escape_man(all[i]) "\\fR"
        print ".fi"
        if (comment != "") {
            print ".RS 4"
            after_heading = 1
            prose(content(comment), 1)
            print ".RE"
        }
        return
    }
    n = split(names, all, " ")
    printf "<section class=\"item\">"
    for (i = 1; i <= n; i++) printf "<a id=\"%s\"></a>", all[i]
    print ""
    if (comment != "") prose(content(comment), 1)
    print "<pre class=\"code\">" linked(code) "</pre>\n</section>"
}

function top(    count, all, i, text, after) {
    count = split(held, all, "\n")
    if (as == "man") {
        print ".TH " file " 3 \"\" \"asm-session " version "\" \"Library Functions Manual\""
        print ".SH NAME\n" file " \\- " escape_man(purpose)
        print ".SH SYNOPSIS\n.nf\n\\fB#define ASM_IMPLEMENTATION  /* in one file */\\fR\n\\fB#include <" file ".h>\\fR\n.fi"
    } else {
        print "<h1>" file ".h</h1>\n<p>" escape_html(purpose) "</p>"
    }
    text = ""
    for (i = 2; i <= count && all[i] != ""; i++); # licence
    for (; i <= count; i++) {
        if (all[i] ~ /^ [A-Z][A-Z ,]+( \(|$)/) {
            prose(text, 3)
            after = index(all[i], " (")
            heading(1, substr(all[i], 2, after ? after - 2 : 200))
            text = after ? "   " toupper(substr(all[i], after + 2, 1)) substr(all[i], after + 3) : ""
            sub(/\)$/, ".\n", text)
        } else {
            text = text all[i] "\n"
        }
    }
    prose(text, 3)
}

function section(    count, all, i, text) {
    count = split(content(held), all, "\n")
    if (all[2] ~ /^ Implementation/) { ended = 1; return }
    heading(1, substr(all[2], 2))
    text = ""
    for (i = 3; i <= count; i++) text = text all[i] "\n"
    prose(text, 1)
}

BEGIN {
    comment = code = ""
}

ended { next }

NR == 1 {
    file = FILENAME
    sub(/.*\//, "", file)
    sub(/\.h$/, "", file)
    purpose = $0
    sub(/.* - v[0-9.]* - /, "", purpose)
}

/\/\* clang-format off/ { skipping = 1; comment = "" }
skipping { if (/clang-format on/) skipping = 0; next }

# A comment at the margin.
code == "" && !inside && /^\/\*/ {
    item(comment, "")
    inside = 1
    held = ""
    comment = ""
}
inside {
    held = held (held == "" ? "" : "\n") $0
    if (!/\*\/ *$/) next
    inside = 0
    if (!topped) {
        held = content(held)
        top()
        topped = 1
    } else if (held ~ /^\/\* ==/) {
        section()
    } else {
        comment = held
    }
    next
}

# An empty line ends what was declared, or a comment that stands by itself.
/^ *$/ {
    if (depth > 0) { code = code "\n"; next }
    item(comment, code)
    comment = code = ""
    next
}
code == "" && /^#if(n?def)? / && !/ASM_/ && comment == "" { level = 1 }
level > 0 && code == "" { if (/^#if/ && !first) first = 1; if (/^#endif/) { level = 0; first = 0 } next }
code == "" && /^(#include|#ifndef ASM_[A-Z]*_H|#define ASM_[A-Z]*_H$|ASM__WARNINGS)/ { next }
{
    code = code $0 "\n"
    depth += gsub(/\{/, "{") - gsub(/\}/, "}")
}
