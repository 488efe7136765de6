// SPDX-License-Identifier: MIT
/*
 * Where mappings go: without a hint, with one above 48 bits, and the last page of 52 bits; and
 * what is there is used.
 */
#include "user.h"

#define SIZE 0x10000
#define HIGH (1UL << 48)
#define END (1UL << 52)

static void show(const char *text, long address)
{
	if (address < 0 && address > -4096) {
		say(text, address);
		return;
	}
	*(volatile unsigned long *)address = 0x5ca1ab1e;
	if (*(volatile unsigned long *)(address + SIZE - 8) != 0 ||
	    *(volatile unsigned long *)address != 0x5ca1ab1e)
		write_text("wrong memory at ");
	say_hex(text, (unsigned long)address);
}

int main(int count, char **argument)
{
	(void)count;
	(void)argument;
	show("anywhere ", map(0, SIZE, READ | WRITE, 0));
	show("hint ", map(HIGH, SIZE, READ | WRITE, 0));
	show("again ", map(HIGH, SIZE, READ | WRITE, 0));
	show("fixed ", map(HIGH + 0x40000000, SIZE, READ | WRITE, FIXED));
	show("last ", map(END - SIZE, SIZE, READ | WRITE, FIXED));
	show("beyond ", map(END, SIZE, READ | WRITE, FIXED));
	return 0;
}
