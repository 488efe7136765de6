// SPDX-License-Identifier: MIT
/*
 * Says hello, and its arguments.
 */
#include "user.h"

int main(int count, char **argument)
{
	write_text("hello from EL0\n");
	for (int i = 1; i < count; i++) {
		write_text(argument[i]);
		write_text("\n");
	}
	return 0;
}
