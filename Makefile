# SPDX-License-Identifier: Apache-2.0
# Everything is built by meson; these are the names that people remember. Each installs what it needs on Debian 12.

BUILD ?= build
LAB ?= lab3
GUESTS ?= namespace
MESON_OPTIONS ?=

.PHONY: all deps demo check bench asan fuzz format tidy install clean

all: deps
	@tools/configure $(BUILD) $(MESON_OPTIONS)
	@ninja -C $(BUILD)

deps:
	@tools/install-packages

demo: all
	@tools/demo $(LAB) $(GUESTS)

check: all
	@tools/check $(BUILD)

bench: all
	@bench/run
	@bench/control
	@bench/records

asan: deps
	@tools/configure build-asan -Db_sanitize=address,undefined -Db_lundef=false
	@ninja -C build-asan
	@tools/check build-asan

fuzz: deps
	@tools/fuzz $(FUZZ_SECONDS)

format: deps
	@tools/format

tidy: all
	@tools/tidy $(BUILD)

install: all
	@meson install -C $(BUILD)

clean:
	rm -rf build build-asan build-fuzz
