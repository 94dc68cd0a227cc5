# SPDX-License-Identifier: Apache-2.0
# A thin front over meson: it knows the order of the steps, and nothing else.
# Every path is relative, so that the tree may lie below a folder with a space.

MESON ?= meson
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
# The directories of the GNU coding standards, where they are given: `make install mandir=…`. PREFIX may
# be called prefix too. What is given holds for this tree from then on.
DIRECTORIES = bindir libdir includedir datadir mandir sysconfdir
given = $(foreach name,$(DIRECTORIES),$(if $(filter command,$(firstword $(origin $(name)))),"$(name)=$($(name))"))
ifneq ($(filter command,$(firstword $(origin prefix))),)
override PREFIX := $(prefix)
endif
has_prefix = $(if $(filter file,$(origin PREFIX)),,"prefix=$(PREFIX)")
MESON_OPTIONS ?=
export MESON

.DEFAULT_GOAL := build
.PHONY: build packages test demo bench deb install uninstall clean

build:
	@test -f "$(BUILD)/build.ninja" || \
		$(MESON) setup "$(BUILD)" --prefix="$(PREFIX)" $(MESON_OPTIONS)
	@$(if $(has_prefix)$(given),scripts/set-directories.sh "$(BUILD)" $(has_prefix) $(given),:)
	$(MESON) compile -C "$(BUILD)"

# Silent when nothing is missing; needs neither network nor root then.
packages:
	@scripts/install-packages.sh

# Every configuration of scripts/test.sh; the last line has the totals. With CI=true the tests with real
# partners have to run, so what those need is installed too.
test: packages
	@test "$$CI" != true || scripts/install-packages.sh --partners
	@scripts/test.sh

demo: packages
	@$(MAKE) --no-print-directory build
	@scripts/demo.sh "$(BUILD)"

# A peer that cannot be installed is called missing in the results, so that is no reason to stop.
# Configured again, as a peer may have been installed since.
bench: packages
	@scripts/install-packages.sh --bench || true
	@test ! -f "$(BUILD)/build.ninja" || $(MESON) setup --reconfigure "$(BUILD)" >/dev/null
	@$(MAKE) --no-print-directory build
	@scripts/bench.sh "$(BUILD)"

install: build
	DESTDIR="$(DESTDIR)" $(MESON) install -C "$(BUILD)" --no-rebuild

# What `make install` with the same words puts there, and no more; a changed configuration file stays.
uninstall: build
	@scripts/uninstall.sh "$(BUILD)" "$(DESTDIR)"

# Debian packages, in build/deb: scripts/build-deb.sh. Needs scripts/packages-packaging.txt.
deb: packages
	@scripts/install-packages.sh --packaging
	@scripts/build-deb.sh "$(BUILD)/deb"

clean:
	rm -rf "$(BUILD)" build-test
