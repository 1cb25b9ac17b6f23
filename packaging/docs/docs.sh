#!/bin/sh
# Writes the pages: sh packaging/docs/docs.sh VERSION asm_*.h, into $BUILD/docs/html and $BUILD/docs/man/man3. Each .md is a
# page where it stands, each header one in api/, made from its comments.
set -eu
version=$1
shift
here=packaging/docs out=${BUILD:-build}/docs
rm -rf "$out"
mkdir -p "$out/html/api" "$out/man/man3"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# page TOP TITLE: the whole page around what comes in.
page() {
    cat <<END
<!DOCTYPE html>
<html lang="en" data-top="$1">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$2</title>
<link rel="stylesheet" href="$1style.css">
<script src="$1index.js" defer></script>
<script src="$1search.js" defer></script>
</head>
<body>
<nav><a href="$1README.html"><strong>asm-session $version</strong></a> <a href="$1docs/README.html">Documentation</a>
<a href="$1docs/guide/README.html">Guide</a> <a href="$1api/index.html">Headers</a> <a href="$1docs/formats/README.html">Formats</a>
<a href="$1CHANGELOG.html">Changes</a></nav>
<main>
END
    cat
    printf '</main>\n</body>\n</html>\n'
}

html_text() { sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'; }

# Where every name is explained, found in a first round without links.
for header; do
    awk -v as=html -f "$here/links.awk" -f "$here/header.awk" "$header" > "$work/plain.html"
    name=${header%.h}
    echo "$header $name.html"
    grep -o '<a id="[A-Za-z0-9_]*"></a>' "$work/plain.html" | sed "s/<a id=\"\(.*\)\"><\/a>/\1 $name.html#\1/"
done > "$work/names"

{
    echo '<h1>The headers</h1>'
    echo '<table><thead><tr><th>header</th><th>what is in it</th></tr></thead><tbody>'
    for header; do
        printf '<tr><td><a href="%s.html">%s</a></td><td>%s</td></tr>\n' "${header%.h}" "$header" \
            "$(sed -n '1s/.* - v[0-9.]* - //p' "$header" | html_text)"
    done
    echo '</tbody></table>'
    echo '<p>The same pages are installed for man: <code>man asm_json</code>.</p>'
} | page ../ 'The headers' > "$out/html/api/index.html"
for header; do
    awk -v as=html -v names="$work/names" -f "$here/links.awk" -f "$here/header.awk" "$header" | page ../ "$header" > "$out/html/api/${header%.h}.html"
    sh "$here/man.sh" "$version" "$header" > "$out/man/man3/${header%.h}.3"
done

find . -name '*.md' ! -path './build/*' ! -path './.*/*' ! -path "./${BUILD:-build}/*" | sed 's|^\./||' | sort > "$work/pages"
while read -r file; do
    mkdir -p "$out/html/$(dirname "$file")"
    top=$(dirname "$file" | sed 's|[^/.][^/]*|..|g; s|^\.$||; s|$|/|; s|^/$||')
    awk -v names="$work/names" -v api="${top}api/" -f "$here/links.awk" -f "$here/markdown.awk" "$file" |
        page "$top" "$(sed -n 's/^# //p; /^# /q' "$file" | html_text)" > "$out/html/${file%.md}.html"
done < "$work/pages"

# What the pages link to beside pages comes along: examples, headers, pictures.
(cd "$out/html" && grep -ro '\(href\|src\)="[^"#:]*' --include='*.html' . | sed 's/"/ /; s/:[a-z]*=/ /') | while read -r page link; do
    [ -e "$out/html/$(dirname "$page")/$link" ] || {
        source=$(dirname "$page")/$link
        if [ -f "$source" ]; then
            mkdir -p "$out/html/$(dirname "$source")" && cp "$source" "$out/html/$source"
        elif [ -d "$source" ]; then
            mkdir -p "$out/html/$source" && cp -R "$source/." "$out/html/$source"
        fi
    }
done
# A folder that is linked to is its README.
find "$out/html" -name '*.html' | while read -r page; do
    grep -o 'href="[^"#:]*"' "$page" | sed 's/href="//; s/"$//' | sort -u | while read -r link; do
        folder=$(dirname "$page")/$link
        [ -f "$folder" ] || [ ! -e "$folder/README.html" ] || echo "$link"
    done | while read -r link; do
        sed "s|href=\"$link\"|href=\"${link%/}/README.html\"|g" "$page" > "$work/page" && cp "$work/page" "$page"
    done
done

{
    echo 'const pages = ['
    while read -r file; do
        title=$(sed -n 's/^# //p; /^# /q' "$file")
        printf '%s\n' "$title	${file%.md}.html	"
        grep '^##* ' "$file" | sed 1d | sed "s/^#* //; s|\$|	${file%.md}.html	$title|"
    done < "$work/pages" | sed 's/\\/\\\\/g; s/"/\\"/g; s/\(.*\)	\(.*\)	\(.*\)/["\1", "\2", "\3"],/'
    # With each name the first sentence of what is said of it.
    for header; do
        awk -v file="${header%.h}" '
            /<section class="item">/ { n = split($0, part, "\""); count = 0; for (i = 4; i <= n; i += 2) names[++count] = part[i]; text = "" }
            /<p>/ && count && text == "" { text = $0; gsub(/<[^>]*>/, "", text) }
            /<\/section>/ {
                gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&amp;/, "\\&", text)
                gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text)
                for (i = 1; i <= count; i++) printf "[\"%s\", \"api/%s.html#%s\", \"%s\"],\n", names[i], file, names[i], text
                count = 0
            }' "$out/html/api/${header%.h}.html"
    done
    echo '];'
} > "$out/html/index.js"
cp "$here/style.css" "$here/search.js" "$out/html"
echo "$out/html/README.html"
