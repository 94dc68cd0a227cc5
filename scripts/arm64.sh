#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds for arm64 and runs the unit tests, and the model's rules and faults with a real writer, on
# an emulated arm64 machine with Debian's kernel: two processors, everything in its memory. By hand,
# since it takes some 10 minutes and downloads 80 MB; make test does not need it. A user-mode
# emulator would not do: it knows no MADV_WIPEONFORK, no ptrace and no seccomp.
#
# The tests that stop a process at each of its instructions are skipped: a step between an exclusive
# load and its store, of which ck makes its compare-and-swap, lets the store fail for ever.
#
# usage: arm64.sh          logs are in build-arm64/
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install-packages.sh --arm64

# The directory without blanks that meson's machine file and apt want: the tree may have some.
out=$(mktemp -d "${TMPDIR:-/tmp}/otlpipe-arm64-XXXXXX")
trap 'rm -rf "$out"' EXIT
mkdir -p build-arm64 "$out"/{apt/lists/partial,debs/partial,sysroot,image}
keep=$PWD/build-arm64

# --- arm64's libraries, beside this machine's: nothing is installed
touch "$out/apt/status"
cat >"$out/apt.conf" <<END
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
Dir::State "$out/apt";
Dir::State::status "$out/apt/status";
Dir::Cache::archives "$out/debs";
APT::Sandbox::User "";
END
apt() { APT_CONFIG=$out/apt.conf apt-get -q "$@" >"$out/apt.log" 2>&1 || { cat "$out/apt.log"; exit 1; }; }
apt update
apt install -y --no-install-recommends --download-only libc6-dev libgcc-s1 libck-dev liburing-dev \
	libxxhash-dev libprotobuf-c-dev libjson-c-dev libcurl4-openssl-dev librdkafka-dev libzstd-dev \
	zlib1g-dev libcmocka-dev libseccomp-dev linux-image-arm64 busybox-static
for package in "$out"/debs/*.deb; do
	dpkg -x "$package" "$out/sysroot"
done
if [[ -d $out/sysroot/lib && ! -L $out/sysroot/lib ]]; then
	cp -a "$out/sysroot/lib/." "$out/sysroot/usr/lib/"
	rm -rf "$out/sysroot/lib"
	ln -s usr/lib "$out/sysroot/lib"
fi

# --- build
libraries=$out/sysroot/usr/lib/aarch64-linux-gnu
cat >"$out/machine.ini" <<END
[binaries]
c = ['aarch64-linux-gnu-gcc', '--sysroot=$out/sysroot']
cpp = ['aarch64-linux-gnu-g++', '--sysroot=$out/sysroot']
ar = 'aarch64-linux-gnu-ar'
objcopy = 'aarch64-linux-gnu-objcopy'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
[properties]
sys_root = '$out/sysroot'
pkg_config_libdir = '$libraries/pkgconfig:$out/sysroot/usr/share/pkgconfig'
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
END
build=$out/build
${MESON:-meson} setup "$build" --cross-file "$out/machine.ini" -Dbench=disabled >"$keep/build.log"
mapfile -t tests < <(ninja -C "$build" -t targets all |
	sed -nE 's#^(tests/unit/test_[a-z0-9_]+|tests/pipeline/test_model_[a-z]+): .*#\1#p' | sort)
others=(writer/otlpipe-writer tests/pipeline/model_preload.so)
ninja -C "$build" "${tests[@]}" "${others[@]}" >>"$keep/build.log" || { tail -30 "$keep/build.log"; exit 1; }

# --- a machine whose init runs the tests
image=$out/image
mkdir -p "$image"/{bin,lib/aarch64-linux-gnu,proc,sys,dev,tmp,otlpipe,etc}
cp "$out/sysroot/bin/busybox" "$image/bin/" 2>/dev/null || cp "$out/sysroot/usr/bin/busybox" "$image/bin/"
cp -L "$libraries/ld-linux-aarch64.so.1" "$image/lib/"
for name in libc.so.6 libm.so.6 libgcc_s.so.1 libcmocka.so.0 liburing.so.2 libxxhash.so.0 \
	libprotobuf-c.so.1 libjson-c.so.5 libzstd.so.1 libz.so.1 libseccomp.so.2; do
	cp -L "$libraries/$name" "$image/lib/aarch64-linux-gnu/"
done
cp -L "$build/core/libotlpipe.so.0" "$image/lib/aarch64-linux-gnu/"
for name in "${tests[@]}" "${others[@]}"; do
	mkdir -p "$image/otlpipe/$(dirname "$name")"
	aarch64-linux-gnu-strip -o "$image/otlpipe/$name" "$build/$name"
done
echo root:x:0:0:root:/:/bin/sh >"$image/etc/passwd"
cat >"$image/init" <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin OTLPIPE_WRITER=/otlpipe/writer/otlpipe-writer
export OTLPIPE_MODEL_PRELOAD=/otlpipe/tests/pipeline/model_preload.so
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mkdir /dev/shm; mount -t tmpfs -o mode=1777 shm /dev/shm
uname -srm
passed=0; failed=0
cd /otlpipe
for test in tests/unit/test_* tests/pipeline/test_*; do
	began=$(date +%s)
	if timeout 1800 "$test" >/tmp/out 2>&1; then
		passed=$((passed + 1)); result=OK
	else
		failed=$((failed + 1)); result=FAIL
	fi
	echo "$result $test, $(($(date +%s) - began)) s, $(grep -c '^\[       OK' /tmp/out) passed, $(grep '^\[  SKIPPED \] [a-z]' /tmp/out | sort -u | wc -l) skipped"
	[ $result = OK ] || grep -E '^\[ +(ERROR|LINE|FAILED) ' /tmp/out | head -20
done
echo "left in /dev/shm: $(ls /dev/shm | wc -l)"
echo "$passed passed, $failed failed"
poweroff -f
END
chmod +x "$image/init"
(cd "$image" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$out/image.gz"
qemu-system-aarch64 -M virt -cpu max -smp 2 -m 1536 -net none -nographic -no-reboot \
	-kernel "$out"/sysroot/boot/vmlinuz-* -initrd "$out/image.gz" \
	-append 'console=ttyAMA0 rdinit=/init quiet panic=-1' </dev/null | tee "$keep/tests.log"
tail -n 5 "$keep/tests.log" | grep -q '^[0-9]* passed, 0 failed'
