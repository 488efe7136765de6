// SPDX-License-Identifier: MIT
//
// A program's first instructions: main(argc, argv), and what it returns is the status.

	.text
	.global	_start
_start:
	bti	c
	mov	x29, #0
	ldr	x0, [sp]
	add	x1, sp, #8
	bl	main
	mov	x8, #94				// exit_group
	svc	#0

	.section .note.gnu.property, "a"
	.balign	8
	.word	4, 16, 5			// of "GNU": NT_GNU_PROPERTY_TYPE_0
	.asciz	"GNU"
	.word	0xc0000000, 4, 1, 0		// all functions begin with BTI
	.section .note.GNU-stack, "", %progbits
