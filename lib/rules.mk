# SPDX-License-Identifier: MIT
#
# What knows nothing of Pagoda: device trees, text, consoles, register tables.

$(eval $(call built,kernel,lib/cpio.c lib/elf.c lib/json.c lib/screen.c lib/virtio_console.c))
$(eval $(call room_twice,lib))
# A boot spends its time in the reader of device trees: there -ftree-ch pays.
$(call compiled_with,-ftree-ch,lib/fdt.c lib/fdt_open.c)
# Programs are looked for once; and JSON waits for the UART. There a way that ends in BRK would have
# its PACIASP behind a branch, and no AUTIASP: what pi/scs.c leaves as it is.
$(call compiled_with,-Os,lib/cpio.c lib/elf.c)
$(call compiled_with,-Os -fno-shrink-wrap,lib/json.c)
# A UART is slower than any code: there size pays.
$(call compiled_with,-Os,lib/geni_uart.c lib/semihost.c lib/simple_uart.c lib/text_buffer.c\
	lib/uart8250.c lib/screen.c lib/virtio_console.c)
# /chosen is looked for, and a damaged tree read, before memory_release_init().
start_objects += $(call objects_of,lib/fdt_seek.c lib/fdt_rescue.c)
$(call machine_only,lib/string.c)
shared_objects += $(O)/gen/sysreg_table.o
