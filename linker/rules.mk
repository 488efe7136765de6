# SPDX-License-Identifier: MIT
#
# From objects to the Image, and what is checked on the way.

POOL_SIZE ?=
linker_defines := $(if $(POOL_SIZE),-DPOOL_SIZE=$(POOL_SIZE)) $(if $(kasan),-DKASAN=1)
link_flags := -nostdlib -static-pie -Wl,-z,text -Wl,-z,norelro -Wl,-z,noexecstack \
	-Wl,-z,max-page-size=65536 -Wl,--no-dynamic-linker -Wl,--build-id=none \
	-Wl,--no-eh-frame-hdr \
	-Wl,--fix-cortex-a53-843419 \
	-Wl,--orphan-handling=error -Wl,--fatal-warnings -Wl,--no-warn-rwx-segments

image_objects := $(foreach world,$(worlds),$($(world)_objects))

$(O)/pagoda.lds: linker/pagoda.lds.S linker/debug.lds.h include/pagoda/pi/start.h \
		$(makefiles) $(O)/pool-size
	$(call say,GEN,$@)
	$(Q)$(CC) -E -P -undef -x assembler-with-cpp -D__ASSEMBLER__ $(linker_defines) -Iinclude \
		'-DEARLY_OBJECTS=$(O)/pi/?*.o' \
		'-DTREE_OBJECTS=$(O)/kernel/tree/?*.o' '-DEFI_OBJECTS=$(O)/efi/?*.o' \
		'-DFIRMWARE_OBJECTS=$(O)/kernel/firmware/?*.o' \
		'-DSTART_OBJECTS=$(start_objects)' -o $@ $<

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

stack_defines := linker/pagoda.lds.S include/pagoda/arch/frame.h \
	include/pagoda/arch/secondary.h kernel/smp/parts.h arch/arm64/cpu/catch.S \
	arch/arm64/cpu/el0.S

# Old name, new name: of all that is there checked, too.
$(plain_names): $(checked_objects) $(O)/mm/check/string.o
	$(call say,GEN,$@)
	$(Q)$(CROSS_COMPILE)nm -g --defined-only $^ | \
		awk '$$3 != "" && $$3 !~ /^plain_/ { print $$3, "plain_" $$3 }' > $@

# With KASAN=1 the early runtime imports two things more, and of lib what is not checked.
early_imports := scripts/early-imports.txt
ifneq ($(kasan),)
early_imports := $(O)/gen/early-imports.txt
$(early_imports): scripts/early-imports.txt $(plain_names)
	$(call say,GEN,$@)
	$(Q)awk 'NR == FNR { name[$$1] = $$2; next } { print $$1 in name ? name[$$1] : $$0 } \
		END { print "kasan_offset"; print "pt_share" }' $(plain_names) $< > $@
endif

# The most that may lie on each stack, and by which path. With KASAN=1 frames and stacks are larger.
stack_calls := scripts/stack-calls.txt $(if $(kasan),scripts/stack-calls-kasan.txt)
$(O)/stack.txt: $(image_objects) scripts/check-stack $(stack_calls) $(stack_defines)
	$(call say,CHECK,stacks)
	$(Q)scripts/check-stack $(stack_calls:%=--calls %) $(stack_defines:%=--define %) \
		$(if $(kasan),--kind KASAN) --report $@ $(image_objects)
	$(if $(Q),,cat $@)

$(O)/pagoda.elf.1: $(image_objects) $(O)/gen/no_symbols.S $(O)/pagoda.lds scripts/check-sealed \
		scripts/early-imports.txt scripts/check-rooms scripts/rooms.txt scripts/elf.py \
		scripts/check-pads $(O)/stack.txt $(early_imports)
	$(call say,CHECK,early runtime)
	$(Q)scripts/check-sealed --imports $(early_imports) $(early_objects) \
		$(stub_objects) --shared $(shared_objects)
	$(call say,CHECK,landing pads)
	$(Q)scripts/check-pads $(image_objects)
	$(call say,CHECK,rooms)
	$(Q)scripts/check-rooms $(if $(kasan),,--without mm/check --without plain/lib) \
		scripts/rooms.txt $(O) $(image_objects)
	$(call say,LD,$@)
	$(Q)$(link) $(O)/gen/no_symbols.S

$(O)/gen/symbols.S: $(O)/pagoda.elf.1 scripts/gen-symbols scripts/check-kept scripts/first-steps.txt
	$(call say,CHECK,what is kept)
	$(Q)scripts/check-kept scripts/first-steps.txt $< $(image_objects)
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
	$(Q)scripts/check-image $(if $(kasan),--large) $< $@

compile_commands.json: $(O)/Image scripts/gen-compile-commands
	$(call say,GEN,$@)
	$(Q)scripts/gen-compile-commands $(filter-out $(O)/gen/%,$(image_objects:=.cmd)) > $@

-include $(image_objects:.o=.d)
