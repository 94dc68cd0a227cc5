#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Removes what `make install` puts on this machine: what that is says a second install, to a staging
# folder. So it does not matter when, and from which tree, it was installed. Of directories only our own
# go, when they are empty; a configuration file that was changed stays.
#
# usage: uninstall.sh BUILD DESTDIR
set -euo pipefail
build=$1 destdir=$2

stage=$(mktemp -d "$build/uninstall.XXXXXX")
trap 'rm -rf "$stage"' EXIT
stage=$(cd "$stage" && pwd)
DESTDIR=$stage "${MESON:-meson}" install -C "$build" --no-rebuild --quiet

removed=0 kept=0
while IFS= read -r -d '' path; do
	target=$destdir/$path
	[[ -e $target || -L $target ]] || continue
	if [[ $path == */otlpipe/writer.conf ]] && ! cmp -s "$stage/$path" "$target"; then
		printf 'uninstall: kept, as it was changed: %s\n' "$target"
		kept=$((kept + 1))
		continue
	fi
	rm -f "$target"
	removed=$((removed + 1))
done < <(cd "$stage" && find . ! -type d -printf '%P\0')
while IFS= read -r -d '' path; do
	[[ ! -d $destdir/$path ]] || rmdir --ignore-fail-on-non-empty "$destdir/$path"
done < <(cd "$stage" && find . -depth -type d \
	\( -name '*otlpipe*' -o -path '*/share/*otlpipe*/*' -o -path '*/include/otlpipe/*' \) -printf '%P\0')
if [[ -z $destdir ]] && (($(id -u) == 0)) && PATH=$PATH:/usr/sbin:/sbin command -v ldconfig >/dev/null; then
	PATH=$PATH:/usr/sbin:/sbin ldconfig ||
		echo "uninstall: ldconfig failed; the loader's cache still names the library" >&2
fi
printf 'uninstall: %d files removed, %d kept\n' "$removed" "$kept"
