#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Called by meson at an install: a configuration file that somebody changed stays as it is.
#
# usage: install-config.sh FILE DIRECTORY     relative to the prefix, or absolute
set -eu
file=$1 name=${1##*/}
case $2 in
/*) directory=${DESTDIR:-}$2 ;;
*) directory=$MESON_INSTALL_DESTDIR_PREFIX/$2 ;;
esac
target=$directory/$name

mkdir -p "$directory"
if [ ! -e "$target" ]; then
	install -m 644 "$file" "$target"
elif cmp -s "$file" "$target"; then
	:
else
	install -m 644 "$file" "$target.new"
	echo "otlpipe: $target was changed, and stays; the one of this version is $target.new" >&2
fi
