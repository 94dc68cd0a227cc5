#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Called by meson behind an install to this machine (not behind one to a staging folder): tells the
# loader about the library, or the user where the loader does not look.
#
# usage: after-install.sh LIBDIR      below the prefix, which meson has in the environment
set -eu
libdir=$MESON_INSTALL_PREFIX/$1
PATH=$PATH:/usr/sbin:/sbin

command -v ldconfig >/dev/null 2>&1 || exit 0
if [ "$(id -u)" -eq 0 ]; then
	ldconfig || echo "otlpipe: ldconfig failed; programs may not find libotlpipe in $libdir" >&2
fi
ldconfig -p 2>/dev/null | grep -qF " $libdir/libotlpipe.so." || cat <<END
otlpipe: the loader does not look into $libdir. Programs that link libotlpipe find it
  with LD_LIBRARY_PATH=$libdir, or linked with -Wl,-rpath,$libdir
END
