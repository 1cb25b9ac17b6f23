#!/bin/sh
# Writes a release of what is committed: sh packaging/dist.sh VERSION BUILD HOMEPAGE MAINTAINER [URL]
# A tarball with asm.h, the flat header and its description, its SHA-256, a bill of materials; and with a home page and a
# maintainer the recipes of packagers, which name them and the tarball. The same commit gives the same bytes: names
# sorted, times those of the commit, no owner.
set -eu
version=$1 build=$2 homepage=$3 maintainer=$4 url=${5:-}
name=asm-session-$version
out=$build/dist
tar --version 2> /dev/null | grep -q GNU || { echo "packaging/dist.sh: GNU tar is needed"; exit 1; }
[ -z "$(git status --porcelain --untracked-files=no)" ] || { echo "packaging/dist.sh: there are uncommitted changes"; exit 1; }
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git archive --format=tar --prefix="$name/" HEAD | tar -xf - -C "$work"
rm -rf "$out"
mkdir -p "$work/$name/build" "$out"
for file in asm.h asm-session.h asm-session.json; do
    [ ! -e "$build/$file" ] || cp "$build/$file" "$work/$name/build"
done
chmod -R u=rwX,go=rX "$work/$name"
tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --format=ustar -cf - -C "$work" "$name" |
    gzip -9n > "$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256")
hash=$(cut -d ' ' -f 1 "$out/$name.tar.gz.sha256")

# json TEXT: as a string of JSON, without its quotes.
json() { printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g'; }

# CycloneDX 1.5. stb_ds.h is used where it is found, and is no part of this.
cat > "$out/$name.cdx.json" <<END
{
  "bomFormat": "CycloneDX",
  "specVersion": "1.5",
  "version": 1,
  "metadata": {
    "timestamp": "$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)",
    "component": {
      "type": "library",
      "bom-ref": "asm-session",
      "name": "asm-session",
      "version": "$version",
      "description": "Single-header C libraries for AI-agent sessions",
      "licenses": [{"expression": "MIT OR Unlicense"}],
      "purl": "pkg:generic/asm-session@$version",
      "hashes": [{"alg": "SHA-256", "content": "$hash"}]$([ -z "$homepage" ] || printf ',\n      "externalReferences": [{"type": "website", "url": "%s"}]' "$(json "$homepage")")$([ -z "$maintainer" ] || printf ',\n      "author": "%s"' "$(json "$maintainer")")
    }
  },
  "components": [],
  "dependencies": [{"ref": "asm-session", "dependsOn": []}]
}
END
echo "$out/$name.tar.gz"

[ -n "$homepage" ] && [ -n "$maintainer" ] || {
    echo "skipped: recipes for packagers: make dist HOMEPAGE=https://... MAINTAINER='NAME <ADDRESS>' [URL=of the tarball]"
    exit 0
}
url=${url:-$homepage/releases/download/v$version/$name.tar.gz}
sha512=$(sha512sum "$out/$name.tar.gz" | cut -d ' ' -f 1)
date=$(LC_ALL=C date -u -d "@$epoch" '+%a, %d %b %Y %H:%M:%S +0000')
# For sed: what stands in the place of each mark.
fill() {
    for pair in "VERSION=$version" "HOMEPAGE=$homepage" "MAINTAINER=$maintainer" "URL=$url" "SHA256=$hash" \
        "SHA512=$sha512" "DATE=$date"; do
        printf 's|@%s@|%s|g\n' "${pair%%=*}" "$(printf '%s' "${pair#*=}" | sed 's/[\\&|]/\\&/g')"
    done
}
fill > "$work/fill"
(cd packaging && find debian homebrew meson vcpkg xmake -type f) | while read -r file; do
    mkdir -p "$out/recipes/${file%/*}"
    case $file in
        *.in) sed -f "$work/fill" "packaging/$file" > "$out/recipes/${file%.in}" ;;
        *) cp -p "packaging/$file" "$out/recipes/$file" ;;
    esac
done
echo "$out/recipes"
