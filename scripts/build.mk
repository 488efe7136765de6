# SPDX-License-Identifier: MIT
#
# How the Image is compiled: what a room may say of itself in its rules.mk, and one rule for all.
# Included by the Makefile, which has V, O and the tools.
#
#   $(eval $(call room,FOLDER,WORLD))       all C and assembly in FOLDER, but for what `built` names
#   $(eval $(call built,WORLD,FILE...))     these, otherwise than the rest of their room
#   $(call compiled_with,FLAGS,FILE...)     more flags for these, after those of their world
#   $(call machine_only,FILE...)            not part of the host tests' library
#   $(call kasan_only,FILE...)              left out unless KASAN=1
#   $(call unchecked,FILE...)               the kernel's, but not checked by KASAN
#   $(eval $(call room_twice,FOLDER))       shared; with KASAN=1 once for the early runtime and what
#                                           serves both worlds, in $(O)/plain, and once checked
#
# A world says when code runs, and so how it is compiled and what is asked of its objects:
#
#   early     with the MMU off, before relocation, then gone. Sealed: scripts/check-sealed
#   stub      the same under UEFI, before all that
#   shared    serves the early runtime and the kernel: sealed but for its imports
#   machine   what a host compiler cannot build
#   kernel    the kernel, with the MMU on; EXTRA_CFLAGS= reaches this only
#   checked   KASAN=1: what is shared otherwise, for the kernel alone

warnings := -Wall -Wextra -Werror -Wshadow -Wundef -Wvla -Wwrite-strings -Wstrict-prototypes \
	-Wmissing-prototypes -Wmissing-declarations -Wold-style-definition -Wpointer-arith

# Everywhere in the Image: position independent and hidden, so that no global offset table comes to
# be; no SIMD; aligned accesses only, since much of it runs with the MMU off.
image_flags := -std=gnu11 -g $(warnings) -ffreestanding -fpie -fvisibility=hidden \
	-include include/pagoda/hidden.h -mgeneral-regs-only -mstrict-align -mno-outline-atomics \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-common \
	-fno-tree-loop-distribute-patterns -fno-ident -ffixed-x18 -Iinclude -I$(O)/gen

# What the kernel executes: landing pads, and return addresses that are signed or, where the CPU
# cannot, kept on the stack that x18 leads to. Tables for unwinding say which PACIASP and AUTIASP
# belong together (pi/scs.c), function by function: so none is in two parts.
branch_protection := -mbranch-protection=standard -fasynchronous-unwind-tables \
	-fno-reorder-blocks-and-partition

# Cortex-A53 loses in two ways: a 64-bit multiply-accumulate after a load or store may go wrong
# (835769), and so may an address that ADRP makes at the end of a page (843419: the linker's part).
# Both are said, since whether a compiler does it by itself is its distribution's choice.
image_flags += -mfix-cortex-a53-835769

# Instructions count, and the size of text; not where in a line of the cache one stands.
image_flags += -falign-functions=4 -falign-jumps=1 -falign-loops=1 -falign-labels=1

# What runs in the early runtime is counted in instructions, not in bytes: hence -O3 there. A loop's
# condition copied before the loop (-ftree-ch) is more code to fetch, and for an emulator to
# translate, than it saves.
image_flags += $(if $(kasan),-DKASAN=1)
early_flags := $(image_flags) -O3
stub_flags := $(image_flags) -Os
shared_flags := $(image_flags) -O3 -fno-tree-ch $(branch_protection)
machine_flags := $(image_flags) -O2 $(branch_protection)
kernel_flags := $(image_flags) -O2 $(branch_protection) -fno-omit-frame-pointer $(EXTRA_CFLAGS)
checked_flags := $(shared_flags) -fno-omit-frame-pointer

# Each access is a call (mm/check), so that where the shadow is can be known as late as at boot. Of
# the stack's GCC makes the shadow itself, at a constant: scripts/load-kasan-offset puts a variable
# in its place.
kasan_constant := 0x5a5a000000000000
kasan_flags := -fsanitize=kernel-address -fasan-shadow-offset=$(kasan_constant) \
	--param asan-instrumentation-with-call-threshold=0 --param asan-stack=1 \
	--param asan-globals=1 -fno-sanitize-address-use-after-scope
kernel_checks := $(if $(kasan),$(kasan_flags))
checked_checks := $(kernel_checks)

worlds := early stub shared machine kernel checked
built_apart :=
start_objects :=
host_left_out :=

objects_of = $(patsubst %,$(O)/%.o,$(basename $(1)))
sources_in = $(wildcard $(1)/*.c $(1)/*.S)

# What is not checked calls what is not: those routines have other names there.
plain_worlds := early stub shared
plain_names := $(O)/gen/plain.txt
rename_plain = $(if $(kasan),$(if $(filter $(plain_worlds),$(world)),\
	$(OBJCOPY) --redefine-syms=$(plain_names) $@ && \
	scripts/rename-calls $(plain_names) $(@:.o=.ci)))

define built
built_apart += $(2)
$(1)_objects += $(call objects_of,$(2))
$(call objects_of,$(2)): private world := $(1)
$(if $(and $(kasan),$(filter $(plain_worlds),$(1))),$(call objects_of,$(2)): $(plain_names))
endef

define room
$(call built,$(2),$(filter-out $(built_apart),$(call sources_in,$(1))))
endef

define twice
built_apart += $(1)
checked_objects += $(call objects_of,$(filter-out lib/string.c,$(1)))
$(call objects_of,$(1)): private world := checked
shared_objects += $(patsubst %.c,$(O)/plain/%.o,$(1))
$(patsubst %.c,$(O)/plain/%.o,$(1)): private world := shared
endef

define room_twice
$(if $(kasan),$(call twice,$(filter-out $(built_apart),$(call sources_in,$(1)))))
$(if $(kasan),,$(call room,$(1),shared))
endef

compiled_with = $(eval $(call objects_of,$(2)) $(patsubst %.c,$(O)/plain/%.o,$(2)): \
	private extra := $(1))
machine_only = $(eval host_left_out += $(1))
unchecked = $(eval $(call objects_of,$(1)): private kernel_checks :=)
kasan_only = $(if $(kasan),,$(eval built_apart += $(1))$(call machine_only,$(1)))

generated := $(O)/gen/generated/sysreg.h $(O)/gen/generated/font.h $(O)/gen/sysreg_table.c

$(O)/gen/generated/sysreg.h: arch/arm64/cpu/sysreg.tbl scripts/gen-sysreg
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)scripts/gen-sysreg $< header > $@

$(O)/gen/generated/font.h: lib/font.txt scripts/make-font
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)scripts/make-font $< > $@

$(O)/gen/sysreg_table.c: arch/arm64/cpu/sysreg.tbl scripts/gen-sysreg
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)scripts/gen-sysreg $< table > $@

# $(1) the word to say, $(2) the compiler, $(3) its flags. The
# command is noted for editors' sake; make expands all of a recipe before it runs any of it, so the
# folder is made by $(shell).
define compile
	$(shell mkdir -p $(@D))$(file >$@.cmd,$(strip $(2) $(3) -MMD -MP -c -o $@ $<))
	$(call say,$(1),$@)
	$(Q)$(2) $(3) -MMD -MP -c -o $@ $<
endef

# Who calls whom, with what on the stack, beside each object as .ci: for scripts/check-stack.
call_graph := -fcallgraph-info=su

makefiles = Makefile scripts/build.mk $(rooms)

# From C to an object in two steps: in between functions that pointers lead to get landing pads, and
# those that keep no return address lose their unwind tables.
define compile_with_pads
	$(shell mkdir -p $(@D))$(file >$@.cmd,$(strip $(CC) $(1) -MMD -MP -c -o $@ $<))
	$(call say,CC,$@)
	$(Q)$(CC) $(1) $(call_graph) -MMD -MP -MT $@ -S -o $(@:.o=.s) $<
	$(Q)scripts/add-landing-pads $(@:.o=.s) $(@:.o=.s) | scripts/drop-leaf-frames | \
		$(if $(kasan),$(load_kasan_offset)) \
		$(CC) -x assembler -c -o $@ $(if $(kasan),$(@:.o=.k.s),-)
	$(Q)$(rename_plain)
endef

load_kasan_offset = scripts/load-kasan-offset $(kasan_constant) >$(@:.o=.k.s) &&

compilers = $(makefiles) scripts/add-landing-pads scripts/drop-leaf-frames \
	$(if $(kasan),scripts/load-kasan-offset scripts/rename-calls)

$(O)/%.o: %.c $(compilers) | $(generated)
	$(call compile_with_pads,$($(world)_flags) $(extra) $($(world)_checks))

$(O)/plain/%.o: %.c $(compilers) $(plain_names) | $(generated)
	$(call compile_with_pads,$(shared_flags) $(extra))

$(O)/gen/%.o: $(O)/gen/%.c $(compilers) | $(generated)
	$(call compile_with_pads,$(shared_flags))

# head.S is where every other file's assumptions begin: assembled without the C-only include.
$(O)/%.o: %.S $(makefiles) | $(generated)
	$(call compile,AS,$(CC),-g -D__ASSEMBLER__ -march=armv8-a -Iinclude -I$(O)/gen \
		$(if $(kasan),-DKASAN=1))
