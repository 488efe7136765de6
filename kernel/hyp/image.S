// SPDX-License-Identifier: MIT
//
// The hypervisor's text and read-only data, as data of the Image: see kernel/el2/rules.mk.

	.section .rodata, "a"
	.macro	part name, file
	.global	el2_\name, el2_\name\()_end
	.hidden	el2_\name, el2_\name\()_end
	.balign	8
el2_\name:
	.incbin	"\file"
el2_\name\()_end:
	.endm

	part	text, "el2.text.bin"
	part	rodata, "el2.rodata.bin"
