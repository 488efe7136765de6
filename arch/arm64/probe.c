// SPDX-License-Identifier: MIT
/*
 * Touching an address to see what happens: the CPU's own translation, one load, one store, one
 * call. Each access is one instruction of a function of its own, which a fault report then names.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch.h>

/* The barrier: a read of PAR_EL1 is ordered after AT by nothing else. */
u64 at_translate(vaddr_t va, bool write)
{
	u64 par;

	if (write)
		asm volatile("at s1e1w, %0" ::"r"(va.value) : "memory");
	else
		asm volatile("at s1e1r, %0" ::"r"(va.value) : "memory");
	asm volatile("isb\n\tmrs %0, par_el1" : "=r"(par)::"memory");
	return par;
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
