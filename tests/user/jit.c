// SPDX-License-Identifier: MIT
/*
 * How to make code under W^X: one piece of memory with two names, of which one can be written and
 * the other executed. And the other way: written first, executed afterwards.
 */
#include "user.h"

#define SIZE 0x10000
#define RET 0xd65f03c0 /* RET */
#define BTI_C 0xd503245f /* BTI c */
#define MOVZ_X0(n) (0xd2800000 | (uint32_t)(n) << 5) /* MOVZ X0, #n */

static void write_function(uint32_t *code, uint32_t *name, unsigned number)
{
	code[0] = BTI_C;
	code[1] = MOVZ_X0(number);
	code[2] = RET;
	publish_code(code, name);
}

static long run(void *code)
{
	return ((long (*)(void))code)();
}

int main(int count, char **argument)
{
	long file = call3(SYS_MEMFD_CREATE, (long)"code", 0, 0);
	long sized = call3(SYS_FTRUNCATE, file, SIZE, 0);
	long write = call6(SYS_MMAP, 0, SIZE, READ | WRITE, SHARED, file, 0);
	long execute = call6(SYS_MMAP, 0, SIZE, READ | EXEC | BTI, SHARED, file, 0);
	long once = map(0, SIZE, READ | WRITE, 0);

	(void)count;
	(void)argument;
	if (sized < 0 || write < 0 || execute < 0 || once < 0) {
		say("error ", execute);
		return 1;
	}
	for (unsigned i = 1; i <= 3; i++) {
		write_function((uint32_t *)write, (uint32_t *)execute, i * 111);
		say("two names ", run((void *)execute));
	}
	write_function((uint32_t *)once, (uint32_t *)once, 444);
	call3(SYS_MPROTECT, once, SIZE, READ | EXEC);
	say("mprotect ", run((void *)once));
	return 0;
}
