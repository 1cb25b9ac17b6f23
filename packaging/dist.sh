#!/bin/sh
# Writes a release of what is committed: sh packaging/dist.sh VERSION ASM-H DIRECTORY HOMEPAGE MAINTAINER
# The same commit gives the same bytes: names sorted, times those of the commit, no owner.
set -eu
version=$1 single=$2 out=$3 homepage=$4 maintainer=$5
name=asm-session-$version
tar --version 2> /dev/null | grep -q GNU || { echo "packaging/dist.sh: GNU tar is needed"; exit 1; }
[ -z "$(git status --porcelain --untracked-files=no)" ] || { echo "packaging/dist.sh: there are uncommitted changes"; exit 1; }
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git archive --format=tar --prefix="$name/" HEAD | tar -xf - -C "$work"
mkdir -p "$work/$name/build" "$out"
cp "$single" "$work/$name/build/asm.h"
chmod -R u=rwX,go=rX "$work/$name"
tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --format=ustar -cf - -C "$work" "$name" |
    gzip -9n > "$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256")
hash=$(cut -d ' ' -f 1 "$out/$name.tar.gz.sha256")

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
      "hashes": [{"alg": "SHA-256", "content": "$hash"}]$([ -z "$homepage" ] || printf ',\n      "externalReferences": [{"type": "website", "url": "%s"}]' "$homepage")$([ -z "$maintainer" ] || printf ',\n      "author": "%s"' "$maintainer")
    }
  },
  "components": [],
  "dependencies": [{"ref": "asm-session", "dependsOn": []}]
}
END
echo "$out/$name.tar.gz"
