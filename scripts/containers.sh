#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Podman for the tests with containers, and the image of the Containerfile.
#
# usage: containers.sh can               is it possible here? If not, says why, and exits 1
#        containers.sh run DIR WORD…     builds the image, localhost/otlpipe, and runs a command where
#                                        "$PODMAN" is podman with its options
#
# DIR is a cache: the storage of podman, and the root of Debian that the image stands on, which
# debootstrap makes the first time. Everything runs in mount and pid namespaces of its own, where DIR
# is /mnt/cache, and /run and /dev/shm are empty. So no container outlives this script, however it ends.
#
# OTLPIPE_DEBIAN_MIRROR   the mirror; default: the one that apt uses here, if that is Debian's
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$here/scripts/debian-mirror.sh"

suite=bookworm
base=localhost/debian:12

say() { printf 'containers: %s\n' "$*" >&2; }

alone() {
	setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child --mount-proc "$@"
}

can() {
	local name
	if (($(id -u) != 0)); then
		echo 'only root makes these containers'
		return 1
	fi
	for name in podman runc conmon catatonit debootstrap unshare setpriv flock; do
		command -v "$name" >/dev/null || { echo "$name is not installed (scripts/install-packages.sh --containers)"; return 1; }
	done
	if ! alone true 2>/dev/null; then
		echo 'mount and pid namespaces are refused here (unshare --mount --pid)'
		return 1
	fi
}

# What an image has of the network while it is built: that of this machine.
keep_names() {
	local names real
	names=$(cat /etc/resolv.conf)
	real=$(realpath -m /etc/resolv.conf)
	mount -t tmpfs -o mode=0755 tmpfs /run
	mkdir -p "$(dirname "$real")"
	[[ -s $real ]] || printf '%s\n' "$names" >"$real"
}

make_base() {
	"$PODMAN" image exists "$base" && return
	use_proxy_of_apt
	rm -rf --one-file-system /mnt/cache/base
	say "making a root of Debian ($suite)"
	debootstrap --variant=minbase "$suite" /mnt/cache/base "$(mirror)" >/mnt/cache/base.log 2>&1 ||
		{ tail -n 20 /mnt/cache/base.log >&2; return 1; }
	rm -rf /mnt/cache/base/var/cache/apt/archives/*.deb
	tar -C /mnt/cache/base -c . | "$PODMAN" import -q - "$base" >/dev/null
	rm -rf --one-file-system /mnt/cache/base
}

# All that is there but for images.
remove_all() {
	local what
	for what in pod container volume; do "$PODMAN" "$what" rm --all --force >/dev/null; done
}

# Within the namespaces.
enter() { # directory, command…
	mount -t tmpfs -o mode=0755 tmpfs /mnt
	mkdir /mnt/cache /mnt/bin
	mount --bind "$1" /mnt/cache
	keep_names
	mount -t tmpfs -o mode=1777 tmpfs /dev/shm
	# The limits of this shell: root may be without the right to raise them.
	cat >/mnt/containers.conf <<-END
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
	END
	cat >/mnt/bin/podman <<-'END'
		#!/bin/sh
		exec podman --root /mnt/cache/storage --runroot /run/storage --tmpdir /run/libpod \
			--storage-driver overlay --runtime runc --cgroup-manager cgroupfs "$@"
	END
	chmod +x /mnt/bin/podman
	export CONTAINERS_CONF=/mnt/containers.conf PODMAN=/mnt/bin/podman
	# What a run before this one left when it was ended.
	remove_all
	make_base
	"$PODMAN" build --quiet --network host --build-arg BASE="$base" -t localhost/otlpipe "$here" \
		>/mnt/cache/build.log 2>&1 || { tail -n 40 /mnt/cache/build.log >&2; return 1; }
	# Layers of sources that have changed since; not those that the next build begins with.
	"$PODMAN" image prune --force --filter until=24h >/dev/null
	local status=0
	"${@:2}" || status=$?
	remove_all
	return "$status"
}

case ${1:-} in
can) can ;;
run)
	(($# > 2)) || { say 'run what, and with which cache?'; exit 2; }
	mkdir -p "$2"
	exec 9>"$2/lock"
	flock --exclusive 9
	alone "$BASH" "$here/scripts/containers.sh" enter "${@:2}" 9>&-
	;;
enter) enter "${@:2}" ;; # this script's own call
*)
	sed -n 's/^# \{0,1\}//; 3,14p' "${BASH_SOURCE[0]}" >&2
	exit 2
	;;
esac
