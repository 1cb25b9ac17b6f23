# What both kinds of pages share: text as HTML, in which names of the headers become links. names=FILE has a line
# "NAME PAGE" for each; `api` is the way to these pages.

function escape_html(text) {
    gsub(/&/, "\\&amp;", text)
    gsub(/</, "\\&lt;", text)
    gsub(/>/, "\\&gt;", text)
    return text
}

# Words that are known elsewhere become links.
function linked(text,    before, word, result) {
    text = escape_html(text)
    result = ""
    while (match(text, /(asm|ASM)_[A-Za-z0-9_]*[A-Za-z0-9](\.h)?/)) {
        before = substr(text, 1, RSTART - 1)
        word = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        if (!(word in page)) result = result before word
        else result = result before "<a href=\"" api page[word] "\">" word "</a>"
    }
    return result text
}

BEGIN {
    if (names != "") {
        while ((getline line < names) > 0) {
            split(line, pair, " ")
            page[pair[1]] = pair[2]
        }
        close(names)
    }
}
