// SPDX-License-Identifier: MIT
/*
 * The CPU's side of interrupts: their mask, SErrors', GICv3's registers in the CPU, the generic
 * timer. Runs in the kernel, MMU on, but for serror_pending(), which runs before that, too. May not
 * use: absolute addresses, .bss.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/mrs.h>

#define DISR_EL1 "s3_0_c12_c1_1"
#define ICC_PMR_EL1 "s3_0_c4_c6_0"
#define ICC_IAR1_EL1 "s3_0_c12_c12_0"
#define ICC_EOIR1_EL1 "s3_0_c12_c12_1"
#define ICC_CTLR_EL1 "s3_0_c12_c12_4"
#define ICC_SGI1R_EL1 "s3_0_c12_c11_5"
#define ICC_AP1R0_EL1 "s3_0_c12_c9_0"
#define ICC_AP1R1_EL1 "s3_0_c12_c9_1"
#define ICC_AP1R2_EL1 "s3_0_c12_c9_2"
#define ICC_AP1R3_EL1 "s3_0_c12_c9_3"
#define ICC_SRE_EL1 "s3_0_c12_c12_5"
#define ICC_IGRPEN1_EL1 "s3_0_c12_c12_7"

#define ICC_CTLR_RSS BIT(18)
#define ICC_CTLR_PRIBITS(value) (((value) >> 8 & 7) + 1)

#define TIMER_ENABLE 1
#define DAIF_I BIT(7)
#define ISR_I BIT(7)
#define ISR_A BIT(8)

bool interrupts_mask(bool masked)
{
	bool before = READ("daif") & DAIF_I;

	if (masked)
		asm volatile("msr daifset, #2" ::: "memory");
	else
		asm volatile("msr daifclr, #2" ::: "memory");
	return before;
}

/* The barrier: what was written to devices has reached them before the CPU sleeps. */
void interrupt_wait(void)
{
	asm volatile("dsb sy\n\twfi" ::: "memory");
}

/* ISB: what is pending is taken before the next instruction (DDI 0487 D1.3.6). */
void interrupts_take(void)
{
	asm volatile("msr daifclr, #2\n\tisb\n\tmsr daifset, #2" ::: "memory");
}

bool interrupt_pending(void)
{
	return READ("isr_el1") & ISR_I;
}

bool serror_pending(void)
{
	return READ("isr_el1") & ISR_A;
}

u64 serror_deferred(void)
{
	u64 disr = READ(DISR_EL1);

	WRITE(DISR_EL1, 0);
	return disr;
}

void serror_unmask(void)
{
	asm volatile("msr daifclr, #4\n\tisb" ::: "memory");
}

/*
 * Whoever was here before may have left in the middle of an interrupt: as long as its priority
 * counts as running, none of the same is let through. There is a bit for each priority, and a
 * register for 32 of them; those that the CPU lacks are undefined.
 */
static void forget_running(unsigned priority_bits)
{
	if (priority_bits >= 7) {
		WRITE(ICC_AP1R3_EL1, 0);
		WRITE(ICC_AP1R2_EL1, 0);
	}
	if (priority_bits >= 6)
		WRITE(ICC_AP1R1_EL1, 0);
	WRITE(ICC_AP1R0_EL1, 0);
}

/*
 * SRE stays clear where a higher level keeps these registers for itself. ICC_CTLR.EOImode may be
 * set by whoever was here before (Linux at EL2 does): then the end of an interrupt would leave it
 * active, and it would never come again.
 */
bool gic_cpu_enable(u32 priority_mask)
{
	WRITE(ICC_SRE_EL1, READ(ICC_SRE_EL1) | 1);
	asm volatile("isb" ::: "memory");
	if (!(READ(ICC_SRE_EL1) & 1))
		return false;
	forget_running(ICC_CTLR_PRIBITS(READ(ICC_CTLR_EL1)));
	WRITE(ICC_CTLR_EL1, 0);
	WRITE(ICC_PMR_EL1, priority_mask);
	WRITE(ICC_IGRPEN1_EL1, 1);
	asm volatile("isb" ::: "memory");
	return true;
}

/* The barrier: what the interrupt is about is looked at after it has been acknowledged. */
u32 gic_cpu_acknowledge(void)
{
	u32 number = (u32)READ(ICC_IAR1_EL1);

	asm volatile("dsb sy" ::: "memory");
	return number;
}

void gic_cpu_end(u32 number)
{
	WRITE(ICC_EOIR1_EL1, number);
	asm volatile("isb" ::: "memory");
}

void gic_cpu_disable(void)
{
	WRITE(ICC_IGRPEN1_EL1, 0);
	asm volatile("isb" ::: "memory");
}

bool gic_cpu_has_ranges(void)
{
	return READ(ICC_CTLR_EL1) & ICC_CTLR_RSS;
}

/* No access to memory, so no store waits for the ones before it by itself. */
void gic_cpu_send(u64 what)
{
	asm volatile("dsb ishst" ::: "memory");
	WRITE(ICC_SGI1R_EL1, what);
	asm volatile("isb" ::: "memory");
}

/*
 * By CVAL, since TVAL has 32 bits with a sign: two seconds of a counter of 1 GHz, which each CPU
 * has from Armv8.6 on.
 */
void timer_set(unsigned el, u64 ticks)
{
	if (el == 2) {
		WRITE("cntp_cval_el0", READ("cntpct_el0") + ticks);
		WRITE("cntp_ctl_el0", TIMER_ENABLE);
	} else {
		WRITE("cntv_cval_el0", READ("cntvct_el0") + ticks);
		WRITE("cntv_ctl_el0", TIMER_ENABLE);
	}
	asm volatile("isb" ::: "memory");
}

void timer_clear(unsigned el)
{
	if (el == 2)
		WRITE("cntp_ctl_el0", 0);
	else
		WRITE("cntv_ctl_el0", 0);
	asm volatile("isb" ::: "memory");
}
