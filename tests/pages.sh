#!/bin/sh
# What make docs wrote: sh tests/pages.sh. Each function, type and constant of the headers has a place, links lead there,
# the search finds, manual pages are well-formed.
set -u
cd "$(dirname "$0")/.." || exit 1
out=${BUILD:-build}/docs
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
fail() { echo "$*"; failed=1; }

for header in asm_*.h; do
    page=$out/html/api/${header%.h}.html
    {
        sed -n 's/^ASM_API .*[ *]\(asm_[a-z0-9_]*\)(.*;*/\1/p' "$header"
        sed -n 's/^typedef \(struct\|enum\) \(asm_[a-z0-9_]*\) {.*/\2/p; s/^typedef .*(\*\(asm_[a-z0-9_]*\))(.*/\1/p' "$header"
        sed -n 's/^\(struct\|enum\) \(asm_[a-z0-9_]*\) {.*/\2/p' "$header"
    } | grep -v '^asm__' | sort -u > "$work/names"
    while read -r name; do
        grep -q "<a id=\"$name\"></a>" "$page" || fail "$page: nothing of $name"
        grep -q "^\[\"$name\"," "$out/html/index.js" || fail "the search does not know $name"
        grep -q "$name" "$out/man/man3/${header%.h}.3" || fail "the manual page has nothing of $name"
    done < "$work/names"
    [ "$(wc -l < "$work/names")" -gt 10 ] || fail "$header: hardly any names"
    if command -v mandoc > /dev/null; then
        mandoc -Tlint -W warning "$out/man/man3/${header%.h}.3" | grep -v 'missing date' && failed=1
    fi
done

# Links: "PAGE ADDRESS" for each, then what is there.
(cd "$out/html" && grep -ro '\(href\|src\)="[^"]*"' --include='*.html' .) | sed 's/:\(href\|src\)="/ /; s/"$//' |
    grep -v ' https\{0,1\}:' | sort -u > "$work/links"
while read -r page link; do
    case $link in '#'*) target=$page ;; *) target=$(dirname "$page")/${link%%#*} ;; esac
    if [ ! -e "$out/html/$target" ]; then
        fail "$page: there is no $link"
    else
        case $link in
            *.html'#'* | '#'*) grep -q "id=\"${link#*#}\"" "$out/html/$target" || fail "$page: $target has no ${link#*#}" ;;
        esac
    fi
done < "$work/links"
[ "$(wc -l < "$work/links")" -gt 500 ] || fail 'hardly any links'

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -n "$browser" ]; then
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --dump-dom \
        "file://$(cd "$out/html" && pwd)/docs/README.html?q=mailbox%20post" > "$work/found" 2> /dev/null
    grep -q 'href="../api/asm_pubsub.html#asm_mailbox_post"' "$work/found" || fail 'the search does not find asm_mailbox_post'
else
    echo "skipped: $(sh tests/hint.sh chromium)"
fi
if command -v mandoc > /dev/null; then :; else echo "skipped: $(sh tests/hint.sh mandoc)"; fi
[ $failed -eq 0 ] && echo "docs: $(wc -l < "$work/links") links, all names"
