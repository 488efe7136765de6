/* SPDX-License-Identifier: MIT */
/*
 * The machine, as far as C asks for it: everything in arch/arm64 that other rooms call. Host tests
 * put a fake machine behind the same names.
 */
#ifndef PAGODA_ARCH_H
#define PAGODA_ARCH_H

#include <pagoda/lib/sysreg.h>
#include <pagoda/arch/tlbi.h>

/* The virtual counter, CNTVCT_EL0, and its frequency in Hz. Any time. */
u64 counter_read(void);
u64 counter_frequency(void);

/* id_read() - every register of class "id" in sysreg.tbl, by enum sysreg. Any time. */
void id_read(u64 id[SYSREG_FACT_COUNT]);

/*
 * random_read() - a number from RNDR (FEAT_RNG, which the caller has checked). False where the CPU
 * had none to give in a bounded number of tries. Any time.
 */
bool random_read(u64 *number);

/*
 * dcache_clean() - write the data cache lines of [start, start + size) back to the point of
 * coherency.
 * dcache_invalidate() - drop them unwritten; no line may hold anything that memory lacks.
 * Any time, MMU off above all; @line_size: dcache_line_size(). Both end with DSB SY.
 */
void dcache_clean(const void *start, u64 size, u64 line_size);
void dcache_invalidate(const void *start, u64 size, u64 line_size);

/*
 * pac_key_set() - the key that signs return addresses once SCTLR_EL1.EnIA is set (APIAKey_EL1;
 * FEAT_PAuth, which the caller has checked). False where a higher level forbids the registers, and
 * hands that back as an undefined instruction. MMU off: nothing signed may be outstanding.
 */
bool pac_key_set(u64 low, u64 high);

/*
 * stack_wipe() - clear @size bytes below the stack pointer, a multiple of 256, and the registers
 * that calls may change: what functions that have returned left of secrets. Any time.
 */
void stack_wipe(size_t size);

/*
 * shadow_begin() - from here on x18 leads to a shadow call stack that begins at @start; and what
 * was written to memory, past the caches, is what is executed. MMU off.
 */
void shadow_begin(u64 *start);

/* serror_pending() - ISR_EL1: an SError waits that this level would take. Any time. */
bool serror_pending(void);

/* cpu_mpidr() - MPIDR_EL1: which CPU this is. Any time. */
u64 cpu_mpidr(void);

/* The rest is for the kernel, with the MMU on. */

/* cpu_pointer() - what mmu_flip() put into TPIDR of the level the kernel runs at. */
void *cpu_pointer(void);

/*
 * catch_call() - call @function with @context, and note in @resume what SP and x18 must be at
 * catch_resume. False after its return; true where x0 is that at catch_resume. guard_call() - the
 * same by another name, for a call in which others are made by the first.
 */
struct resume {
	u64 sp, shadow;
};

bool guard_call(void (*function)(void *context), void *context, struct resume *resume);
bool catch_call(void (*function)(void *context), void *context, struct resume *resume);
void catch_resume(void);

/*
 * shadow_get() - where the shadow call stack ends, x18. shadow_set() - from here on there: what is
 * below it is what returns will find. shadow_fill() - never returns from the fault it causes: for
 * fault_catch(), or to see the report.
 */
u64 shadow_get(void);
void shadow_set(u64 end);
void shadow_fill(void);

/*
 * control_read() - SCTLR, TCR, MAIR, TTBR0 and TTBR1 of the level the kernel runs at, and HCR_EL2
 * where that is EL2, by enum sysreg. At EL2 HCR_EL2.E2H is set, and EL2's registers have EL1's
 * names.
 */
void control_read(u64 registers[SYSREG_COUNT]);

/*
 * pan_set() - PSTATE.PAN: whether the kernel may not touch EL0's pages (FEAT_PAN, caller has
 * checked). pan_get() - the same, in its place in PSTATE.
 */
void pan_set(bool on);
u64 pan_get(void);

/* tables_publish() - make descriptors just written where none was valid visible to the walker. */
void tables_publish(void);

/*
 * address_probe() - ask the CPU, not the tables: true where EL1 may read or, with @write, write the
 * byte at @va, and its physical address in @pa.
 */
bool address_probe(vaddr_t va, bool write, paddr_t *pa);

/*
 * idmap_disable() - stop walks from TTBR0 (TCR.EPD0), and forget what they found: its tables may be
 * written in any order.
 */
void idmap_disable(void);

/*
 * at_translate() - PAR_EL1 after the CPU has translated @va for a read or a @write of its own (AT
 * S1E1R, S1E1W). Reads tables, not what @va maps.
 */
u64 at_translate(vaddr_t va, bool write);

/* Whose translation, and for what. PAN: EL1's, as PSTATE.PAN has it (FEAT_PAN2). */
enum at_access {
	AT_READ,
	AT_WRITE,
	AT_USER_READ,
	AT_USER_WRITE,
	AT_PAN_READ,
	AT_PAN_WRITE,
};

/* at_translate_as() - the same for any of these. */
u64 at_translate_as(vaddr_t va, enum at_access access);

/* cache_levels() - CLIDR_EL1. */
u64 cache_levels(void);

/*
 * memory_load(), memory_store() - one access of @size bytes: 1, 2, 4 or 8, and @va a multiple of
 * it. Faults where @va is not mapped, or not for this. code_run() - call what is at @va.
 * code_jump() - the same, but by a branch that does not look like a call.
 */
u64 memory_load(vaddr_t va, unsigned size);
void memory_store(vaddr_t va, unsigned size, u64 value);
void code_run(vaddr_t va);
void code_jump(vaddr_t va);

/*
 * user_load(), user_store() - an access of 8 bytes with what EL0 is allowed (LDTR, STTR).
 * user_run() - go to @va at EL0, its stack pointer and all other registers 0, never to return: for
 * fault_catch() only.
 */
u64 user_load(vaddr_t va);
void user_store(vaddr_t va, u64 value);
void user_run(vaddr_t va);

/*
 * user_read(), user_write() - copy @size bytes from or to what is EL0's at @va, with what EL0 is
 * allowed (LDTR, STTR). They fault where that is not enough: for fault_catch().
 */
void user_read(void *to, vaddr_t va, size_t size);
void user_write(vaddr_t va, const void *from, size_t size);

struct exception_frame;

/*
 * user_enter() - EL0 goes on as @frame has it, with @sctlr in SCTLR for as long, until something
 * has it come back: then exception_handle() has put all registers into the frame, and returns to
 * user_resume, with SP and x18 as @resume has them. True: it was an interrupt, which still waits,
 * unless the caller lets interrupts through. @exit: TRAMPOLINE_EXIT of the page that the way leads
 * over; 0: it needs none. This is the one way to a program, and back from it.
 */
bool user_enter(const struct exception_frame *frame, u64 sctlr, struct resume *resume, u64 exit);
void user_resume(void);

/* SIMD and floating point: 32 registers, FPCR and FPSR. */
#define FP_STATE_SIZE 528

struct fp_state {
	u64 word[FP_STATE_SIZE / 8] __attribute__((aligned(16)));
};

/*
 * fp_access() - whether SIMD and floating point may be used, by EL0 and the kernel. fp_save(),
 * fp_load() - all of it: for as long as it may.
 */
void fp_access(bool allowed);
void fp_save(struct fp_state *state);
void fp_load(const struct fp_state *state);

/* The registers of EL0's that the kernel has no use for. */
struct user_registers {
	u64 tpidr; /* TPIDR_EL0 */
	u64 tpidrro; /* TPIDRRO_EL0, which EL0 only reads */
};

/*
 * user_registers_get(), user_registers_set() - all of them. user_go_on() - to @va at EL0 with @sp,
 * interrupts taken, never to return: as user_run().
 */
struct user_registers user_registers_get(void);
void user_registers_set(struct user_registers registers);
void user_go_on(vaddr_t va, u64 sp);

/*
 * pac_sign() - @pointer with a signature by the key that return addresses are signed with.
 * pac_check() - @pointer without it where it is right for @modifier; where not, a pointer that
 * faults when it is used, or with FEAT_FPAC a fault at once.
 */
u64 pac_sign(u64 pointer, u64 modifier);
u64 pac_check(u64 pointer, u64 modifier);

/* alignment_check_set() - SCTLR.A: whether accesses to Normal memory must be aligned. */
void alignment_check_set(bool on);

/*
 * system_control_set() - SCTLR, which must leave the kernel what it runs by: M, C, I, BT1, EnIA.
 * memory_types_set() - MAIR, with the kernel's own types where they are.
 */
void system_control_set(u64 sctlr);
void memory_types_set(u64 mair);

/*
 * permission_indices_set() - with @on, permissions of stage 1 are what @pir has for each index of
 * EL1's, a nibble each, and @pire0 for EL0's (FEAT_S1PIE, caller has checked, and that TCR2 may be
 * written); the kernel's own among them: index 8 is its text, 12 all else.
 */
void permission_indices_set(bool on, u64 pir, u64 pire0);

/*
 * lower_root_set() - TTBR0 alone, root and ASID, with walks of it on: what the TLB has stays, by
 * its ASID. Programs' roots change by this, too. With TCR.A1 the ASID goes into TTBR1.
 * lower_half_set() - TTBR0 and TCR, which must not differ in what concerns the upper half; the TLB
 * forgets all.
 */
void lower_root_set(u64 ttbr0);
void lower_half_set(u64 ttbr0, u64 tcr);

/*
 * interrupts_mask() - PSTATE.I: whether interrupts wait; returns whether they did before.
 * interrupt_wait() - sleep until there is one, also where they are masked.
 * interrupts_take() - take those that wait, and mask them again.
 * interrupt_pending() - ISR_EL1: there is one.
 */
bool interrupts_mask(bool masked);
void interrupt_wait(void);
void interrupts_take(void);
bool interrupt_pending(void);

/*
 * serror_unmask() - SErrors are exceptions from here on; one that waits, before this returns.
 * serror_deferred() - DISR_EL1, and clear it: the syndrome of an SError that an ESB instruction has
 * taken without an exception, 0 for none (FEAT_RAS, caller has checked).
 */
void serror_unmask(void);
u64 serror_deferred(void);

/*
 * GICv3's registers in the CPU: gic_cpu_enable() - let interrupts of group 1 with a priority below
 * @priority_mask through; false where the CPU may not use them. gic_cpu_acknowledge() - the number
 * of the interrupt to be handled; gic_cpu_end() - it has been.
 */
bool gic_cpu_enable(u32 priority_mask);
u32 gic_cpu_acknowledge(void);
void gic_cpu_end(u32 number);

/*
 * gic_cpu_disable() - let none through any more. gic_cpu_has_ranges() - ICC_CTLR_EL1.RSS:
 * interrupts can be sent to CPUs whose Aff0 is above 15. gic_cpu_send() - @what into ICC_SGI1R_EL1;
 * whom it interrupts sees what was written before. After gic_cpu_enable().
 */
void gic_cpu_disable(void);
bool gic_cpu_has_ranges(void);
void gic_cpu_send(u64 what);

/*
 * timer_set() - the timer of exception level @el, on which the kernel runs, is to interrupt in
 * @ticks of the counter, of which any number is fine. timer_clear() - it is not to.
 */
void timer_set(unsigned el, u64 ticks);
void timer_clear(unsigned el);

/*
 * code_publish() - what was written to [@va, @va + @size) may be executed from now on, at whatever
 * address it is mapped.
 */
void code_publish(vaddr_t va, u64 size);

/*
 * ttbr1_replace() - @ttbr1 into TTBR1: the upper half has another root from then on, in which the
 * kernel is mapped where it runs. @swap_code: the physical address of ttbr1_swap(), which only this
 * may call. The identity map is in TTBR0, walks of it off.
 */
void ttbr1_replace(u64 ttbr1, paddr_t swap_code);
void ttbr1_swap(u64 ttbr1, u64 tcr);

/*
 * event_send() - all that was stored is in memory or on its way past caches, and whoever waits in
 * event_wait() looks again: any CPU, MMU on or off. event_wait() - sleep until then, or until any
 * other event.
 */
void event_send(void);
void event_wait(void);

/*
 * cpu_pause() - between two looks at what another CPU is to do: whoever runs that one and this one
 * on the same hardware should rather run that one. In an emulator it gets its turn then.
 */
void cpu_pause(void);

/* vectors_get() - VBAR of the level the kernel runs at. */
u64 vectors_get(void);

/* pac_key_get() - what pac_key_set() has set: a secret. */
void pac_key_get(u64 key[2]);

/*
 * upper_half_probe() - PAR_EL1 for a read of @va by EL1, or where @va is odd a write, under another
 * @ttbr1 and @tcr, in which the kernel need not be. @probe_code: the physical address of
 * ttbr1_probe(), which only this may call. The rest is as for ttbr1_replace().
 */
u64 upper_half_probe(u64 ttbr1, u64 tcr, vaddr_t va, paddr_t probe_code);
u64 ttbr1_probe(u64 ttbr1, u64 tcr, u64 va);

/* cpu_halt() - stop this CPU for good, with @code and three values in registers for a debugger. */
void cpu_halt(u64 code, u64 value, u64 limit, u64 extra) __attribute__((noreturn));

#endif /* PAGODA_ARCH_H */
