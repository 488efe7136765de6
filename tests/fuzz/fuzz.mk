# SPDX-License-Identifier: MIT
#
# Fuzzing. A target is tests/fuzz/fuzz_NAME.c and nothing else; its inputs are in corpus/NAME.
# Included by the Makefile, whose rules build the host objects for `make test`: there each target is
# a program that replays its corpus. `make fuzz` builds everything once more, with clang's coverage.

fuzz_sources := $(wildcard tests/fuzz/fuzz_*.c)
fuzz_targets := $(fuzz_sources:tests/fuzz/fuzz_%.c=%)
replay_programs := $(fuzz_targets:%=$(O)/host/fuzz_%)
unit_programs += $(replay_programs)

$(O)/host/fuzz_%: $(O)/host/tests/fuzz/fuzz_%.o $(O)/host/tests/fuzz/replay.o $(O)/host/libpagoda.a
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) $(host_flags) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lfdt

unit: $(replay_programs)

FUZZCC ?= clang-14
fuzz_flags = $(host_flags) -O2 -fsanitize=fuzzer-no-link
fuzz_objects := $(host_objects:$(O)/host/%=$(O)/fuzz/%)

$(O)/fuzz/gen/%.o: $(O)/gen/%.c $(makefiles) tests/rules.mk | $(generated)
	$(call compile,FUZZCC,$(FUZZCC),$(fuzz_flags))

$(O)/fuzz/%.o: %.c $(makefiles) tests/rules.mk | $(generated)
	$(call compile,FUZZCC,$(FUZZCC),$(fuzz_flags))

$(O)/fuzz/libpagoda.a: $(fuzz_objects)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(O)/fuzz/fuzz_%: $(O)/fuzz/tests/fuzz/fuzz_%.o $(O)/fuzz/libpagoda.a
	$(call say,FUZZLD,$@)
	$(Q)$(FUZZCC) $(host_flags) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(filter %.a,$^) -lfdt

$(O)/fuzz/fuzz_console: $(command_objects:$(O)/host/%=$(O)/fuzz/%)

-include $(fuzz_objects:.o=.d) $(fuzz_sources:%.c=$(O)/host/%.d) $(fuzz_sources:%.c=$(O)/fuzz/%.d)

# Seconds for each target; or for all of them.
TIME ?= 60
TOTAL ?=
TARGET ?= $(fuzz_targets)

.PHONY: setup-fuzz fuzz
setup-fuzz:
	@scripts/setup fuzz

#: fuzz           fuzzing: TIME= seconds for each TARGET=, or TOTAL= for all
fuzz: setup-fuzz
	@$(MAKE) --no-print-directory O=$(O) $(TARGET:%=$(O)/fuzz/fuzz_%)
	$(Q)scripts/fuzz $(if $(TOTAL),--total $(TOTAL),--time $(TIME)) $(TARGET:%=$(O)/fuzz/fuzz_%)
