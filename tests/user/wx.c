// SPDX-License-Identifier: MIT
/*
 * Asks for memory to write and execute, in each way there is, and prints each answer. Where it gets
 * some, it writes a function there, and calls that.
 */
#include "user.h"

#define SIZE 0x10000
#define RET 0xd65f03c0 /* RET */
#define MOVZ_X0_42 0xd2800540 /* MOVZ X0, #42 */

static long run(long address)
{
	uint32_t *code = (uint32_t *)address;

	code[0] = MOVZ_X0_42;
	code[1] = RET;
	publish_code(code, code);
	return ((long (*)(void))address)();
}

int main(int count, char **argument)
{
	long plain = map(0, SIZE, READ | WRITE, 0);
	long both = map(0, SIZE, READ | WRITE | EXEC, 0);
	long changed = call3(SYS_MPROTECT, plain, SIZE, READ | WRITE | EXEC);

	(void)argument;
	say("mmap ", both < 0 ? both : 0);
	say("mprotect ", changed);
	say("mmap fixed ", map((unsigned long)plain, SIZE, WRITE | EXEC, FIXED) < 0 ? -13 : 0);
	/* What was refused has changed nothing. */
	*(long *)plain = 1;
	say("written ", *(long *)plain);
	if (both >= 0)
		say("run ", run(both));
	if (changed == 0)
		say("run ", run(plain));
	while (count > 1) /* with an argument it stays, to be looked at */
		call3(SYS_YIELD, 0, 0, 0);
	return 0;
}
