# SPDX-License-Identifier: MIT
#
# From the flip to the prompt.

$(call kasan_only,kernel/start/kasan.c)
$(eval $(call room,kernel/start,kernel))
$(call unchecked,kernel/start/kasan.c)
$(call machine_only,kernel/start/main.c kernel/start/kasan.c)
# What is over before memory_release_init(), which unmaps its code.
start_objects += $(call objects_of,$(addprefix kernel/start/,acpi_tree.c console_choice.c \
	efi_memory.c spaces.c tree.c))
# Done once: size pays.
$(call compiled_with,-Os,$(wildcard kernel/start/*.c))
