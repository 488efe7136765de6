// SPDX-License-Identifier: MIT
/*
 * Many of these run at once, each with data of its own at the same addresses, of pages that it maps
 * and unmaps over and over; and look at it each time they have given way to the others. What a TLB
 * remembers of another would be wrong data.
 */
#include "user.h"

#define PLACE 0x200000000
#define SIZE 0x10000

static volatile unsigned long mine;

int main(int count, char **argument)
{
	unsigned long turns = count > 1 ? read_number(argument[1]) : 1000;
	unsigned long self = (unsigned long)call3(SYS_GETPID, 0, 0, 0);
	volatile unsigned long *page = (volatile unsigned long *)PLACE;

	mine = self;
	map(PLACE, SIZE, READ | WRITE, FIXED);
	for (unsigned long i = 0; i < turns; i++) {
		*page = self ^ i;
		call3(SYS_YIELD, 0, 0, 0);
		if (mine != self || *page != (self ^ i)) {
			say("another's data in ", (long)self);
			return 1;
		}
		if (i % 16 == 15) {
			map(PLACE, SIZE, READ | WRITE, FIXED);
			if (*page != 0) {
				say("old data in ", (long)self);
				return 1;
			}
		}
	}
	return 0;
}
