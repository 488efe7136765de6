// SPDX-License-Identifier: MIT
/*
 * What is wrong with a console, in words for people.
 * Runs in the kernel, MMU on, and on the host: a compiler may turn this into a table of pointers,
 * so nothing may call it before relocation.
 */
#include <pagoda/kernel/kernel.h>

const char *console_fault_str(enum console_fault fault)
{
	switch (fault) {
	case CONSOLE_WORKS:
		return "works";
	case CONSOLE_IN_RAM:
		return "is memory";
	case CONSOLE_OUT_OF_REACH:
		return "is beyond what the page tables reach";
	case CONSOLE_SILENT:
		return "does not answer";
	}
	return "unknown fault";
}
