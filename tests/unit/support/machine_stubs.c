// SPDX-License-Identifier: MIT
/*
 * What only a machine has, for programs that link what would ask for it and never get there: nobody
 * interrupts, and nothing faults. Weak: a test that wants to see it happen has its own. Host only.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/proc/sched.h>
#include <pagoda/arch/secondary.h>
#include <pagoda/kernel/dev/psci.h>
#include <pagoda/kernel/hyp/hyp.h>
#include <pagoda/kernel/trap/exception.h>
#if KASAN
#include <stdio.h>
#include <stdlib.h>

#include <pagoda/mm/check/kasan.h>
#endif

bool __attribute__((weak)) interrupts_mask(bool masked)
{
	return !masked;
}

void __attribute__((weak)) serror_unmask(void)
{
}

u64 __attribute__((weak)) serror_deferred(void)
{
	return 0;
}

void __attribute__((weak)) interrupt_wait(void)
{
}

void __attribute__((weak)) interrupts_take(void)
{
}

bool __attribute__((weak)) interrupt_pending(void)
{
	return false;
}

void __attribute__((weak)) timer_set(unsigned el, u64 ticks)
{
	(void)el;
	(void)ticks;
}

void __attribute__((weak)) timer_clear(unsigned el)
{
	(void)el;
}

u64 __attribute__((weak)) counter_frequency(void)
{
	return 62500000;
}

bool __attribute__((weak)) gic_cpu_enable(u32 priority_mask)
{
	(void)priority_mask;
	return false;
}

u32 __attribute__((weak)) gic_cpu_acknowledge(void)
{
	return 1023;
}

void __attribute__((weak)) gic_cpu_end(u32 number)
{
	(void)number;
}

void *__attribute__((weak)) cpu_pointer(void)
{
	static struct cpu cpu;

	return &cpu;
}

bool __attribute__((weak))
fault_catch(void (*function)(void *context), void *context, struct fault *fault)
{
	(void)fault;
	function(context);
	return false;
}

void __attribute__((weak)) cpu_pause(void)
{
}

void __attribute__((weak)) user_resume(void)
{
}

struct process *__attribute__((weak)) sched_find(u32 number)
{
	(void)number;
	return NULL;
}

void __attribute__((weak)) tlb_invalidate_all(void)
{
}

void __attribute__((weak)) ttbr1_swap(u64 ttbr1, u64 tcr)
{
	(void)ttbr1;
	(void)tcr;
}

void __attribute__((weak)) ttbr1_replace(u64 ttbr1, paddr_t swap_code)
{
	(void)ttbr1;
	(void)swap_code;
}

void __attribute__((weak)) event_send(void)
{
}

void __attribute__((weak)) event_wait(void)
{
}

u64 __attribute__((weak)) vectors_get(void)
{
	return 0;
}

void __attribute__((weak)) pac_key_get(u64 key[2])
{
	key[0] = key[1] = 0;
}

void __attribute__((weak)) tlb_repeat(void)
{
}

/* Nobody starts another CPU. */
struct mailbox __attribute__((weak)) secondary_mailboxes[MAILBOXES];

void __attribute__((weak)) secondary_entry(struct mailbox *mailbox)
{
	(void)mailbox;
}

void __attribute__((weak)) secondary_entry_search(void)
{
}

s64 __attribute__((weak))
psci_cpu_on(const struct device_psci *psci, u64 mpidr, paddr_t entry, u64 context)
{
	(void)psci;
	(void)mpidr;
	(void)entry;
	(void)context;
	return PSCI_NOT_SUPPORTED;
}

s64 __attribute__((weak)) psci_cpu_off(const struct device_psci *psci)
{
	(void)psci;
	return PSCI_NOT_SUPPORTED;
}

s64 __attribute__((weak)) psci_cpu_suspend(enum psci_conduit conduit)
{
	(void)conduit;
	return PSCI_NOT_SUPPORTED;
}

bool __attribute__((weak)) psci_cpu_is_off(enum psci_conduit conduit, u64 mpidr)
{
	(void)conduit;
	(void)mpidr;
	return false;
}

void __attribute__((weak)) pan_set(bool on)
{
	(void)on;
}

void __attribute__((weak)) idmap_disable(void)
{
}

bool __attribute__((weak)) address_probe(vaddr_t va, bool write, paddr_t *pa)
{
	(void)va;
	(void)write;
	(void)pa;
	return false;
}

enum hyp_result __attribute__((weak)) hyp_start_cpu(const struct kernel *kernel, unsigned cpu)
{
	(void)kernel;
	(void)cpu;
	return HYP_OK;
}

bool __attribute__((weak)) hyp_stop_cpu(const struct kernel *kernel)
{
	(void)kernel;
	return true;
}

#if KASAN
/* What KASAN has found: for a test that expects something. */
void __attribute__((weak)) kasan_stop(u64 address, u64 size, u64 caller, enum kasan_wrong wrong)
{
	(void)size;
	(void)caller;
	fprintf(stderr, "KASAN: %d at %#lx\n", wrong, address);
	abort();
}

void __attribute__((weak)) kasan_trace_take(struct kasan_trace *trace, unsigned skip)
{
	(void)skip;
	*trace = (struct kasan_trace){ { 1, 2, 0 } };
}

u64 __attribute__((weak)) kasan_caller(s32 caller)
{
	return (u64)(s64)caller;
}

bool __attribute__((weak)) kasan_global_at(u64 address, struct kasan_global *found)
{
	(void)address;
	(void)found;
	return false;
}
#endif
