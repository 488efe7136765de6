// SPDX-License-Identifier: MIT
/*
 * Never yields, and never ends. All its registers are in use: if one were lost, it would say so.
 */
#include "user.h"

int main(int count, char **argument)
{
	unsigned long number = (unsigned long)call3(SYS_GETPID, 0, 0, 0);

	(void)count;
	(void)argument;
	write_text("spinning\n");
	__asm__ volatile("fmov d8, %0\n\tfmov d31, %0\n\tmov x19, %0\n\tmsr tpidr_el0, %0\n"
			 "1:\tfmov x0, d8\n\tcmp x0, x19\n\tb.ne 2f\n"
			 "\tfmov x0, d31\n\tcmp x0, x19\n\tb.ne 2f\n"
			 "\tmrs x0, tpidr_el0\n\tcmp x0, x19\n\tb.eq 1b\n2:" ::"r"(number)
			 : "x0", "x19", "d8", "d31", "cc");
	write_text("a register was lost\n");
	return 1;
}
