# SPDX-License-Identifier: MIT
#
# `make help` says what there is. What is built how: scripts/build.mk, linker/rules.mk, and rules.mk
# in each room; tests: tests/rules.mk.
#
# V=1 shows commands. O= is the build directory. EXTRA_CFLAGS= reaches the kernel only. POOL_SIZE=
# is the size of the page-table pool in bytes, for tests of what happens when it is too small.
# KASAN=1 builds what checks its own memory accesses, in a folder of its own: docs/kasan.md.

KASAN ?= 0
kasan := $(filter 1,$(KASAN))
O ?= build$(if $(kasan),/kasan)
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = @$(if $(filter 1,$(V)),:,printf '  %-7s %s\n' '$(1)' '$(2)')

CROSS_COMPILE ?= aarch64-linux-gnu-
CC := $(CROSS_COMPILE)gcc
OBJCOPY := $(CROSS_COMPILE)objcopy
HOSTCC ?= gcc
PYTHON ?= /usr/bin/python3

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

# Each room's own rules, in its folder.
rooms := $(wildcard arch/arm64/*/rules.mk efi/rules.mk kernel/*/rules.mk lib/rules.mk \
	mm/*/rules.mk pi/rules.mk)

include scripts/build.mk
include $(rooms)
include linker/rules.mk tests/rules.mk docs/rules.mk

.PHONY: help
help:
	@sed -n 's/^#: /make /p' $(MAKEFILE_LIST)

#: all            build/Image and build/pagoda.elf; KASAN=1: what checks itself, in build/kasan
.PHONY: all
all: $(O)/Image compile_commands.json

# Variables from make's command line are in the environment of recipes; O may come from here.
export O KASAN

.PHONY: setup-run setup-firmware run gdb disk fit
setup-run:
	@scripts/setup run
	@$(if $(filter-out none,$(FIRMWARE)),scripts/setup firmware)

setup-firmware:
	@scripts/setup firmware

#: run            boot it under QEMU: CPU= MEM= APPEND= EL2=1 FIRMWARE=uefi|uboot QEMU_ARGS=
run: setup-run
	@$(MAKE) --no-print-directory O=$(O) all
	@scripts/run

#: gdb            the same, stopped at its first instruction, in a debugger
gdb: setup-run
	@scripts/setup gdb
	@$(MAKE) --no-print-directory O=$(O) all
	@scripts/run --gdb

#: disk           build/disk.img, a bootable stick: APPEND=; KEY= CERT= sign for Secure Boot
disk: setup-firmware
	@$(MAKE) --no-print-directory O=$(O) all
	$(call say,DISK,$(O)/disk.img)
	$(Q)scripts/make-disk $(O)/Image $(O)/disk.img

#: fit            build/pagoda.itb, for U-Boot's bootm
fit: setup-firmware
	@$(MAKE) --no-print-directory O=$(O) all
	$(call say,FIT,$(O)/pagoda.itb)
	$(Q)mkimage -D '-I dts -O dtb -p 500 -i $(O)' -f scripts/pagoda.its $(O)/pagoda.itb \
		>/dev/null

.PHONY: setup-lint check-format lint clean
setup-lint:
	@scripts/setup lint

#: check-format   what every file looks like
check-format: setup-lint
	$(Q)scripts/check-format

#: lint           static analysis of everything
lint: setup-lint
	$(Q)scripts/lint

clean:
	$(Q)rm -rf $(O) compile_commands.json
