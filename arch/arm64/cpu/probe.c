// SPDX-License-Identifier: MIT
/*
 * Touching an address to see what happens: the CPU's own translation, one load, one store, one
 * call. Each access is one instruction of a function of its own, which a fault report then names.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch/arch.h>

#include "registers.h"

/*
 * PAR_EL1 - ISB: a read of it is ordered after AT by nothing else. The others: Cortex-A77 may
 * deadlock where accesses to Device memory or exclusives are under way beside it (1508412).
 */
static u64 par_read(void)
{
	u64 par;

	asm volatile("isb\n\tdmb sy" ::: "memory");
	par = READ_REGISTER(PAR_EL1);
	asm volatile("dmb sy" ::: "memory");
	return par;
}

u64 at_translate_as(vaddr_t va, enum at_access access)
{
	switch (access) {
	case AT_READ:
		WRITE_REGISTER(AT_S1E1R, va.value);
		break;
	case AT_WRITE:
		WRITE_REGISTER(AT_S1E1W, va.value);
		break;
	case AT_USER_READ:
		WRITE_REGISTER(AT_S1E0R, va.value);
		break;
	case AT_USER_WRITE:
		WRITE_REGISTER(AT_S1E0W, va.value);
		break;
	case AT_PAN_READ:
		WRITE_REGISTER(AT_S1E1RP, va.value);
		break;
	case AT_PAN_WRITE:
		WRITE_REGISTER(AT_S1E1WP, va.value);
		break;
	}
	return par_read();
}

u64 at_translate(vaddr_t va, bool write)
{
	return at_translate_as(va, write ? AT_WRITE : AT_READ);
}

/* PAR_EL1 holds the address of the 4 KiB that the byte is in, whatever the page size. */
bool address_probe(vaddr_t va, bool write, paddr_t *pa)
{
	u64 par = at_translate(va, write);

	*pa = paddr((par & PAR_EL1_PA_MASK) | (va.value & (KIB(4) - 1)));
	return !SYSREG_GET(PAR_EL1_F, par);
}

u64 cache_levels(void)
{
	u64 clidr;

	asm volatile("mrs %0, clidr_el1" : "=r"(clidr));
	return clidr;
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

/* BR by any register but x16 and x17, which calls through a table use, sets BTYPE to 3. */
void code_jump(vaddr_t va)
{
	asm volatile("mov x9, %0\n\tadr x30, 1f\n\tbr x9\n1:" ::"r"(va.value)
		     : "x9", "x30", "memory");
}

u64 user_load(vaddr_t va)
{
	u64 value;

	asm volatile("ldtr %0, [%1]" : "=r"(value) : "r"(va.value) : "memory");
	return value;
}

void user_store(vaddr_t va, u64 value)
{
	asm volatile("sttr %0, [%1]" ::"r"(value), "r"(va.value) : "memory");
}

/*
 * PSTATE at EL0: all but SError masked, so that only what EL0 does itself leads back; or not IRQ.
 */
#define PSTATE_EL0_MASKED 0x2c0
#define PSTATE_EL0_IRQ 0x240

/*
 * An interrupt before ERET would leave its own return address in ELR: so there is none. The kernel
 * runs on SP_EL0, and has no use for what is there: whoever catches the fault brings its own. No
 * register tells EL0 anything.
 */
static void __attribute__((noreturn)) user_begin(vaddr_t va, u64 sp, u64 pstate)
{
	asm volatile("msr daifset, #0xf\n\tmov sp, %2\n\t"
		     "msr elr_el1, %0\n\tmsr spsr_el1, %1\n\t"
		     ".irp register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16\n\t"
		     "mov x\\register, xzr\n\t.endr\n\t"
		     ".irp register, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30\n\t"
		     "mov x\\register, xzr\n\t.endr\n\t"
		     "eret" ::"r"(va.value),
		     "r"(pstate), "r"(sp)
		     : "memory");
	__builtin_unreachable();
}

void user_run(vaddr_t va)
{
	user_begin(va, 0, PSTATE_EL0_MASKED);
}

void user_go_on(vaddr_t va, u64 sp)
{
	user_begin(va, sp, PSTATE_EL0_IRQ);
}

struct user_registers user_registers_get(void)
{
	struct user_registers registers;

	asm volatile("mrs %0, tpidr_el0\n\tmrs %1, tpidrro_el0"
		     : "=r"(registers.tpidr), "=r"(registers.tpidrro)::"memory");
	return registers;
}

void user_registers_set(struct user_registers registers)
{
	asm volatile("msr tpidr_el0, %0\n\tmsr tpidrro_el0, %1" ::"r"(registers.tpidr),
		     "r"(registers.tpidrro)
		     : "memory");
}

/* The hints PACIA1716 and AUTIA1716: x17 is signed with x16, or checked against it. */
u64 pac_sign(u64 pointer, u64 modifier)
{
	register u64 x17 asm("x17") = pointer;
	register u64 x16 asm("x16") = modifier;

	asm volatile("hint #8" : "+r"(x17) : "r"(x16));
	return x17;
}

u64 pac_check(u64 pointer, u64 modifier)
{
	register u64 x17 asm("x17") = pointer;
	register u64 x16 asm("x16") = modifier;

	asm volatile("hint #12" : "+r"(x17) : "r"(x16));
	return x17;
}

void pan_set(bool on)
{
	if (on)
		asm volatile(".arch_extension pan\n\tmsr pan, #1" ::: "memory");
	else
		asm volatile(".arch_extension pan\n\tmsr pan, #0" ::: "memory");
}

u64 pan_get(void)
{
	u64 pan;

	asm volatile(".arch_extension pan\n\tmrs %0, pan" : "=r"(pan)::"memory");
	return pan;
}

void alignment_check_set(bool on)
{
	u64 sctlr = READ_REGISTER(SCTLR_EL1) & ~SCTLR_EL1_A_MASK;

	WRITE_REGISTER(SCTLR_EL1, sctlr | SYSREG_PUT(SCTLR_EL1_A, on));
	asm volatile("isb" ::: "memory");
}

/* What they change may be cached with translations, so these go. */
void system_control_set(u64 sctlr)
{
	WRITE_REGISTER(SCTLR_EL1, sctlr);
	asm volatile("isb" ::: "memory");
	tlb_invalidate_all();
}

void memory_types_set(u64 mair)
{
	WRITE_REGISTER(MAIR_EL1, mair);
	asm volatile("isb" ::: "memory");
	tlb_invalidate_all();
}

#define TCR2_EL1 "s3_0_c2_c0_3"
#define PIRE0_EL1 "s3_0_c10_c2_2"
#define PIR_EL1 "s3_0_c10_c2_3"
#define TCR2_PIE BIT(1)

void permission_indices_set(bool on, u64 pir, u64 pire0)
{
	asm volatile("msr " PIR_EL1 ", %0\n\tmsr " PIRE0_EL1 ", %1\n\tmsr " TCR2_EL1
		     ", %2\n\tisb" ::"r"(pir),
		     "r"(pire0), "r"(on ? TCR2_PIE : 0)
		     : "memory");
	tlb_invalidate_all();
}

/* With TCR.A1 the ASID of both halves is TTBR1's. */
static void lower_root_write(u64 ttbr0, u64 tcr)
{
	u64 asid = ttbr0 & TTBR0_EL1_ASID_MASK;

	if (tcr & TCR_EL1_A1_MASK) {
		WRITE_REGISTER(TTBR1_EL1, (READ_REGISTER(TTBR1_EL1) & ~TTBR1_EL1_ASID_MASK) | asid);
		ttbr0 -= asid;
	}
	WRITE_REGISTER(TTBR0_EL1, ttbr0);
	asm volatile("isb" ::: "memory");
}

/*
 * No walk can take the root from here and the ASID from there: they change in one store, or while
 * the half has no walks.
 */
void lower_root_set(u64 ttbr0)
{
	u64 tcr = READ_REGISTER(TCR_EL1);

	if (!(tcr & TCR_EL1_A1_MASK)) {
		lower_root_write(ttbr0, tcr);
		return;
	}
	WRITE_REGISTER(TCR_EL1, tcr | TCR_EL1_EPD0_MASK);
	asm volatile("isb" ::: "memory");
	lower_root_write(ttbr0, tcr);
	WRITE_REGISTER(TCR_EL1, tcr);
	asm volatile("isb" ::: "memory");
}

/*
 * Walks of the half are off while its registers disagree, and the TLB forgets what it has of the
 * half before: TCR's fields may be cached with the translations.
 */
void lower_half_set(u64 ttbr0, u64 tcr)
{
	WRITE_REGISTER(TCR_EL1, READ_REGISTER(TCR_EL1) | TCR_EL1_EPD0_MASK);
	asm volatile("isb" ::: "memory");
	tlb_invalidate_all();
	lower_root_write(ttbr0, tcr);
	WRITE_REGISTER(TCR_EL1, tcr);
	asm volatile("isb" ::: "memory");
	tlb_invalidate_all();
}

/*
 * DDI 0487 B2.4.4: clean to the point of unification, then invalidate, then fetch anew. What is
 * written at one address is executed at another, and a VIPT instruction cache (CTR_EL0.L1Ip, as in
 * Cortex-A53) may hold it there under another index, which IC IVAU of the first does not reach: all
 * aliases of a physical address go only with the whole cache. DC CIVAC cleans further than it has
 * to: see cache.S.
 */
void code_publish(vaddr_t va, u64 size)
{
	u64 line = dcache_line_size(READ_REGISTER(CTR_EL0));

	for (u64 at = align_down(va.value, line); at < va.value + size; at += line)
		asm volatile("dc civac, %0" ::"r"(at) : "memory");
	asm volatile("dsb ish\n\tic ialluis\n\tdsb ish\n\tisb" ::: "memory");
}
