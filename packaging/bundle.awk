# Prints the modules of the live page as one, which a browser asks for once: awk -f packaging/bundle.awk FILE.js...
# The last one is where it begins. Each other one becomes a function that is called once, after those that it imports; what it
# exports is part_NAME, for tests and a browser's console. What stands apart in the page (early.js) is imported as before. An
# import or export has a line of its own, as in
#     import {a, b} from './text.js';
#     export function name(

function fail(file, words) {
    print "bundle.awk: " file ": " words > "/dev/stderr"
    failed = 1
    exit 1
}

# text.js of a line that imports it.
function imported(line) {
    sub(/^.* from '\.\//, "", line)
    sub(/';$/, "", line)
    return line
}

function part(file) {
    sub(/\.js$/, "", file)
    return "part_" file
}

# Prints the file, after those that it imports.
function give(file,    i, line, name, names) {
    if (state[file] == "given") return
    if (state[file] == "begun") fail(file, "imports itself by way of others")
    state[file] = "begun"
    for (i = 1; i <= count[file]; i++) {
        line = text[file, i]
        if (line ~ /^import / && imported(line) in count) give(imported(line))
    }
    state[file] = "given"
    print "// " file
    if (file != last) print "const " part(file) " = (() => {"
    for (i = 1; i <= count[file]; i++) {
        line = text[file, i]
        if (line ~ /^import /) {
            if (line !~ /^import \{[A-Za-z, ]+\} from '\.\/[a-z]+\.js';$/) fail(file, line)
            name = imported(line)
            sub(/^import /, "const ", line)
            sub(/ from .*$/, " = " part(name) ";", line)
        } else if (line ~ /^export /) {
            if (line !~ /^export (async )?(function|class|const) [A-Za-z]/) fail(file, line)
            sub(/^export /, "", line)
            name = line
            sub(/^(async )?(function|class|const) /, "", name)
            sub(/[^A-Za-z0-9].*$/, "", name)
            names = names (names == "" ? "" : ", ") name
        }
        print line
    }
    if (file == last) return
    print "return {" names "};\n})();"
    parts = parts (parts == "" ? "" : ", ") part(file)
}

FNR == 1 {
    last = FILENAME
    sub(/^.*\//, "", last)
}
{
    text[last, FNR] = $0
    count[last] = FNR
    if ($0 ~ /^import /) wanted[imported($0)] = 1
}

END {
    if (failed) exit 1
    for (file in wanted) if (!(file in count)) print "import * as " part(file) " from './" file "';"
    give(last)
    print "export {" parts "};"
    for (file in count) if (state[file] != "given") fail(file, "nothing imports it")
}
