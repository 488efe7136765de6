# SPDX-License-Identifier: MIT
#
# Programs at EL0, and those that the Image brings along: tests/user.

$(eval $(call room,kernel/proc,kernel))
# A boot pays for the size of text, and programs for little of what is here.
$(call compiled_with,-Os,$(wildcard kernel/proc/*.c))

# What asks for the linker's table, or for a CPU that goes to EL0.
$(call machine_only,$(patsubst %,kernel/proc/%.c,commands convert kpti program sched turn))

# Each is one file of C, with start.S, and lies in the Image as the ELF file it is.
user_programs := $(patsubst tests/user/%.c,%,$(wildcard tests/user/*.c))
user_files := $(user_programs:%=$(O)/user/%)
user_flags := -std=gnu11 -Os $(warnings) -ffreestanding -fno-pie -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fno-unwind-tables -fno-ident -mbranch-protection=bti
user_link := -nostdlib -static -no-pie -s -Wl,--build-id=none -Wl,-z,max-page-size=65536 \
	-Wl,-z,noexecstack -Wl,-z,noseparate-code
# One segment for all, which is therefore writable and executable.
$(O)/user/wxseg: user_link += -Wl,--omagic -Wl,--no-warn-rwx-segments

$(O)/user/%: tests/user/%.c tests/user/start.S tests/user/user.h $(makefiles)
	$(call say,USER,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(user_flags) $(user_link) -o $@ tests/user/start.S $<

$(O)/gen/programs.S: $(makefiles) $(user_files)
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)for name in $(user_programs); do printf '%s\n' \
		'	.section .rodata.programs, "a"' '	.balign 8' \
		"2:	.incbin \"$(O)/user/$$name\"" "3:	.balign 8" "4:	.asciz \"$$name\"" \
		'	.section programs, "a"' '	.balign 4' \
		'	.long 4b - ., 2b - ., 3b - .'; done >$@

$(O)/gen/programs.o: $(O)/gen/programs.S
	$(call compile,AS,$(CC),-g -D__ASSEMBLER__ -march=armv8-a)

kernel_objects += $(O)/gen/programs.o
