# Markdown as HTML, as much of it as these pages use: awk -f links.awk -f markdown.awk FILE. Headings, paragraphs, lists, tables, code
# (fenced and indented), comments; `code`, **bold**, *emphasis*, links and pictures. Links to .md go to .html.

function target(link) {
    if (link !~ /^[a-z]+:/) sub(/\.md/, ".html", link)
    gsub(/"/, "%22", link)
    return link
}

# Code first, so that nothing in it is taken for something else.
function inline(text,    result, at, word, link) {
    result = ""
    while (match(text, /`[^`]+`|!?\[[^]]*\]\([^)]*\)|\*\*[^*]+\*\*|\*[^* ][^*]*\*|<https?:[^>]*>/)) {
        result = result escape_html(substr(text, 1, RSTART - 1))
        word = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        if (word ~ /^`/) {
            result = result "<code>" escape_html(substr(word, 2, length(word) - 2)) "</code>"
        } else if (word ~ /^\*\*/) {
            result = result "<strong>" inline(substr(word, 3, length(word) - 4)) "</strong>"
        } else if (word ~ /^\*/) {
            result = result "<em>" inline(substr(word, 2, length(word) - 2)) "</em>"
        } else if (word ~ /^</) {
            link = substr(word, 2, length(word) - 2)
            result = result "<a href=\"" target(link) "\">" escape_html(link) "</a>"
        } else {
            at = index(word, "](")
            link = substr(word, at + 2, length(word) - at - 2)
            if (word ~ /^!/) result = result "<img src=\"" target(link) "\" alt=\"" escape_html(substr(word, 3, at - 3)) "\">"
            else result = result "<a href=\"" target(link) "\">" inline(substr(word, 2, at - 2)) "</a>"
        }
    }
    return result escape_html(text)
}

# As GitHub names them.
function slug(text) {
    gsub(/`|\*/, "", text)
    while (match(text, /\[[^]]*\]\([^)]*\)/))
        text = substr(text, 1, RSTART - 1) substr(text, RSTART + 1, index(substr(text, RSTART), "](") - 2) substr(text, RSTART + RLENGTH)
    text = tolower(text)
    gsub(/[^a-z0-9 _-]/, "", text)
    gsub(/ /, "-", text)
    return text
}

function flush() {
    if (buffer != "") print "<p>" inline(buffer) "</p>"
    buffer = ""
}

function close_item() {
    if (item != "") print "<li>" inline(item) "</li>"
    item = ""
}

function close_list() {
    close_item()
    if (list != "") print "</" list ">"
    list = ""
}

function close_table() {
    if (table) print "</tbody></table>"
    table = 0
}

function close_all() {
    flush()
    close_list()
    close_table()
    if (indented) print "</pre>"
    indented = 0
}

function row(text, tag,    cells, n, i) {
    gsub(/\\\|/, "\001", text)
    sub(/^ *\| */, "", text)
    sub(/ *\| *$/, "", text)
    n = split(text, cells, / *\| */)
    printf "<tr>"
    for (i = 1; i <= n; i++) {
        gsub(/\001/, "|", cells[i])
        printf "<%s>%s</%s>", tag, inline(cells[i]), tag
    }
    print "</tr>"
}

fenced && /^ *```/ { print "</pre>"; fenced = 0; next }
fenced { print is_code ? linked($0) : escape_html($0); next }
/^ *```/ { close_all(); printf "<pre class=\"code\">"; fenced = 1; is_code = /```c(pp)?$/; next }

/^<!--/ { in_comment = 1 }
in_comment { if (/-->/) in_comment = 0; next }

/^    / && buffer == "" && list == "" {
    if (!indented) { close_all(); printf "<pre class=\"code\">" }
    indented = 1
    print escape_html(substr($0, 5))
    next
}
indented && /^ *$/ { blank = 1; next }
indented { close_all() }

/^#+ / {
    close_all()
    level = index($0, " ") - 1
    text = substr($0, level + 2)
    printf "<h%d id=\"%s\">%s</h%d>\n", level, slug(text), inline(text), level
    next
}
/^ *$/ { flush(); close_item(); if (table) close_table(); gap = 1; next }
/^ *\|/ {
    if (!table) {
        close_all()
        print "<table><thead>"
        row($0, "th")
        print "</thead><tbody>"
        table = 1
    } else if ($0 !~ /^[ |:-]+$/) {
        row($0, "td")
    }
    next
}
/^ *[-*] / || /^ *[0-9]+\. / {
    kind = /^ *[0-9]/ ? "ol" : "ul"
    flush()
    if (list != "" && list != kind) close_list()
    if (list == "") print "<" kind ">"
    list = kind
    close_item()
    item = $0
    sub(/^ *([-*]|[0-9]+\.) /, "", item)
    gap = 0
    next
}
list != "" && (item != "" || /^ /) && !(gap && !/^ /) { item = item " " $0; gap = 0; next }
list != "" { close_list() }
{ gap = 0; buffer = buffer (buffer == "" ? "" : "\n") $0 }
END { close_all() }
