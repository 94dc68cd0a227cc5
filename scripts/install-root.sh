#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A Debian root of this machine's release, with systemd and a C compiler and nothing of ours, in which
# tests install the packages and boot. Made by debootstrap, once; tests take it as it is and write to
# an overlay.
#
# usage: install-root.sh can DIR       is it possible here? If not, says why, and exits 1
#        install-root.sh make DIR      make DIR/root, if it is not there or is of another version
set -euo pipefail
(($# == 2)) || { sed -n 's/^# \{0,1\}//; 3,10p' "${BASH_SOURCE[0]}" >&2; exit 2; }

mkdir -p "$2"
dir=$(cd "$2" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/debian-mirror.sh
root=$dir/root stamp=etc/otlpipe-root version=1
# What a newcomer has: a compiler, and what the packages of ours depend on, so that no test downloads.
packages=(
	systemd systemd-sysv libpam-systemd dbus gcc libc6-dev pkgconf python3
	libck0 libcurl4 libinih1 libjson-c5 libmicrohttpd12 libncursesw6 libprotobuf-c1 librdkafka1 libsystemd0 liburing2 libxxhash0 libzstd1 zlib1g
)

say() { printf 'install-root: %s\n' "$*" >&2; }

suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null || true)
contents() { printf 'version %s: %s\n' "$version" "$suite ${packages[*]}"; }
is_current() { [[ -f $root/$stamp && $(<"$root/$stamp") == "$(contents)" ]]; }

can() {
	local name
	(($(id -u) == 0)) || { echo 'only root can make and boot a root'; return 1; }
	for name in debootstrap wget unshare systemd-nspawn dh lintian dpkg-buildpackage flock; do
		command -v "$name" >/dev/null ||
			{ echo "$name is not installed (scripts/install-packages.sh --packaging)"; return 1; }
	done
	[[ -n $suite ]] || { echo 'this is no release of Debian (/etc/os-release)'; return 1; }
	unshare --mount --pid --fork true 2>/dev/null ||
		{ echo 'mount and pid namespaces are refused here (unshare --mount --pid)'; return 1; }
	is_current && return
	use_proxy_of_apt
	wget -q -O /dev/null --timeout=20 --tries=2 "$(mirror)/dists/$suite/InRelease" ||
		{ echo "the mirror does not answer: $(mirror)/dists/$suite (OTLPIPE_DEBIAN_MIRROR names another)"; return 1; }
}

make_root() {
	local started=$SECONDS include
	exec 9>"$dir/lock"
	flock 9
	is_current && return
	use_proxy_of_apt
	include=$(IFS=,; printf '%s' "${packages[*]}")
	rm -rf --one-file-system "$dir/root.new"
	mkdir -p "$dir/root.new/etc/dpkg/dpkg.cfg.d"
	# A root that is half written is thrown away, so nothing has to be synced. Nobody reads there.
	cat >"$dir/root.new/etc/dpkg/dpkg.cfg.d/otlpipe" <<-END
		force-unsafe-io
		path-exclude=/usr/share/doc/*
		path-exclude=/usr/share/locale/*
	END
	# debootstrap takes no path with a space, and this tree may be below one. The host's mounts stay as
	# they are.
	# shellcheck disable=SC2016
	unshare --mount --propagation private bash -euc '
		mount --bind "$1" /mnt
		debootstrap --variant=minbase --include="$2" "$3" /mnt/root.new "$4"
	' bash "$dir" "$include" "$suite" "$(mirror)" >"$dir/log" 2>&1 9>&- ||
		{ tail -n 20 "$dir/log" "$dir/root.new/debootstrap/debootstrap.log" >&2 || true; return 1; }
	rm -rf "$dir"/root.new/var/cache/apt/archives/*.deb "$dir"/root.new/var/lib/apt/lists/*
	: >"$dir/root.new/etc/machine-id"
	contents >"$dir/root.new/$stamp"
	rm -rf --one-file-system "$root"
	mv "$dir/root.new" "$root"
	say "made in $((SECONDS - started)) s"
}

case $1 in
can) can ;;
make) make_root ;;
*) exit 2 ;;
esac
