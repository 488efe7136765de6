// SPDX-License-Identifier: MIT
/*
 * Starting the other CPUs: as many at a time as there are mailboxes, or one after the other.
 * Runs in the kernel, MMU on, on the boot CPU.
 *
 * Nobody decides twice: a CPU that comes is measured against the plan by cpu_follows(), and gets
 * the registers that the boot CPU has, or is sent away. One that does not come in time keeps its
 * mailbox, with the word that sends it away in it, since it may still be on its way.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/dev/psci.h>
#include <pagoda/lib/errata.h>
#include <pagoda/lib/string.h>
#include <pagoda/mm/alloc/alloc.h>

#include "parts.h"

/* A CPU that has been called has this long to come, and as long again to come out of its flip. */
#define PATIENCE_SECONDS 2

/* Not in .bss, which every boot clears with the MMU off: smp_start() does. */
#define NOINIT __attribute__((section(".noinit")))
static struct smp smp NOINIT;
static struct smp_cpu boot_only NOINIT; /* where there is no memory for more */
static struct passage passages[MAILBOXES] NOINIT;
static struct boot_handoff *boot; /* what became of words about CPUs is noted in it */

static u64 line_size(const struct kernel *kernel)
{
	return dcache_line_size(kernel->handoff->facts.id[SYSREG_CTR_EL0]);
}

static void cpu_settle(struct smp_cpu *cpu, enum cpu_state state, enum cpu_reason reason)
{
	cpu->state = state;
	cpu->reason = reason;
}

/* Its word at the release address: past the caches, as the CPU that waits for it reads it. */
static bool release_write(const struct kernel *kernel, u64 release, u64 entry)
{
	vaddr_t va = linear_va(&kernel->linear, paddr(release)), window;
	struct vmalloc *vmalloc = &kernel->alloc->vmalloc;
	paddr_t pa;

	if (!is_aligned(release, sizeof(u64)))
		return false;
	if (!memory_may_map_device(kernel->memory, paddr(release), sizeof(u64)) &&
	    address_probe(va, true, &pa) && pa.value == release) {
		memory_store(va, sizeof(u64), entry);
		dcache_clean(vaddr_pointer(va), sizeof(u64), line_size(kernel));
		return true;
	}
	if (vmalloc_ioremap_hidden(vmalloc, paddr(release), sizeof(u64), &window) != VMALLOC_OK)
		return false;
	memory_store(window, sizeof(u64), entry);
	vmalloc_free(vmalloc, window);
	return true;
}

/* True where the CPU may be on its way from now on. */
static bool call(const struct kernel *kernel, struct smp_cpu *cpu, struct mailbox *mailbox)
{
	struct device_psci psci = psci_cpus(kernel);
	s64 answer;

	if (cpu->entry->method == CPU_METHOD_SPIN_TABLE) {
		paddr_t entry = kernel_physical(kernel, (void *)secondary_entry_search);

		cpu_settle(cpu, CPU_STATE_OFF, CPU_REASON_RELEASE);
		cpu->value = cpu->entry->release;
		if (!release_write(kernel, cpu->entry->release, entry.value))
			return false;
		event_send();
		return true;
	}
	answer = psci_cpu_on(&psci, cpu->entry->mpidr,
			     kernel_physical(kernel, (void *)secondary_entry),
			     kernel_physical(kernel, mailbox).value);
	cpu_settle(cpu, CPU_STATE_OFF, CPU_REASON_DENIED);
	cpu->value = (u64)answer;
	return answer == 0;
}

static bool has_method(const struct kernel *kernel, const struct smp_cpu *cpu)
{
	switch (cpu->entry->method) {
	case CPU_METHOD_PSCI:
		return psci_cpus(kernel).cpu_on != 0;
	case CPU_METHOD_SPIN_TABLE:
		return cpu->entry->release != 0;
	case CPU_METHOD_NONE:
	case CPU_METHOD_OTHER:
		return false;
	}
	return false;
}

/* Call CPU @number by a mailbox that is free. */
static void passage_begin(const struct kernel *kernel, struct passage *passage, u32 number)
{
	struct mailbox *mailbox = &secondary_mailboxes[passage - passages];
	struct smp_cpu *cpu = &kernel->smp->cpu[number];
	struct device_psci psci = psci_cpus(kernel);

	if (!has_method(kernel, cpu)) {
		cpu_settle(cpu, CPU_STATE_OFF, CPU_REASON_NO_METHOD);
		return;
	}
	if (cpu->cpu == NULL)
		cpu->cpu = cpu_make(kernel, number, cpu->entry->mpidr);
	if (cpu->cpu == NULL) {
		cpu_settle(cpu, CPU_STATE_OFF, CPU_REASON_NO_MEMORY);
		return;
	}
	cpu->cpu->running = false;
	mailbox_open(mailbox, cpu->entry->mpidr, &psci, line_size(kernel));
	if (call(kernel, cpu, mailbox))
		*passage = (struct passage){ .cpu = cpu, .number = number };
	else
		mailbox_close(mailbox, line_size(kernel));
}

static u64 deadline(void)
{
	return counter_read() + PATIENCE_SECONDS * counter_frequency();
}

static bool is_late(u64 time)
{
	return (s64)(counter_read() - time) > 0;
}

/* What it says when it comes; SAID_NOTHING where it has not. */
static u64 passage_wait(const struct kernel *kernel, struct mailbox *mailbox, u64 time)
{
	bool late = is_late(time);
	u64 state = mailbox_hear(mailbox, line_size(kernel));

	while (state == SAID_NOTHING && !late) {
		cpu_pause();
		late = is_late(time);
		state = mailbox_hear(mailbox, line_size(kernel));
	}
	return state;
}

/* From before the first other CPU turns its MMU on. */
static void note_errata(struct smp *machine, u64 midr)
{
	const char *erratum = errata_repeat_tlbi(midr);

	if (erratum == NULL || machine->repeat_tlbi != NULL)
		return;
	machine->repeat_tlbi = erratum;
	tlb_repeat();
}

static u64 verdict_go(const struct boot_handoff *handoff)
{
	if (handoff->facts.entry.el == 1)
		return VERDICT_GO;
	return handoff->plan.el == 2 ? VERDICT_GO_VHE : VERDICT_GO_DROP;
}

/* The registers of the boot CPU, as they are; the lower half is the identity map's for the flip. */
static struct flip flip_make(const struct kernel *kernel, const struct cpu *cpu)
{
	const struct boot_handoff *handoff = kernel->handoff;
	const struct mmu_registers *registers = &handoff->plan.registers;
	const struct space *space = &kernel->kernel_space;

	return (struct flip){ .mair = registers->mair,
			      .tcr = registers->tcr |
				     SYSREG_PUT(TCR_EL1_A1, space->policy.not_global),
			      .ttbr0 = handoff->ttbr0,
			      .ttbr1 = ttbr_encode(&space->regime, space->root),
			      .sctlr = registers->sctlr,
			      .entry = (uintptr_t)secondary_main,
			      .argument = (uintptr_t)cpu,
			      .cpu = (uintptr_t)cpu,
			      .stack = cpu->stack.end,
			      .exception_stack = cpu->exception_stack.end,
			      .vectors = vectors_get(),
			      .shadow = cpu->shadow.start,
			      .mmfr3 = cpu->id[SYSREG_ID_AA64MMFR3_EL1] };
}

/* Whether it follows, and what it needs if so. */
static struct told judge(const struct kernel *kernel, struct smp_cpu *cpu, const struct said *said)
{
	const struct boot_handoff *handoff = kernel->handoff;
	struct cpu_facts first = { handoff->facts.entry.el, counter_frequency(), handoff->id };
	struct cpu_facts own = { said->el, said->frequency, cpu->cpu->id };
	struct told told = { .verdict = VERDICT_REFUSED };

	cpu_facts_take(cpu->cpu, said->id, boot);
	cpu->el = said->el;
	cpu->follow = cpu_follows(&handoff->plan, &first, &own);
	if (cpu->follow.field != FOLLOW_OK) {
		cpu_settle(cpu, CPU_STATE_REFUSED, CPU_REASON_FOLLOWS_NOT);
		return told;
	}
	note_errata(kernel->smp, handoff->facts.id[SYSREG_MIDR_EL1]);
	note_errata(kernel->smp, said->id[SYSREG_MIDR_EL1]);
	told.verdict = verdict_go(handoff);
	told.pac = handoff->plan.pac;
	if (told.pac)
		pac_key_get(told.key);
	told.flip = flip_make(kernel, cpu->cpu);
	cpu_settle(cpu, CPU_STATE_SILENT, CPU_REASON_LOST);
	return told;
}

static void note_fault(struct smp_cpu *cpu, u64 state, const struct said *said)
{
	cpu_settle(cpu, CPU_STATE_REFUSED,
		   state == SAID_NO_KEY ? CPU_REASON_NO_KEY : CPU_REASON_FAULTED);
	cpu->fault = (struct fault){ .esr = said->esr, .elr = said->elr, .far = said->far };
}

static void passage_judge(const struct kernel *kernel, struct passage *passage, u64 time)
{
	struct mailbox *mailbox = &secondary_mailboxes[passage - passages];
	u64 state = passage_wait(kernel, mailbox, time);
	struct told told;

	if (state == SAID_NOTHING) {
		cpu_settle(passage->cpu, CPU_STATE_SILENT, CPU_REASON_SILENT);
		passage->lost = true;
	} else if (state == SAID_ARRIVED) {
		told = judge(kernel, passage->cpu, &mailbox->said);
		mailbox_tell(mailbox, &told, line_size(kernel));
		secret_wipe(&told, sizeof(told));
	}
}

/* Until the CPU of @passage reads no more in its mailbox: it runs, or has said its last. */
static bool passage_is_over(const struct kernel *kernel, struct passage *passage)
{
	struct mailbox *mailbox = &secondary_mailboxes[passage - passages];
	struct smp_cpu *cpu = passage->cpu;
	u64 state = mailbox_hear(mailbox, line_size(kernel));

	if (__atomic_load_n(&cpu->cpu->running, __ATOMIC_ACQUIRE)) {
		cpu_settle(cpu, CPU_STATE_RUNNING, CPU_REASON_NONE);
		kernel->smp->running++;
		return true;
	}
	if (state == SAID_FAULTED || state == SAID_NO_KEY)
		note_fault(cpu, state, &mailbox->said);
	return state != SAID_ARRIVED;
}

static void passage_end(const struct kernel *kernel, struct passage *passage, u64 time)
{
	struct mailbox *mailbox = &secondary_mailboxes[passage - passages];
	bool late = false, over = false;

	while (!passage->lost && !over && !late) {
		cpu_pause();
		late = is_late(time);
		over = passage_is_over(kernel, passage);
	}
	passage->cpu = NULL;
	passage->lost = !over;
	if (over)
		mailbox_close(mailbox, line_size(kernel));
	else
		mailbox_withdraw(mailbox, line_size(kernel));
}

/* CPUs from @number to @end stay off. */
static u32 settle_all(const struct kernel *kernel, u32 number, u32 end, enum cpu_reason reason)
{
	while (number < end)
		cpu_settle(&kernel->smp->cpu[number++], CPU_STATE_OFF, reason);
	return number;
}

/* A mailbox that is free, from @passage on; the end where there is none. */
static struct passage *free_from(struct passage *passage)
{
	while (passage < passages + MAILBOXES && passage->lost)
		passage++;
	return passage;
}

/* CPUs from @number on, up to @width of them and as many as there are mailboxes; where to go on. */
static u32 wave(const struct kernel *kernel, u32 number, u32 end_number, u32 width)
{
	struct passage *end = passages + MAILBOXES, *passage = free_from(passages);
	u64 time;

	if (passage == end)
		return settle_all(kernel, number, end_number, CPU_REASON_NO_MAILBOX);
	for (; passage < end && width > 0 && number < end_number; width--) {
		passage_begin(kernel, passage, number++);
		passage = free_from(passage + 1);
	}
	time = deadline();
	for (passage = passages; passage < end; passage++)
		if (passage->cpu != NULL)
			passage_judge(kernel, passage, time);
	time = deadline();
	for (passage = passages; passage < end; passage++)
		if (passage->cpu != NULL)
			passage_end(kernel, passage, time);
	return number;
}

/* The first @limit CPUs are started, @width at a time. */
static void start_all(struct kernel *kernel, u32 width, u32 limit)
{
	u32 number = 1, end = limit < smp.count ? limit : smp.count;

	while (number < end)
		number = wave(kernel, number, end, width);
	settle_all(kernel, number, smp.count, CPU_REASON_LIMIT);
}

/* One in a thousand machines has no memory for a list; it has a boot CPU. */
static void list_take(struct kernel *kernel)
{
	const struct cpu_list *list = kernel->cpus;
	void *object = &boot_only;

	smp.count = 1;
	if (list->count > 1 && kernel->alloc != NULL &&
	    heap_alloc(&kernel->alloc->heap, list->count * sizeof(*smp.cpu), &object) == HEAP_OK)
		smp.count = list->count;
	smp.cpu = object;
	for (u32 i = 0; i < smp.count; i++)
		smp.cpu[i].entry = &list->cpu[i];
}

void smp_cpu_on(const struct kernel *kernel, u32 number)
{
	wave(kernel, number, number + 1, 1);
}

void smp_start(struct kernel *kernel, struct boot_handoff *handoff)
{
	const struct boot_options *options = &handoff->options;

	boot = handoff;
	smp = (struct smp){ 0 };
	boot_only = (struct smp_cpu){ 0 };
	memset(passages, 0, sizeof(passages));
	list_take(kernel);
	smp.cpu[0].state = CPU_STATE_RUNNING;
	smp.cpu[0].el = handoff->facts.entry.el;
	smp.cpu[0].cpu = cpu_this();
	smp.running = 1;
	kernel->smp = &smp;
	if (smp.count == 1)
		return;
	nudge_init(kernel);
	start_all(kernel, options->cpus_parallel ? MAILBOXES : 1,
		  options->cpus_max != 0 ? options->cpus_max : smp.count);
}
