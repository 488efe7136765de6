// SPDX-License-Identifier: MIT
/*
 * System registers and system instructions for C: one small function each, so that nothing outside
 * this directory needs inline assembly.
 * Runs in both worlds, MMU off and on. May not use: absolute addresses, .bss.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/convert.h>

#include "registers.h"

#define RNDR_TRIES 10

/* vectors.S: an exception within an exception is open. */
#define CPU_POINTER_NESTED BIT(0)

u64 counter_read(void)
{
	u64 value;

	asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(value)::"memory");
	return value;
}

u64 counter_frequency(void)
{
	u64 value;

	asm volatile("mrs %0, cntfrq_el0" : "=r"(value));
	return value;
}

/*
 * Registers of the ID space that a CPU does not have read as zero: it has none of their features.
 */
void id_read(u64 id[SYSREG_FACT_COUNT])
{
#define READ_ID(name) id[SYSREG_##name] = READ_REGISTER(name);
	SYSREG_EACH_ID(READ_ID)
#undef READ_ID
}

/*
 * RNDR answers with Z set when it has nothing to give; it is to be asked again, but not for ever.
 */
bool random_read(u64 *number)
{
	for (int i = 0; i < RNDR_TRIES; i++) {
		u64 failed;

		asm volatile("mrs %0, s3_3_c2_c4_0\n\tcset %1, eq"
			     : "=r"(*number), "=r"(failed)::"cc", "memory");
		if (!failed)
			return true;
	}
	return false;
}

static unsigned current_level(void)
{
	u64 value;

	asm("mrs %0, CurrentEL" : "=r"(value));
	return value >> 2;
}

u64 cpu_mpidr(void)
{
	u64 value;

	asm("mrs %0, mpidr_el1" : "=r"(value));
	return value;
}

/*
 * TPIDR_EL1 is not among the names that E2H redirects: at EL2 it stays EL1's. Asking for the level
 * each time is one instruction, true before and after every change of it, and nothing to patch.
 */
void *cpu_pointer(void)
{
	u64 value;

	if (current_level() == 2)
		asm volatile("mrs %0, tpidr_el2" : "=r"(value));
	else
		asm volatile("mrs %0, tpidr_el1" : "=r"(value));
	return (void *)(uintptr_t)(value & ~CPU_POINTER_NESTED);
}

void control_read(u64 registers[SYSREG_COUNT])
{
	registers[SYSREG_SCTLR_EL1] = READ_REGISTER(SCTLR_EL1);
	registers[SYSREG_TCR_EL1] = READ_REGISTER(TCR_EL1);
	registers[SYSREG_MAIR_EL1] = READ_REGISTER(MAIR_EL1);
	registers[SYSREG_TTBR0_EL1] = READ_REGISTER(TTBR0_EL1);
	registers[SYSREG_TTBR1_EL1] = READ_REGISTER(TTBR1_EL1);
	if (current_level() == 2)
		registers[SYSREG_HCR_EL2] = READ_REGISTER(HCR_EL2);
}

/* The walker must see the stores (DSB), and this CPU's next instructions their effect (ISB). */
void tables_publish(void)
{
	asm volatile("dsb ishst\n\tisb" ::: "memory");
}

/*
 * EPD0 only forbids walks; nothing else in TCR changes, so it may be set with the MMU on. What
 * the TLB still holds of the identity map goes afterwards.
 */
void idmap_disable(void)
{
	WRITE_REGISTER(TCR_EL1, READ_REGISTER(TCR_EL1) | TCR_EL1_EPD0_MASK);
	asm volatile("isb" ::: "memory");
	tlb_invalidate_all();
}

/* Returns what the masks were: DAIF. */
static u64 mask_all(void)
{
	u64 daif;

	asm volatile("mrs %0, daif\n\tmsr daifset, #0xf" : "=r"(daif)::"memory");
	return daif;
}

/*
 * The one way to another root. The identity map's text is where the swap runs; walks of that are on
 * for as long as it takes, and interrupts wait: their vectors are in the upper half.
 */
void ttbr1_replace(u64 ttbr1, paddr_t swap_code)
{
	void (*swap)(u64, u64) = (void (*)(u64, u64))(uintptr_t)swap_code.value;
	u64 tcr = READ_REGISTER(TCR_EL1), walking = tcr & ~TCR_EL1_EPD0_MASK;
	u64 daif;

	daif = mask_all();
	WRITE_REGISTER(TCR_EL1, walking);
	asm volatile("isb" ::: "memory");
	swap(ttbr1, walking);
	WRITE_REGISTER(TCR_EL1, tcr);
	asm volatile("isb" ::: "memory");
	tlb_invalidate_all();
	asm volatile("msr daif, %0" ::"r"(daif) : "memory");
}

/* By the same way, all CPUs at once. */
void upper_half_convert(u64 convert, u64 ttbr0, paddr_t code)
{
	void (*here)(u64, u64) = (void (*)(u64, u64))(uintptr_t)code.value;
	u64 tcr = READ_REGISTER(TCR_EL1) & ~TCR_EL1_EPD0_MASK;
	u64 daif = mask_all();

	lower_half_set(ttbr0, tcr);
	here(convert, tcr | TCR_EL1_A1_MASK);
	lower_half_set(ttbr0, tcr | TCR_EL1_A1_MASK | TCR_EL1_EPD0_MASK);
	asm volatile("msr daif, %0" ::"r"(daif) : "memory");
}

void event_send(void)
{
	asm volatile("dsb sy\n\tsev" ::: "memory");
}

void event_wait(void)
{
	asm volatile("wfe" ::: "memory");
}

void cpu_pause(void)
{
	asm volatile("yield" ::: "memory");
}

u64 vectors_get(void)
{
	u64 value;

	asm volatile("mrs %0, vbar_el1" : "=r"(value));
	return value;
}

void pac_key_get(u64 key[2])
{
	asm volatile("mrs %0, s3_0_c2_c1_0\n\tmrs %1, s3_0_c2_c1_1" : "=r"(key[0]), "=r"(key[1]));
}

/* As above; and nothing of the other tables is left in the TLB when it returns. */
u64 upper_half_probe(u64 ttbr1, u64 tcr, vaddr_t va, paddr_t probe_code)
{
	u64 (*probe)(u64, u64, u64) = (u64(*)(u64, u64, u64))(uintptr_t)probe_code.value;
	u64 kernel = READ_REGISTER(TCR_EL1);
	u64 daif, par;

	daif = mask_all();
	WRITE_REGISTER(TCR_EL1, kernel & ~TCR_EL1_EPD0_MASK);
	asm volatile("isb" ::: "memory");
	par = probe(ttbr1, tcr & ~TCR_EL1_EPD0_MASK, va.value);
	WRITE_REGISTER(TCR_EL1, kernel);
	asm volatile("isb" ::: "memory");
	tlb_invalidate_all();
	asm volatile("msr daif, %0" ::"r"(daif) : "memory");
	return par;
}

/* "Pagoda" in front of the code tells a debugger that the registers hold a stop, not chance. */
#define HALT_MAGIC ((u64)0x5061676f6461 << 16)

void cpu_halt(u64 code, u64 value, u64 limit, u64 extra)
{
	register u64 x0 asm("x0") = HALT_MAGIC | code;
	register u64 x1 asm("x1") = value;
	register u64 x2 asm("x2") = limit;
	register u64 x3 asm("x3") = extra;

	for (;;)
		asm volatile("msr daifset, #0xf\n\twfi" ::"r"(x0), "r"(x1), "r"(x2), "r"(x3)
			     : "memory");
}
