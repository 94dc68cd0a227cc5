#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the Debian packages of this tree, in a copy of it: nothing is left in the tree itself. debhelper
# takes no path with a blank, so where DIR has one the copy is below $TMPDIR (/tmp), and removed again.
#
# usage: build-deb.sh DIR      the packages are DIR/*.deb afterwards; what is there and of the same
#                              sources is left alone
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
(($# == 1)) || { echo 'usage: build-deb.sh DIR' >&2; exit 2; }

say() { printf 'deb: %s\n' "$*" >&2; }

mkdir -p "$1"
dir=$(cd "$1" && pwd)
version=$(sed -n 's/^#define OTLP_VERSION_[A-Z]* //p' core/include/otlpipe/version.h | paste -sd.)
for name in dh dh_python3 scdoc; do
	command -v "$name" >/dev/null ||
		{ say "$name is not installed: scripts/install-packages.sh --packaging"; exit 1; }
done

# What packages are made of: neither what was built, nor what is hidden, nor what only tests need.
sources() {
	find . -mindepth 1 -maxdepth 1 ! -name '.*' ! -name 'build*' ! -name tests ! -name rust ! -name 'scratch-*' -print0 |
		xargs -0 -I{} find {} \( -name __pycache__ -o -name '*.pyc' \) -prune -o -type f -print0 | LC_ALL=C sort -z
}

exec 9>"$dir/lock"
flock 9
stamp=$(sources | xargs -0 sha256sum | sha256sum)
if [[ -f $dir/stamp && $(<"$dir/stamp") == "$stamp" ]]; then
	say "the packages are those of these sources"
	exit 0
fi

started=$SECONDS
rm -rf "${dir:?}/stamp" "$dir/tree" "$dir"/*.deb
tree=$dir/tree
if [[ $tree == *[[:space:]]* ]]; then
	tree=$(TMPDIR=${TMPDIR:-/tmp} mktemp -d -t otlpipe-deb-XXXXXX)
	trap 'rm -rf --one-file-system "$tree"' EXIT
	[[ $tree != *[[:space:]]* ]] || { say "debhelper takes no path with a blank, and \$TMPDIR has one too: $tree"; exit 1; }
	say "a copy in $tree, as debhelper takes no path with a blank"
fi
mkdir -p "$tree/otlpipe-$version"
sources | tar -c --null -T - | tar -x -C "$tree/otlpipe-$version"
# -d: what it needs is in our own lists, and some of it may have been built by hand.
if ! (cd "$tree/otlpipe-$version" && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u DESTDIR -u PREFIX \
	-u BUILD -u CC -u CXX LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin dpkg-buildpackage -b -us -uc -d) >"$dir/log" 2>&1; then
	tail -n 40 "$dir/log" >&2
	say "dpkg-buildpackage failed; its log: $dir/log"
	exit 1
fi
rm -f "$dir"/*.changes "$dir"/*.buildinfo
mv "$tree"/*.deb "$tree"/*.changes "$tree"/*.buildinfo "$dir/"
rm -rf --one-file-system "$tree"
printf '%s\n' "$stamp" >"$dir/stamp"
say "built in $((SECONDS - started)) s: $(cd "$dir" && echo *.deb)"
