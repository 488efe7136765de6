/* SPDX-License-Identifier: MIT */
/*
 * What the files of kernel/smp share. MMU on, on the boot CPU.
 */
#ifndef PAGODA_SMP_PARTS_H
#define PAGODA_SMP_PARTS_H

#include <pagoda/arch/secondary.h>
#include <pagoda/kernel/dev/devices.h>
#include <pagoda/kernel/smp/smp.h>

/* Bytes on the stack of a further CPU, and on that of its exceptions; 4K pages, one or more. */
#define SECONDARY_STACK_SIZE 0x4000
#define KASAN_SECONDARY_STACK_SIZE 0x8000
#if KASAN
#undef SECONDARY_STACK_SIZE
#define SECONDARY_STACK_SIZE KASAN_SECONDARY_STACK_SIZE
#endif

/* A CPU's way from CPU_ON to the flip, by a mailbox. */
struct passage {
	struct smp_cpu *cpu; /* null: the mailbox is free */
	u32 number;
	bool lost; /* its CPU has not come, and may yet: nobody else's ever */
};

/*
 * mailbox_open() - a mailbox for @mpidr, which turns itself off by @psci. mailbox_hear() - the
 * last SAID_ so far; what that vouches for can be read in the mailbox then. mailbox_tell() - @told,
 * the verdict last, but not whose mailbox it is and how to turn off. mailbox_close() - nobody's any
 * more; what was told is cleared. mailbox_withdraw() - the CPU is given up, and if it still comes
 * it is to go away; the key is cleared, the rest stays: it may be reading just that.
 * @line: bytes in a line of the data cache.
 */
void mailbox_open(struct mailbox *mailbox, u64 mpidr, const struct device_psci *psci, u64 line);
u64 mailbox_hear(struct mailbox *mailbox, u64 line);
void mailbox_tell(struct mailbox *mailbox, const struct told *told, u64 line);
void mailbox_close(struct mailbox *mailbox, u64 line);
void mailbox_withdraw(struct mailbox *mailbox, u64 line);

/* cpu_make() - what CPU @number with @mpidr needs to run; null where there is no memory for it. */
struct cpu *cpu_make(const struct kernel *kernel, u32 number, u64 mpidr);

/*
 * cpu_facts_take() - its ID registers, @id, into cpu->had, and after what the command line lowers
 * into cpu->id. What became of words that are about this CPU is noted in @handoff.
 */
void cpu_facts_take(struct cpu *cpu, const u64 *id, struct boot_handoff *handoff);

/*
 * nudge_init() - on the boot CPU: from now on interrupts may be sent, where there is a controller.
 * nudge_listen() - on another: take them, or without a controller wait for events.
 */
void nudge_init(const struct kernel *kernel);
void nudge_listen(void);

/* cpu_idle() - wait for work, and do it, for good. */
void cpu_idle(struct cpu *cpu) __attribute__((noreturn));

/* Where a CPU goes on after its flip: secondary.c. */
void secondary_main(struct cpu *cpu, u64 published, u64 flipped, u64 forbidden)
	__attribute__((noreturn));

#endif /* PAGODA_SMP_PARTS_H */
