# SPDX-License-Identifier: MIT
#
# The hypervisor: what runs at EL2 beside a kernel at EL1. A program by itself, linked apart, so
# that it can know nothing of the kernel; its text and its read-only data are read-only data of the
# Image. Page tables are built, read and changed at EL2 by what the kernel has for it, compiled once
# more.

el2_shared := mm/pt/change.c mm/pt/descriptor.c mm/pt/map.c mm/pt/pool.c mm/pt/regime.c \
	mm/pt/slot.c mm/pt/tlb.c mm/pt/unmap.c mm/pt/walk.c lib/features.c \
	arch/arm64/cpu/tlb.c arch/arm64/cpu/lock.c
el2_sources := $(call sources_in,kernel/el2) $(el2_shared)
el2_objects := $(patsubst %,$(O)/el2/%.o,$(basename $(el2_sources)))
el2_flags := $(image_flags) -Os -ffunction-sections -fdata-sections -mbranch-protection=bti \
	-DPAGODA_EL2

$(O)/el2/%.o: %.c $(makefiles) | $(generated)
	$(call compile,CC,$(CC),$(el2_flags),$(call_graph))

$(O)/el2/%.o: %.S $(makefiles) | $(generated)
	$(call compile,AS,$(CC),-g -D__ASSEMBLER__ -march=armv8-a -Iinclude -I$(O)/gen)

$(O)/el2.lds: linker/el2.lds.S linker/debug.lds.h include/pagoda/kernel/hyp/el2.h $(makefiles)
	$(call say,GEN,$@)
	$(Q)$(CC) -E -P -undef -x assembler-with-cpp -D__ASSEMBLER__ -Iinclude -o $@ $<

$(O)/el2.elf: $(el2_objects) $(O)/el2.lds
	$(call say,LD,$@)
	$(Q)$(CC) -nostdlib -static-pie -Wl,-z,text -Wl,-z,norelro -Wl,-z,noexecstack \
		-Wl,--no-dynamic-linker -Wl,--build-id=none -Wl,--fix-cortex-a53-843419 \
		-Wl,--orphan-handling=error -Wl,--fatal-warnings -Wl,--no-warn-rwx-segments \
		-Wl,--gc-sections -T $(O)/el2.lds -o $@ $(el2_objects)

$(O)/gen/el2.text.bin $(O)/gen/el2.rodata.bin: $(O)/gen/el2.%.bin: $(O)/el2.elf
	$(call say,GEN,$@)
	$(Q)$(OBJCOPY) -O binary -j .$* $< $@

$(O)/kernel/hyp/image.o: $(O)/gen/el2.text.bin $(O)/gen/el2.rodata.bin

$(call machine_only,kernel/el2/machine.c kernel/el2/string.c kernel/el2/trap.c)

-include $(el2_objects:.o=.d)
