// SPDX-License-Identifier: MIT
/*
 * Linked so that its one segment is to be written and executed. Where it comes to run at all, it
 * changes itself.
 */
#include "user.h"

#define MOVZ_X0_42 0xd2800540 /* MOVZ X0, #42 */

long number(void);
__asm__(".text\n.balign 16\nnumber:\tmovz x0, #41\n\tret");

int main(int count, char **argument)
{
	uint32_t *code = (uint32_t *)(uintptr_t)number;

	(void)count;
	(void)argument;
	*(volatile uint32_t *)code = MOVZ_X0_42;
	publish_code(code, code);
	say("segment ", number());
	return 0;
}
