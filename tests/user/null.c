// SPDX-License-Identifier: MIT
/*
 * Makes as many calls as its argument says of which there is no such: what one costs is the way to
 * the kernel and back.
 */
#include "user.h"

#define SYS_NONE 1000

int main(int count, char **argument)
{
	unsigned long calls = count > 1 ? read_number(argument[1]) : 1;

	for (unsigned long i = 0; i < calls; i++)
		if (call3(SYS_NONE, 0, 0, 0) != -38) /* -ENOSYS */
			return 1;
	return 0;
}
