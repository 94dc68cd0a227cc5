#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Gives a build tree another prefix, or other directories, where it has not these: `make; make install
# PREFIX=… mandir=…`. The tree is configured anew then, and what carries them is made again.
#
# usage: set-directories.sh BUILD NAME=DIRECTORY…     names of meson's: prefix, bindir, sysconfdir…
set -eu
build=$1
shift
meson=${MESON:-meson}

"$meson" introspect --buildoptions "$build" |
	python3 -c 'import json, sys
found = {option["name"]: option["value"] for option in json.load(sys.stdin)}
sys.exit(any(found[name] != value for name, _, value in (word.partition("=") for word in sys.argv[1:])))' "$@" &&
	exit 0
for word in "$@"; do
	shift
	set -- "$@" "-D$word"
done
exec "$meson" configure "$build" "$@"
