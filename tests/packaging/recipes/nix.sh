#!/bin/sh
# Our flake, built with a stand-in for nixpkgs and a store of its own: sh nix.sh REPOSITORY WORK, in the folder of this file.
# Without a network and a sandbox; the package is WORK/result then.
set -eu
here=$(cd "$(dirname "$0")" && pwd) repository=$1 work=$2
mkdir -p "$work/home"
cp -R "$here/nixpkgs" "$work/nixpkgs"
export HOME="$work/home" NIX_STORE_DIR="$work/store" NIX_STATE_DIR="$work/var" NIX_LOG_DIR="$work/log"
status=0
nix build --extra-experimental-features 'nix-command flakes' --option sandbox false --option build-users-group '' \
    --option substitute false --no-write-lock-file --out-link "$work/result" --override-input nixpkgs "path:$work/nixpkgs" \
    "git+file://$repository?dir=packaging/nix" || status=1
chmod -R u+w "$work/store" # it takes the right to write from what it keeps
exit $status
