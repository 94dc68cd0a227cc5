#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Run by "meson dist": puts the library's sources into the source distribution.
# usage: vendor.sh TREE      TREE has base/, core/ and shm/
set -eu

to=$MESON_DIST_ROOT/vendor
for folder in base core core/include/otlpipe core/record shm; do
	mkdir -p "$to/$folder"
	cp "$1/$folder"/*.h "$to/$folder/"
	cp "$1/$folder"/*.c "$to/$folder/" 2>/dev/null || test "$folder" = core/include/otlpipe
done
