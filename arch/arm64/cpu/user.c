// SPDX-License-Identifier: MIT
/*
 * What EL0 has, from the kernel: its memory, with its own rights, its root, its SIMD registers.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch/arch.h>

#include "registers.h"

/* CPACR_EL1, or at EL2 with HCR_EL2.E2H set CPTR_EL2 under that name. */
#define CPACR_EL1 "s3_0_c1_c0_2"
#define CPACR_FPEN ((u64)3 << 20)

/* Eight bytes at a time where both sides are aligned. */
static bool by_words(const void *here, vaddr_t va)
{
	return is_aligned((u64)(uintptr_t)here | va.value, sizeof(u64));
}

void user_read(void *to, vaddr_t va, size_t size)
{
	bool words = by_words(to, va);
	u8 *at = to;

	for (; words && size >= sizeof(u64); size -= sizeof(u64), at += sizeof(u64)) {
		*(u64 *)(void *)at = user_load(va);
		va = vaddr_add(va, sizeof(u64));
	}
	for (; size > 0; size--, at++) {
		u64 byte;

		asm volatile("ldtrb %w0, [%1]" : "=r"(byte) : "r"(va.value) : "memory");
		*at = (u8)byte;
		va = vaddr_add(va, 1);
	}
}

void user_write(vaddr_t va, const void *from, size_t size)
{
	bool words = by_words(from, va);
	const u8 *at = from;

	for (; words && size >= sizeof(u64); size -= sizeof(u64), at += sizeof(u64)) {
		user_store(va, *(const u64 *)(const void *)at);
		va = vaddr_add(va, sizeof(u64));
	}
	for (; size > 0; size--, at++) {
		asm volatile("sttrb %w0, [%1]" ::"r"((u64)*at), "r"(va.value) : "memory");
		va = vaddr_add(va, 1);
	}
}

/* Root and ASID change in one store: no walk can take one from here and the other from there. */
void user_root_set(u64 ttbr0)
{
	WRITE_REGISTER(TTBR0_EL1, ttbr0);
	asm volatile("isb" ::: "memory");
}

/* All else that the register has a bit for, SVE and SME above all, EL0 may not use. */
void fp_access(bool allowed)
{
	asm volatile("msr " CPACR_EL1 ", %0\n\tisb" ::"r"(allowed ? CPACR_FPEN : 0) : "memory");
}
