/* SPDX-License-Identifier: MIT */
/*
 * Semihosting: calls to whoever runs the CPU, a debugger or an emulator. Any time, on any exception
 * level but EL0. A host test that wants to serve them supplies its own function of this name.
 * Source: Arm, "Semihosting for AArch32 and AArch64", 2.0.
 */
#ifndef PAGODA_SEMIHOST_H
#define PAGODA_SEMIHOST_H

#include <pagoda/types.h>

#define SEMIHOST_WRITE0 0x04 /* print the text up to its NUL */

/*
 * semihost_call() - ask for @operation with what @argument leads to. Where nobody serves such calls
 * this is an undefined instruction, and its exception the caller's to expect. Nothing on the host.
 */
static inline void semihost_call(u64 operation, const void *argument)
{
#if __STDC_HOSTED__
	(void)operation;
	(void)argument;
#else
	register u64 x0 asm("x0") = operation;
	register const void *x1 asm("x1") = argument;

	asm volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
#endif
}

#endif /* PAGODA_SEMIHOST_H */
