# SPDX-License-Identifier: MIT
#
# How it is proven, and how that is proven: tests, fuzzing, measurements, mutants.

# ---- unit tests, on this machine ---------------------------------------------------------------

HOST_CHECKS ?= -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
host_flags := -std=gnu11 -g $(warnings) -fno-omit-frame-pointer $(HOST_CHECKS) \
	-Iinclude -I$(O)/gen -Itests/unit $(if $(kasan),-DKASAN=1)
host_rooms := $(filter-out arch/%,$(dir $(rooms))) tests/unit/support/
host_sources := $(filter-out $(host_left_out),$(wildcard $(host_rooms:%=%*.c)))
host_objects := $(patsubst %.c,$(O)/host/%.o,$(host_sources)) $(O)/host/gen/sysreg_table.o
unit_sources := $(filter-out $(if $(kasan),,tests/unit/test_kasan_%),\
	$(wildcard tests/unit/test_*.c))
unit_programs := $(unit_sources:tests/unit/%.c=$(O)/host/%)

$(O)/host/gen/%.o: $(O)/gen/%.c $(makefiles) tests/rules.mk | $(generated)
	$(call compile,HOSTCC,$(HOSTCC),$(host_flags))

$(O)/host/%.o: %.c $(makefiles) tests/rules.mk | $(generated)
	$(call compile,HOSTCC,$(HOSTCC),$(host_flags))

$(O)/host/libpagoda.a: $(host_objects)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcsT $@ $^

$(O)/host/test_%: $(O)/host/tests/unit/test_%.o $(O)/host/libpagoda.a
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) $(host_flags) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka -lfdt

# What several CPUs do at once, as threads, watched by ThreadSanitizer, which goes with no other
# sanitizer: so these have a library of their own.
thread_flags := -std=gnu11 -g $(warnings) -fno-omit-frame-pointer -O1 -fsanitize=thread -pthread \
	-Iinclude -I$(O)/gen -Itests/unit
thread_sources := $(filter lib/% mm/% kernel/console/%,$(host_sources)) \
	$(addprefix tests/unit/support/,host_lock.c machine_stubs.c)
thread_objects := $(patsubst %.c,$(O)/threads/%.o,$(thread_sources))
thread_tests := $(wildcard tests/threads/threads_*.c)
thread_programs := $(thread_tests:tests/threads/%.c=$(O)/host/%)

$(O)/threads/%.o: %.c $(makefiles) tests/rules.mk | $(generated)
	$(call compile,HOSTCC,$(HOSTCC),$(thread_flags))

$(O)/threads/libpagoda.a: $(thread_objects)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcsT $@ $^

$(O)/host/threads_%: $(O)/threads/tests/threads/threads_%.o $(O)/threads/libpagoda.a
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) $(thread_flags) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka

-include $(thread_objects:.o=.d) $(thread_tests:%.c=$(O)/threads/%.d)

# What is read in boards' device trees.
boards_program := $(O)/host/boards
$(boards_program): $(O)/host/tests/boards/boards.o $(O)/host/libpagoda.a
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) $(host_flags) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lfdt

-include $(O)/host/tests/boards/boards.d

# Nobody calls a command by its name, so from an archive it would not come: these ask for it.
command_objects := $(patsubst %.c,$(O)/host/%.o,$(shell grep -lw '^COMMAND' $(host_sources)))
$(addprefix $(O)/host/,test_shell fuzz_console): $(command_objects)
$(O)/host/test_inspect: $(filter $(O)/host/kernel/show/%,$(command_objects))

-include $(host_objects:.o=.d) $(unit_sources:%.c=$(O)/host/%.d)

include tests/fuzz/fuzz.mk

# ---- what it costs ------------------------------------------------------------------------------

# The plugin that counts a boot's instructions.
$(O)/count.so: tests/bench/count.c
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O2 -Wall -Wextra -Werror -fPIC -shared -o $@ $<

# A program that maps leaves of every kind, to count what each costs.
leaf_objects = $(shared_objects) $(O)/mm/pt/change.o $(O)/arch/arm64/cpu/lock.o
$(O)/leaf_cost.elf: tests/bench/leaf_cost.c $(leaf_objects) $(makefiles)
	$(call say,CC,$@)
	$(Q)$(CC) $(filter-out -fpie,$(image_flags)) -O2 -nostdlib -static -Wl,-e,_start \
		-Wl,-Ttext=0x40200000 -Wl,--defsym=_text=0x40200000 -Wl,--build-id=none \
		-o $@ $< $(leaf_objects)

bench_parts := $(O)/Image $(O)/count.so $(O)/leaf_cost.elf

# With PEER=linux what its build needs and cannot be installed is for bench.py to say: the rest is
# measured all the same.
.PHONY: bench bench-boot bench-baseline bench-trees fetch-trees
#: bench          what a boot costs, and how that grows; PEER="linux xen": beside them; TREES=folder
bench: setup-test
	@$(if $(filter linux,$(PEER)),scripts/setup peer || true)
	@$(MAKE) --no-print-directory O=$(O) $(bench_parts)
	$(Q)tests/bench/bench.py $(if $(TREES),--trees $(TREES)) $(if $(PEER),--peer $(PEER))

#: fetch-trees    the device trees of Debian's kernels, into build/trees; needs the network
fetch-trees:
	$(Q)scripts/fetch-trees

#: bench-trees    only what real boards' trees cost: TREES=folder of .dtb files, or build/trees
bench-trees: setup-test
	@$(MAKE) --no-print-directory O=$(O) $(bench_parts)
	$(Q)tests/bench/bench.py --only --trees $(or $(TREES),$(O)/trees)

#: bench-baseline make what it costs now the baseline that `make test` compares with
bench-baseline: setup-test
	@$(MAKE) --no-print-directory O=$(O) $(bench_parts)
	$(Q)tests/bench/baseline.py --update

#: bench-boot     only what the boot to kernel_main costs, by function
bench-boot: setup-test
	@$(MAKE) --no-print-directory O=$(O) $(bench_parts)
	$(Q)tests/bench/boot_cost.py --append 'arm64.pagesize=4k' --functions 0
	$(Q)tests/bench/boot_cost.py --append 'arm64.pagesize=16k' --functions 0
	$(Q)tests/bench/boot_cost.py --append 'arm64.pagesize=64k'

# ---- the discipline ------------------------------------------------------------------------------

# What holds an executed stream against rules that QEMU does not enforce. Fast, since it reads
# gigabytes; its own files only, so that it shares no mistake with the kernel.
judge_flags := -std=gnu11 -O2 -g $(warnings)
judge_objects := $(patsubst %.c,$(O)/host/%.o,$(wildcard tests/discipline/*.c))

$(judge_objects): $(O)/host/%.o: %.c $(makefiles) tests/rules.mk
	$(call compile,HOSTCC,$(HOSTCC),$(judge_flags))

$(O)/host/discipline: $(judge_objects)
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) $(judge_flags) -o $@ $^

-include $(judge_objects:.o=.d)

.PHONY: discipline
#: discipline     caches, barriers and tables of executed instructions, judged: build/discipline.txt
discipline: setup-run
	@$(MAKE) --no-print-directory O=$(O) all $(O)/host/discipline
	$(Q)scripts/discipline --matrix

# ---- on machines --------------------------------------------------------------------------------

firmware_tests := $(wildcard tests/boot/test_uboot.py tests/boot/test_disk.py \
	tests/boot/test_efi*.py tests/boot/test_uefi*.py tests/boot/test_loaders.py \
	tests/boot/test_secrets.py tests/boot/test_musl.py)

# What every CPU that QEMU models makes of the self tests: build/conformance.md and .json. Another
# QEMU may be named; scripts/fetch-qemu gets one.
.PHONY: conformance
#: conformance    the self tests on every CPU of a QEMU (QEMU=PATH): build/conformance.md, .json
conformance: setup-run
	@$(MAKE) --no-print-directory O=$(O) all
	$(Q)$(if $(QEMU),QEMU=$(QEMU)) scripts/conformance

.PHONY: setup-test test test-all unit script-test view-test boot-test
setup-test:
	@scripts/setup test

#: test           everything that must hold: unit, script, boot and viewer tests
test: setup-test
	@$(MAKE) --no-print-directory -j$$(nproc) O=$(O) all $(bench_parts) $(unit_programs) \
		$(thread_programs) $(boards_program) $(O)/host/discipline
	@$(make_kasan) -j$$(nproc) $(kasan_build)/Image $(kasan_build)/host/discipline kasan-unit
	@$(MAKE) --no-print-directory O=$(O) test-all

# ---- KASAN ---------------------------------------------------------------------------------------

# The Image that checks itself, in a folder of its own, and what of the unit tests is about it.
kasan_build := $(if $(kasan),$(O),$(O)/kasan)
make_kasan = $(MAKE) --no-print-directory KASAN=1 O=$(kasan_build)
kasan_units := $(patsubst tests/unit/%.c,$(O)/host/%,$(wildcard tests/unit/test_kasan_*.c)) \
	$(O)/host/test_early

.PHONY: kasan-unit kasan-test
kasan-unit: $(kasan_units)
	$(Q)scripts/run-unit $(kasan_units)

# Of the boot tests, for `make test`: what is about KASAN, and of the rest what has found something.
kasan_boots := kasan.py discipline.py::test_a_boot_breaks_no_rule \
	alloc.py::test_the_allocators_pass_their_own_tests_on_the_machine[max-arm64.pagesize=64k] \
	hyp.py::test_walks_go_through_both_stages_and_the_cpu_agrees[max-4k] \
	placement.py::test_an_image_at_any_64k_multiple_boots_alike[0x40230000-64k] \
	faults.py::test_a_report_that_itself_faults_ends_and_does_not_loop \
	smp.py::test_no_cpu_uses_an_old_translation[-arm64.pagesize=64k] \
	gdb.py::test_debugger_text_and_json_agree_run_by_run[4k-] \
	gdb.py::test_layout_and_walks_agree_with_the_report_and_the_emulator[-]

# What is about the ordinary Image's size and cost, or builds others, has nothing to say here.
kasan_left_out := $(foreach name,bench budget build docs extend kasan sealed selftest_guard,\
	--ignore tests/boot/test_$(name).py)

#: kasan-test     what the Image of `make KASAN=1` finds, and the boot tests with it; many minutes
kasan-test: setup-test
	@$(make_kasan) -j$$(nproc) $(kasan_build)/Image $(kasan_build)/host/discipline kasan-unit
	$(Q)PAGODA_SLOW=1 O=$(kasan_build) $(PYTHON) -m pytest -q -n auto tests/boot/test_kasan.py
	$(Q)O=$(kasan_build) $(PYTHON) -m pytest -q -n auto $(kasan_left_out) tests/boot

test-all: unit
	$(Q)$(PYTHON) -m pytest -q -n auto tests/scripts tests/boards tests/boot tests/viewer
	$(Q)O=$(kasan_build) $(PYTHON) -m pytest -q -n auto $(kasan_boots:%='tests/boot/test_%')

#: unit           unit tests, on this machine
unit: $(unit_programs) $(thread_programs)
	$(Q)scripts/run-unit $^

#: script-test    tests of the scripts
script-test: all $(O)/host/discipline
	$(Q)$(PYTHON) -m pytest -q -n auto tests/scripts

#: view-test      tests of the viewer
view-test: all
	$(Q)$(PYTHON) -m pytest -q -n auto tests/viewer

#: boot-test      boots under QEMU
boot-test: all $(bench_parts) $(O)/host/discipline
	$(Q)$(PYTHON) -m pytest -q -n auto tests/boot

.PHONY: boards
#: boards         what is read in real boards' trees: TREES=folder of .dtb files, or build/trees
boards: setup-test
	@$(MAKE) --no-print-directory O=$(O) $(boards_program)
	$(Q)tests/boards/boards.py $(or $(TREES),$(O)/trees)

# Every machine that firmware can boot the Image on; make test takes a few of them. What cannot be
# fetched is skipped, and the test says why.
.PHONY: fetch-loaders firmware-test
#: fetch-loaders  boot loaders and firmware for firmware-test; needs the network; SUITE=
fetch-loaders:
	$(Q)scripts/fetch-loaders $(if $(SUITE),--suite $(SUITE))

#: firmware-test  more machines, firmware and loaders than make test takes; SUITE= of a newer Debian
firmware-test: setup-test
	@$(MAKE) --no-print-directory O=$(O) all
	-@$(MAKE) --no-print-directory O=$(O) fetch-loaders
	$(Q)PAGODA_SLOW=1 PAGODA_SUITE=$(SUITE) $(PYTHON) -m pytest -q -n auto $(firmware_tests)

# ---- testing the tests -------------------------------------------------------------------------

.PHONY: mutants setup-coverage coverage setup-proof proof
#: mutants        whether the tests catch seeded defects
mutants: setup-test
	$(Q)scripts/mutants

setup-proof:
	@scripts/setup proof

#: proof          what is proven of descriptors and map_range(): docs/proof.md
proof: setup-proof
	$(Q)tests/proof/prove.py

setup-coverage:
	@scripts/setup coverage

covered := '(pi|efi|mm|lib|kernel/tree|kernel/firmware)/'

# Without sanitizers and optimization, which add and remove branches.
#: coverage       what of pi/, efi/, mm/, lib/, kernel/tree/, kernel/firmware/ the unit tests reach
coverage: setup-coverage
	@$(MAKE) --no-print-directory O=$(O)/coverage HOST_CHECKS='-O0 --coverage' unit
	$(Q)gcovr --root . --filter $(covered) $(O)/coverage
	$(Q)gcovr --root . --filter $(covered) --branches --fail-under-line 95 \
		--fail-under-branch 90 $(O)/coverage
