#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Debian 13 on a machine that runs another Debian: a root made by debootstrap, in which this tree is
# built and tested with that release's compiler, libraries and opentelemetry-cpp.
#
# usage: debian13.sh              build and test there: scripts/test.sh debian13
#        debian13.sh can          is it possible here? If not, says why, and exits 1
#        debian13.sh root         make the root, or another one if what it has to hold has changed
#        debian13.sh run WORD…    run a command in the root, with this tree as /otlpipe
#
# The root is build-test/debian13/root. It is made under another name and renamed when it is whole;
# what runs in it cannot write to it. Mounts and processes are in namespaces of their own, which end
# with this script, however that ends. /dev/shm and /tmp are not the host's.
#
# OTLPIPE_DEBIAN_MIRROR   the mirror; default: the one that apt uses here, if that is Debian's
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/debian-mirror.sh

suite=trixie
out=build-test/debian13
root=$out/root
stamp=etc/otlpipe-root # in the root: what it was made of
version=1              # of how it is made
tree=/otlpipe          # where it has this tree

say() { printf 'debian13: %s\n' "$*" >&2; }

# What building and testing need, and what the SDK's headers need.
contents() {
	printf 'made by version %s from %s\n' "$version" "$suite"
	sed '/^# Not in the root of scripts\/debian13.sh/,$d' scripts/packages.txt |
		cat - scripts/packages-debian13.txt | sed 's/ *#.*//; s/ *|.*//; /^ *$/d'
}

is_current() { [[ -f $root/$stamp && $(<"$root/$stamp") == "$(contents)" ]]; }

# In namespaces of its own. unshare(1) ends when this script is gone, however it ended, and then the
# kernel ends all that is in them.
alone() {
	setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child "$@"
}

can() {
	local name
	if (($(id -u) != 0)); then
		echo 'only root can make and enter a Debian 13 root'
		return 1
	fi
	for name in debootstrap wget unshare setpriv flock; do
		command -v "$name" >/dev/null || { echo "$name is not installed"; return 1; }
	done
	if ! alone true 2>/dev/null; then
		echo 'mount and pid namespaces are refused here (unshare --mount --pid)'
		return 1
	fi
	is_current && return
	use_proxy_of_apt
	if ! wget -q -O /dev/null --timeout=20 --tries=2 "$(mirror)/dists/$suite/InRelease"; then
		echo "the mirror does not answer: $(mirror)/dists/$suite (OTLPIPE_DEBIAN_MIRROR names another)"
		return 1
	fi
}

# The root may be made while nobody runs in it, and by one at a time.
lock() { # exclusive or shared
	mkdir -p "$out"
	exec 9>"$out/lock"
	flock "--$1" --nonblock 9 && return
	say 'waiting for another debian13.sh'
	flock "--$1" 9
}

make_root() {
	is_current && return
	lock exclusive
	is_current && return # Another one has made it.
	use_proxy_of_apt
	local started=$SECONDS
	alone "$BASH" scripts/debian13.sh fill "$(mirror)" 9>&- || { say 'the root could not be made'; return 1; }
	# Without a moment in which something half removed has the name.
	rm -rf --one-file-system "$out/root.old"
	[[ ! -e $root ]] || mv "$root" "$out/root.old"
	mv "$out/root.new" "$root"
	rm -rf --one-file-system "$out/root.old"
	say "the root was made in $((SECONDS - started)) s"
}

# Within the namespaces: makes root.new.
fill() { # mirror
	# debootstrap takes no path with a space, and this tree may be below one.
	mount --bind "$out" /mnt
	local new=/mnt/root.new packages
	rm -rf --one-file-system "$new"
	mapfile -t packages < <(contents | tail -n +2)
	if [[ -f /mnt/root/$stamp && $(head -n 1 "/mnt/root/$stamp") == "$(contents | head -n 1)" ]]; then
		cp -a --reflink=auto /mnt/root "$new"
	else
		bootstrap "$new" "$1"
	fi
	mount -t proc proc "$new/proc"
	mount --bind /dev "$new/dev"
	cp /etc/resolv.conf "$new/etc/resolv.conf"
	# The lists may name versions that the mirror no longer has.
	in_new "$new" apt-get -q update
	in_new "$new" apt-get -q -o Dpkg::Use-Pty=0 install -y --no-install-recommends "${packages[@]}"
	umount "$new/dev" "$new/proc"
	rm -rf "$new"/var/cache/apt/archives/*.deb
	contents >"$new/$stamp"
}

bootstrap() { # directory, mirror
	mkdir -p "$1/etc/dpkg/dpkg.cfg.d" "$1$tree" "$1/usr/sbin"
	# A root that is half written is thrown away, so nothing has to be synced. Nobody reads there.
	cat >"$1/etc/dpkg/dpkg.cfg.d/otlpipe" <<-END
		force-unsafe-io
		path-exclude=/usr/share/doc/*
		path-exclude=/usr/share/man/*
		path-exclude=/usr/share/info/*
		path-exclude=/usr/share/locale/*
	END
	debootstrap --variant=minbase "$suite" "$1" "$2" ||
		{ tail -n 20 "$1/debootstrap/debootstrap.log" || true; return 1; }
	# No package may start a service.
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
	chmod +x "$1/usr/sbin/policy-rc.d"
	printf '127.0.0.1 localhost\n::1 localhost\n' >"$1/etc/hosts"
}

in_new() { # directory, command…
	chroot "$1" env -i DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
		${http_proxy:+"http_proxy=$http_proxy"} PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		"$2" -o APT::Sandbox::User=root "${@:3}"
}

run() {
	is_current || make_root
	lock shared
	# What this machine's user has set must not reach the commands, but for what tests are told by.
	local name keep=()
	while read -r name; do
		keep+=("$name=${!name}")
	done < <(compgen -e | grep -E '^(CI|TERM|MESON_TESTTHREADS|CC|CXX|OTLPIPE_[A-Z_]*|[A-Z]*SAN_OPTIONS)$')
	alone "$BASH" scripts/debian13.sh enter env -i "${keep[@]}" HOME=/root LC_ALL=C.UTF-8 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# Within the namespaces: the root as / of a command, which cannot change it.
enter() {
	local name
	mount --bind "$root" "$root"
	mount -o remount,bind,ro "$root"
	mount --bind . "$root$tree"
	mount -t proc proc "$root/proc"
	mount --rbind /sys "$root/sys"
	# Without what is mounted below it: the host's /dev/shm above all.
	mount --bind /dev "$root/dev"
	for name in dev/shm tmp run var/tmp root; do
		mount -t tmpfs -o mode=1777 tmpfs "$root/$name"
	done
	mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts" 2>/dev/null || true
	# The shell is process 1: it waits for whoever has lost its parent, and ends all when it ends.
	# shellcheck disable=SC2016
	exec chroot "$root" /bin/bash -c 'trap "exit 130" INT TERM HUP; cd "$0" && "$@"; exit $?' "$tree" "$@"
}

case ${1:-} in
'') exec scripts/test.sh debian13 ;;
can) can ;;
root) make_root ;;
run)
	(($# > 1)) || { say 'run what?'; exit 2; }
	run "${@:2}"
	;;
fill | enter) "$1" "${@:2}" ;; # this script's own calls
*)
	sed -n 's/^# \{0,1\}//; 3,18p' "${BASH_SOURCE[0]}" >&2
	exit 2
	;;
esac
