# SPDX-License-Identifier: MIT
#
# make            build/Image and build/pagoda.elf
# make run        boot it under QEMU: CPU= MEM= APPEND= EL2=1 FIRMWARE=uefi|uboot QEMU_ARGS=
# make gdb        the same, stopped at its first instruction, in a debugger
# make disk       build/disk.img, a bootable stick: APPEND=; KEY= CERT= sign for Secure Boot
# make fit        build/pagoda.itb, for U-Boot's bootm
# make test       everything that must hold: unit, script, boot and viewer tests
# make unit | boot-test | script-test | view-test     parts of that
# make firmware-test   more machines and firmware than make test has time for
# make docs-images | docs-session   what documents show, again, from what is built
# make conformance   the self tests on every CPU that QEMU models: build/conformance.md, .json
# make fuzz       fuzzing: TIME= seconds for each TARGET=, or TOTAL= for all
# make mutants    whether the tests catch seeded defects
# make coverage   what of pi/, mm/ and lib/ the unit tests reach
# make proof      what is proven of descriptors and map_range(): docs/proof.md
# make bench      what a boot costs, in instructions, and how that grows; PEER=linux: beside Linux
# make bench-boot only what the boot to kernel_main costs, by function
# make bench-baseline   make what it costs now the baseline that `make test` compares with
# make check-format | lint
#
# V=1 shows commands. O= is the build directory. EXTRA_CFLAGS= reaches kernel/ only. POOL_SIZE= is
# the size of the page-table pool in bytes, for tests of what happens when it is too small.

O ?= build
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

# ---- what there is -----------------------------------------------------------------------------

early_sources := $(wildcard pi/*.c)
efi_sources := $(wildcard efi/*.c)
# Of mm/ and lib/, what only the kernel needs.
late_sources := lib/json.c mm/areas.c mm/buddy.c mm/change.c mm/heap.c mm/vmalloc.c
shared_sources := $(filter-out $(late_sources),$(wildcard mm/*.c lib/*.c))
kernel_sources := $(wildcard kernel/*.c) $(late_sources)
arch_sources := $(wildcard arch/arm64/*.c arch/arm64/*.S)

generated := $(O)/gen/generated/sysreg.h $(O)/gen/sysreg_table.c

objects_of = $(patsubst %,$(O)/%.o,$(basename $(1)))
early_objects := $(call objects_of,$(early_sources))
efi_objects := $(call objects_of,$(efi_sources))
shared_objects := $(call objects_of,$(shared_sources)) $(O)/gen/sysreg_table.o
kernel_objects := $(call objects_of,$(kernel_sources))
arch_objects := $(call objects_of,$(arch_sources))
image_objects := $(early_objects) $(efi_objects) $(shared_objects) $(kernel_objects) $(arch_objects)

# ---- how it is compiled ------------------------------------------------------------------------

warnings := -Wall -Wextra -Werror -Wshadow -Wundef -Wvla -Wwrite-strings -Wstrict-prototypes \
	-Wmissing-prototypes -Wmissing-declarations -Wold-style-definition -Wpointer-arith

# Everywhere in the Image: position independent and hidden, so that no global offset table comes to
# be; no SIMD; aligned accesses only, since much of it runs with the MMU off.
image_flags := -std=gnu11 -g $(warnings) -ffreestanding -fpie -fvisibility=hidden \
	-include include/pagoda/hidden.h -mgeneral-regs-only -mstrict-align -mno-outline-atomics \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-common \
	-fno-tree-loop-distribute-patterns -fno-ident -Iinclude -I$(O)/gen
# What runs in the early runtime is counted in instructions, not in bytes: hence -O3 there.
branch_protection := -mbranch-protection=standard

$(early_objects): flags := $(image_flags) -O3
$(efi_objects): flags := $(image_flags) -Os
# A loop's condition copied before the loop (-ftree-ch) pays in the FDT's reader, where a boot
# spends its time. Elsewhere it is more code to fetch, and for an emulator to translate, than it
# saves.
$(shared_objects): flags := $(image_flags) -O3 -fno-tree-ch $(branch_protection)
$(call objects_of,lib/fdt.c): flags := $(image_flags) -O3 $(branch_protection)
# Firmware is still in charge when these run, and nobody counts.
$(call objects_of,lib/acpi.c lib/fdt_write.c): flags := $(image_flags) -Os $(branch_protection)
$(arch_objects): flags := $(image_flags) -O2 $(branch_protection)
$(kernel_objects): flags := $(image_flags) -O2 $(branch_protection) \
	-fno-omit-frame-pointer $(EXTRA_CFLAGS)
# Tests are in no hurry, and a boot pays for the size of text.
$(call objects_of,$(wildcard kernel/*test*.c) $(addprefix kernel/,change_random.c scratch.c \
		interrupt.c)): \
	flags := $(image_flags) -Os $(branch_protection) \
	-fno-omit-frame-pointer $(EXTRA_CFLAGS)

POOL_SIZE ?=
linker_defines := $(if $(POOL_SIZE),-DPOOL_SIZE=$(POOL_SIZE))
link_flags := -nostdlib -static-pie -Wl,-z,text -Wl,-z,norelro -Wl,-z,noexecstack \
	-Wl,-z,max-page-size=65536 -Wl,--no-dynamic-linker -Wl,--build-id=none \
	-Wl,--orphan-handling=error -Wl,--fatal-warnings -Wl,--no-warn-rwx-segments

# ---- the Image ---------------------------------------------------------------------------------

.PHONY: all
all: $(O)/Image compile_commands.json

$(O)/gen/generated/sysreg.h: arch/arm64/sysreg.tbl scripts/gen-sysreg
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)scripts/gen-sysreg $< header > $@

$(O)/gen/sysreg_table.c: arch/arm64/sysreg.tbl scripts/gen-sysreg
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)scripts/gen-sysreg $< table > $@

# $(1) the word to say, $(2) the compiler, $(3) its flags. The command is noted for editors' sake;
# make expands all of a recipe before it runs any of it, so the folder is made by $(shell).
define compile
	$(shell mkdir -p $(@D))$(file >$@.cmd,$(strip $(2) $(3) -MMD -MP -c -o $@ $<))
	$(call say,$(1),$@)
	$(Q)$(2) $(3) -MMD -MP -c -o $@ $<
endef

$(O)/%.o: %.c Makefile | $(generated)
	$(call compile,CC,$(CC),$(flags))

$(O)/gen/%.o: $(O)/gen/%.c Makefile | $(generated)
	$(call compile,CC,$(CC),$(flags))

# head.S is where every other file's assumptions begin: assembled without the C-only include.
$(O)/%.o: %.S Makefile | $(generated)
	$(call compile,AS,$(CC),-g -D__ASSEMBLER__ -march=armv8-a -Iinclude -I$(O)/gen)

$(O)/pagoda.lds: linker/pagoda.lds.S include/pagoda/start.h Makefile $(O)/pool-size
	$(call say,GEN,$@)
	$(Q)$(CC) -E -P -undef -x assembler-with-cpp -D__ASSEMBLER__ $(linker_defines) -Iinclude \
		'-DEARLY_OBJECTS=$(O)/pi/?*.o' '-DEFI_OBJECTS=$(O)/efi/?*.o' -o $@ $<

# Changes when POOL_SIZE does, and only then.
.PHONY: force
$(O)/pool-size: force
	@mkdir -p $(@D)
	@echo '$(POOL_SIZE)' | cmp -s - $@ || echo '$(POOL_SIZE)' > $@

# Linked twice: the table of the functions' names and offsets is made from the first link, where it
# is empty. It is read-only data, which stands before text: text moves, but not the functions in it.
link = $(CC) $(link_flags) -T $(O)/pagoda.lds -o $@ $(image_objects)

$(O)/gen/no_symbols.S: scripts/gen-symbols
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)scripts/gen-symbols > $@

$(O)/pagoda.elf.1: $(image_objects) $(O)/gen/no_symbols.S $(O)/pagoda.lds scripts/check-sealed \
		scripts/early-imports.txt
	$(call say,CHECK,early runtime)
	$(Q)scripts/check-sealed --imports scripts/early-imports.txt $(early_objects) \
		$(efi_objects) --shared $(shared_objects)
	$(call say,LD,$@)
	$(Q)$(link) $(O)/gen/no_symbols.S

$(O)/gen/symbols.S: $(O)/pagoda.elf.1 scripts/gen-symbols
	$(call say,GEN,$@)
	$(Q)scripts/gen-symbols $< > $@

$(O)/pagoda.elf: $(image_objects) $(O)/gen/symbols.S $(O)/pagoda.lds
	$(call say,LD,$@)
	$(Q)$(link) $(O)/gen/symbols.S
	$(Q)scripts/gen-symbols $@ | cmp -s - $(O)/gen/symbols.S || \
		{ echo '$@: the table of symbols does not fit it' >&2; rm $@; exit 1; }

$(O)/Image: $(O)/pagoda.elf scripts/check-image
	$(call say,IMAGE,$@)
	$(Q)$(OBJCOPY) -O binary $< $@
	$(Q)scripts/check-image $< $@

compile_commands.json: $(O)/Image scripts/gen-compile-commands
	$(call say,GEN,$@)
	$(Q)scripts/gen-compile-commands $(filter-out $(O)/gen/%,$(image_objects:=.cmd)) > $@

-include $(image_objects:.o=.d)

# ---- running it --------------------------------------------------------------------------------

# Variables from make's command line are in the environment of recipes; O may come from here.
export O

.PHONY: setup-run setup-firmware run gdb disk fit
setup-run:
	@scripts/setup run
	@$(if $(filter-out none,$(FIRMWARE)),scripts/setup firmware)

setup-firmware:
	@scripts/setup firmware

run: setup-run
	@$(MAKE) --no-print-directory O=$(O) all
	@scripts/run

gdb: setup-run
	@scripts/setup gdb
	@$(MAKE) --no-print-directory O=$(O) all
	@scripts/run --gdb

disk: setup-firmware
	@$(MAKE) --no-print-directory O=$(O) all
	$(call say,DISK,$(O)/disk.img)
	$(Q)scripts/make-disk $(O)/Image $(O)/disk.img

fit: setup-firmware
	@$(MAKE) --no-print-directory O=$(O) all
	$(call say,FIT,$(O)/pagoda.itb)
	$(Q)mkimage -D '-I dts -O dtb -p 500 -i $(O)' -f scripts/pagoda.its $(O)/pagoda.itb \
		>/dev/null

firmware_tests := $(wildcard tests/boot/test_uboot.py tests/boot/test_disk.py \
	tests/boot/test_efi*.py tests/boot/test_uefi*.py)

# ---- unit tests, on this machine ---------------------------------------------------------------

HOST_CHECKS ?= -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
host_flags := -std=gnu11 -g $(warnings) -fno-omit-frame-pointer $(HOST_CHECKS) \
	-Iinclude -I$(O)/gen -Itests/unit
host_sources := $(filter-out pi/start.c efi/start.c lib/string.c, \
		$(early_sources) $(efi_sources) $(shared_sources)) \
	$(filter-out $(addprefix kernel/,main.c console_choice.c exception.c fault.c psci.c \
			memory.c change_test.c change_random.c alloc% selftest% scratch.c \
			interrupt.c), \
		$(kernel_sources)) \
	$(wildcard tests/unit/support/*.c)
host_objects := $(patsubst %.c,$(O)/host/%.o,$(host_sources)) $(O)/host/gen/sysreg_table.o
unit_sources := $(wildcard tests/unit/test_*.c)
unit_programs := $(unit_sources:tests/unit/%.c=$(O)/host/%)

$(O)/host/gen/%.o: $(O)/gen/%.c Makefile | $(generated)
	$(call compile,HOSTCC,$(HOSTCC),$(host_flags))

$(O)/host/%.o: %.c Makefile | $(generated)
	$(call compile,HOSTCC,$(HOSTCC),$(host_flags))

$(O)/host/libpagoda.a: $(host_objects)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(O)/host/test_%: $(O)/host/tests/unit/test_%.o $(O)/host/libpagoda.a
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) $(host_flags) -o $@ $^ -lcmocka -lfdt

-include $(host_objects:.o=.d) $(unit_sources:%.c=$(O)/host/%.d)

include tests/fuzz/fuzz.mk

# The plugin that counts a boot's instructions.
$(O)/count.so: tests/bench/count.c
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O2 -Wall -Wextra -Werror -fPIC -shared -o $@ $<

# A program that maps leaves of every kind, to count what each costs.
$(O)/leaf_cost.elf: tests/bench/leaf_cost.c $(shared_objects) Makefile
	$(call say,CC,$@)
	$(Q)$(CC) $(filter-out -fpie,$(image_flags)) -O2 -nostdlib -static -Wl,-e,_start \
		-Wl,-Ttext=0x40200000 -Wl,--defsym=_text=0x40200000 -Wl,--build-id=none \
		-o $@ $< $(shared_objects)

bench_parts := $(O)/Image $(O)/count.so $(O)/leaf_cost.elf

# With PEER=linux what its build needs and cannot be installed is for bench.py to say: the rest is
# measured all the same.
.PHONY: bench bench-boot bench-baseline
bench: setup-test
	@$(if $(PEER),scripts/setup peer || true)
	@$(MAKE) --no-print-directory O=$(O) $(bench_parts)
	$(Q)tests/bench/bench.py $(if $(PEER),--peer $(PEER))

bench-baseline: setup-test
	@$(MAKE) --no-print-directory O=$(O) $(bench_parts)
	$(Q)tests/bench/baseline.py --update

bench-boot: setup-test
	@$(MAKE) --no-print-directory O=$(O) $(bench_parts)
	$(Q)tests/bench/boot_cost.py --append 'arm64.pagesize=4k' --functions 0
	$(Q)tests/bench/boot_cost.py --append 'arm64.pagesize=16k' --functions 0
	$(Q)tests/bench/boot_cost.py --append 'arm64.pagesize=64k'

# What every CPU that QEMU models makes of the self tests: build/conformance.md and .json.
.PHONY: conformance
conformance: setup-run
	@$(MAKE) --no-print-directory O=$(O) all
	$(Q)scripts/conformance

.PHONY: setup-test test test-all unit script-test view-test boot-test
setup-test:
	@scripts/setup test

test: setup-test
	@$(MAKE) --no-print-directory -j$$(nproc) O=$(O) all $(bench_parts) $(unit_programs)
	@$(MAKE) --no-print-directory O=$(O) test-all

test-all: unit
	$(Q)$(PYTHON) -m pytest -q -n auto tests/scripts tests/boot tests/viewer

unit: $(unit_programs)
	$(Q)scripts/run-unit $^

script-test:
	$(Q)$(PYTHON) -m pytest -q -n auto tests/scripts

view-test: all
	$(Q)$(PYTHON) -m pytest -q -n auto tests/viewer

boot-test: all $(bench_parts)
	$(Q)$(PYTHON) -m pytest -q -n auto tests/boot

# Every machine that firmware can boot the Image on; make test takes a few of them.
.PHONY: firmware-test
firmware-test: setup-test
	@$(MAKE) --no-print-directory O=$(O) all
	$(Q)PAGODA_SLOW=1 $(PYTHON) -m pytest -q -n auto $(firmware_tests)

# ---- what documents show -----------------------------------------------------------------------

.PHONY: setup-view docs-images docs-session
setup-view:
	@scripts/setup view

docs-images: setup-view
	@$(MAKE) --no-print-directory O=$(O) all
	$(Q)scripts/docs-images

docs-session: setup-test
	@$(MAKE) --no-print-directory O=$(O) all
	$(Q)scripts/docs-session

# ---- testing the tests -------------------------------------------------------------------------

.PHONY: mutants setup-coverage coverage setup-proof proof
mutants: setup-test
	$(Q)scripts/mutants

setup-proof:
	@scripts/setup proof

proof: setup-proof
	$(Q)tests/proof/prove.py

setup-coverage:
	@scripts/setup coverage

# Without sanitizers and optimization, which add and remove branches.
coverage: setup-coverage
	@$(MAKE) --no-print-directory O=$(O)/coverage HOST_CHECKS='-O0 --coverage' unit
	$(Q)gcovr --root . --filter '(pi|mm|lib)/' $(O)/coverage
	$(Q)gcovr --root . --filter '(pi|mm|lib)/' --branches --fail-under-line 95 \
		--fail-under-branch 90 $(O)/coverage

# ---- keeping it clean --------------------------------------------------------------------------

.PHONY: setup-lint check-format lint clean
setup-lint:
	@scripts/setup lint

check-format: setup-lint
	$(Q)scripts/check-format

lint: setup-lint
	$(Q)scripts/lint

clean:
	$(Q)rm -rf $(O) compile_commands.json
