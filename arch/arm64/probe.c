// SPDX-License-Identifier: MIT
/*
 * Touching an address to see what happens: the CPU's own translation, one load, one store, one
 * call. Each access is one instruction of a function of its own, which a fault report then names.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch.h>

#include "registers.h"

/* The barrier: a read of PAR_EL1 is ordered after AT by nothing else. */
u64 at_translate(vaddr_t va, bool write)
{
	if (write)
		WRITE_REGISTER(AT_S1E1W, va.value);
	else
		WRITE_REGISTER(AT_S1E1R, va.value);
	asm volatile("isb" ::: "memory");
	return READ_REGISTER(PAR_EL1);
}

/* PAR_EL1 holds the address of the 4 KiB that the byte is in, whatever the page size. */
bool address_probe(vaddr_t va, bool write, paddr_t *pa)
{
	u64 par = at_translate(va, write);

	*pa = paddr((par & PAR_EL1_PA_MASK) | (va.value & (KIB(4) - 1)));
	return !SYSREG_GET(PAR_EL1_F, par);
}

u64 memory_load(vaddr_t va, unsigned size)
{
	const volatile void *at = (const volatile void *)(uintptr_t)va.value;

	switch (size) {
	case 1:
		return *(const volatile u8 *)at;
	case 2:
		return *(const volatile u16 *)at;
	case 4:
		return *(const volatile u32 *)at;
	}
	return *(const volatile u64 *)at;
}

void memory_store(vaddr_t va, unsigned size, u64 value)
{
	volatile void *at = (volatile void *)(uintptr_t)va.value;

	switch (size) {
	case 1:
		*(volatile u8 *)at = (u8)value;
		return;
	case 2:
		*(volatile u16 *)at = (u16)value;
		return;
	case 4:
		*(volatile u32 *)at = (u32)value;
		return;
	}
	*(volatile u64 *)at = value;
}

/* The empty statement keeps this from becoming a jump: a report shall know who called. */
void code_run(vaddr_t va)
{
	((void (*)(void))(uintptr_t)va.value)();
	asm volatile("");
}
