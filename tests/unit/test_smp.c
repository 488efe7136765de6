// SPDX-License-Identifier: MIT
/*
 * Starting CPUs, on CPUs made by hand: what each says in its mailbox and what it is told, what
 * becomes of one that cannot follow, does not come or has an exception, and that no mailbox is ever
 * somebody else's. Host only.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <pagoda/arch/secondary.h>
#include <pagoda/kernel/dev/psci.h>
#include <pagoda/kernel/irq/interrupt.h>
#include <pagoda/kernel/smp/smp.h>
#include <pagoda/mm/alloc/alloc.h>

#include "support/fake_memory.h"

#define SIMS_MAX 40
#define KEY_LOW 0x1122334455667788
#define KEY_HIGH 0x99aabbccddeeff00
#define DENIED -3 /* PSCI's DENIED */

enum conduct {
	FOLLOWS,
	NEVER_COMES,
	COMES_LATE, /* when it has been given up */
	IS_SLOW, /* to look for its verdict */
	FAULTS, /* at once */
	FAULTS_AFTER_VERDICT,
	HAS_NO_KEY,
	GETS_LOST, /* after the verdict */
};

/* What QEMU's -cpu max has, of what counts here. */
static const u64 max_id[SYSREG_FACT_COUNT] = {
	[SYSREG_MIDR_EL1] = 0xf0510,
	[SYSREG_CTR_EL0] = 0x8444c004,
	[SYSREG_ID_AA64PFR0_EL1] = 0x1201001120110022,
	[SYSREG_ID_AA64PFR1_EL1] = 0x1000021,
	[SYSREG_ID_AA64ISAR0_EL1] = 0x1221111110212120,
	[SYSREG_ID_AA64ISAR1_EL1] = 0x11111101211012,
	[SYSREG_ID_AA64MMFR0_EL1] = 0x32310201126,
	[SYSREG_ID_AA64MMFR1_EL1] = 0x11010211122,
	[SYSREG_ID_AA64MMFR2_EL1] = 0x1021011010011011,
};

/* A CPU made by hand. */
struct sim {
	enum conduct conduct;
	u64 mpidr, el, frequency;
	u64 id[SYSREG_FACT_COUNT];
	struct mailbox *mailbox; /* once it was called */
	u64 called; /* when */
	bool runs, off;
	struct told told; /* what it was told */
};

static struct sim sims[SIMS_MAX];
static u32 sim_count;
static s64 cpu_on_answer;
static u32 cpu_on_number;
static struct devices devices;
static u64 now;
static u32 on_their_way, most_on_their_way;

static struct fake_memory memory;
static struct memory_map ram;
static struct boot_handoff handoff;
static struct cpu_list list;
static struct kernel kernel;
static struct cpu boot;

struct mailbox secondary_mailboxes[MAILBOXES];

/* ---- The machine ---- */

/* What a CPU does that has been called: one step at a time. */
static void sim_step(struct sim *sim)
{
	struct said *said = &sim->mailbox->said;
	const struct told *told = &sim->mailbox->told;

	if (sim->conduct == NEVER_COMES || sim->runs || sim->off ||
	    (sim->conduct == COMES_LATE && now - sim->called < 3 * counter_frequency()))
		return;
	if (said->state == SAID_NOTHING) {
		assert_int_equal(told->mpidr, sim->mpidr);
		said->el = sim->el;
		said->frequency = sim->frequency;
		memcpy(said->id, sim->id, sizeof(said->id));
		said->esr = 0xe5;
		said->elr = 0xe1;
		said->far = 0xfa;
		said->state = sim->conduct == FAULTS ? SAID_FAULTED : SAID_ARRIVED;
		sim->off = sim->conduct == FAULTS;
		return;
	}
	if (told->verdict == VERDICT_NONE ||
	    (sim->conduct == IS_SLOW && now - sim->called < counter_frequency()))
		return;
	assert_int_equal(told->mpidr, sim->mpidr);
	sim->told = *told;
	if (told->verdict == VERDICT_REFUSED) {
		said->state = SAID_OFF;
		sim->off = true;
	} else if (sim->conduct == FAULTS_AFTER_VERDICT || sim->conduct == HAS_NO_KEY) {
		said->state = sim->conduct == HAS_NO_KEY ? SAID_NO_KEY : SAID_FAULTED;
		sim->off = true;
	} else if (sim->conduct != GETS_LOST) {
		((struct cpu *)(uintptr_t)told->flip.cpu)->running = true;
		sim->runs = true;
	}
}

u64 counter_read(void)
{
	u32 waiting = 0;

	now += counter_frequency() / 100;
	for (u32 i = 0; i < sim_count; i++) {
		if (sims[i].mailbox == NULL)
			continue;
		waiting += !sims[i].runs && !sims[i].off;
		sim_step(&sims[i]);
	}
	on_their_way = waiting;
	most_on_their_way = waiting > most_on_their_way ? waiting : most_on_their_way;
	return now;
}

const struct devices *kernel_devices(const struct kernel *with)
{
	assert_ptr_equal(with, &kernel);
	return &devices;
}

s64 psci_cpu_on(const struct device_psci *psci, u64 mpidr, paddr_t entry, u64 context)
{
	assert_int_equal(psci->conduit, PSCI_SMC);
	assert_int_equal(psci->cpu_on, cpu_on_number);
	assert_int_equal(entry.value, (uintptr_t)secondary_entry);
	for (u32 i = 0; i < sim_count && cpu_on_answer == 0; i++)
		if (sims[i].mpidr == mpidr) {
			sims[i].mailbox = (struct mailbox *)(uintptr_t)context;
			sims[i].called = now;
			sims[i].off = sims[i].runs = false;
		}
	return cpu_on_answer;
}

s64 psci_cpu_off(const struct device_psci *psci)
{
	(void)psci;
	return PSCI_NOT_SUPPORTED;
}

bool psci_cpu_is_off(enum psci_conduit conduit, u64 mpidr)
{
	(void)conduit;
	(void)mpidr;
	return false;
}

void idmap_disable(void)
{
}

void cpu_halt(u64 code, u64 value, u64 limit, u64 extra)
{
	(void)value;
	(void)limit;
	(void)extra;
	fail_msg("halted with %lu", code);
	abort();
}

void pan_set(bool on)
{
	(void)on;
}

void secondary_entry(struct mailbox *mailbox)
{
	(void)mailbox;
}

void secondary_entry_search(void)
{
}

void *cpu_pointer(void)
{
	return &boot;
}

void event_send(void)
{
}

void event_wait(void)
{
}

void cpu_pause(void)
{
}

u64 vectors_get(void)
{
	return 0x800;
}

void pac_key_get(u64 key[2])
{
	key[0] = KEY_LOW;
	key[1] = KEY_HIGH;
}

void dcache_clean(const void *start, u64 size, u64 line_size)
{
	(void)start;
	(void)size;
	(void)line_size;
}

void dcache_invalidate(const void *start, u64 size, u64 line_size)
{
	(void)start;
	(void)size;
	(void)line_size;
}

static bool repeats;

void tlb_repeat(void)
{
	repeats = true;
}

void memory_store(vaddr_t va, unsigned size, u64 value)
{
	(void)va;
	(void)size;
	(void)value;
}

bool address_probe(vaddr_t va, bool write, paddr_t *pa)
{
	(void)va;
	(void)write;
	(void)pa;
	return false;
}

/* No interrupt controller: the CPUs wait for events. */
enum interrupt_result interrupt_start(const struct kernel *with)
{
	(void)with;
	return INTERRUPT_NO_CONTROLLER;
}

enum interrupt_result interrupt_register(const struct interrupt *interrupt)
{
	(void)interrupt;
	return INTERRUPT_NO_LINE;
}

enum interrupt_result interrupt_find_cpu(const struct kernel *with, struct cpu *cpu,
					 struct gic_cpu *gic)
{
	(void)with;
	(void)cpu;
	(void)gic;
	return INTERRUPT_NO_CONTROLLER;
}

enum interrupt_result interrupt_start_cpu(void)
{
	return INTERRUPT_NO_CONTROLLER;
}

void interrupt_stop_cpu(void)
{
}

enum interrupt_result interrupt_send(const struct cpu *to, u32 number)
{
	(void)to;
	(void)number;
	return INTERRUPT_NO_CONTROLLER;
}

/* ---- Building ---- */

static u64 mpidr_of(u32 number)
{
	return (u64)(number / 4) << 8 | number % 4;
}

static void allocators_make(void)
{
	struct fake_memory_setup setup = fake_memory_setup(0);
	struct vmalloc *vmalloc = &memory.vmalloc;
	static struct alloc alloc;
	u64 id[SYSREG_FACT_COUNT] = { 0 };

	fake_memory_make(&memory, &setup);
	memory.space.tlb = tlb_make(id);
	memory_begin(&ram);
	memory_add(&ram, setup.ram_start, memory.ram_end - setup.ram_start, MEMORY_RAM);
	memory_normalise(&ram, memory.granule);
	alloc.buddy = memory.buddy;
	assert_int_equal(
		buddy_add(&alloc.buddy, paddr(memory.usable + MIB(4)), paddr(memory.ram_end)),
		BUDDY_OK);
	heap_init(&alloc.heap, &alloc.buddy);
	*vmalloc = (struct vmalloc){ .space = &memory.space, .heap = &alloc.heap, .memory = &ram };
	alloc.vmalloc = *vmalloc;
	vmalloc_init(&alloc.vmalloc, memory.layout.region[LAYOUT_VMALLOC],
		     memory.layout.region[LAYOUT_VMALLOC].start, paddr(setup.ram_start), MIB(1));
	kernel.alloc = &alloc;
}

/* A machine of @count CPUs that all follow. */
static void make(u32 count)
{
	memset(sims, 0, sizeof(sims));
	memset(&handoff, 0, sizeof(handoff));
	memset(&kernel, 0, sizeof(kernel));
	repeats = false;
	cpu_on_answer = 0;
	cpu_on_number = 0xc4000003;
	most_on_their_way = 0;
	sim_count = count;
	cpu_list_begin(&list, mpidr_of(0));
	for (u32 i = 0; i < count; i++) {
		struct cpu_entry entry = { mpidr_of(i), 0, CPU_METHOD_PSCI };

		sims[i] =
			(struct sim){ FOLLOWS, mpidr_of(i), 1, 1000, { 0 }, NULL, 0, 0, 0, { 0 } };
		memcpy(sims[i].id, max_id, sizeof(sims[i].id));
		cpu_list_add(&list, &entry, i);
	}
	allocators_make();
	memcpy(handoff.facts.id, max_id, sizeof(handoff.facts.id));
	memcpy(handoff.id, handoff.facts.id, sizeof(handoff.id));
	handoff.facts.entry.el = 1;
	handoff.facts.psci = PSCI_SMC;
	handoff.plan.el = 1;
	handoff.plan.pac = true;
	handoff.plan.kernel = handoff.plan.idmap = memory.space.regime;
	handoff.plan.registers.sctlr = 0x5c;
	handoff.ttbr0 = 0xb0;
	kernel.handoff = &handoff;
	kernel.kernel_space = memory.space;
	kernel.memory = &ram;
	kernel.cpus = &list;
	for (u32 i = 0; i < count; i++)
		sims[i].frequency = counter_frequency();
}

static const struct smp *start(void)
{
	smp_start(&kernel, &handoff);
	return kernel.smp;
}

static void check(const struct smp *smp, u32 number, enum cpu_state state, enum cpu_reason reason)
{
	assert_int_equal(smp->cpu[number].state, state);
	assert_int_equal(smp->cpu[number].reason, reason);
}

static void check_runs(const struct smp *smp, u32 number)
{
	check(smp, number, CPU_STATE_RUNNING, CPU_REASON_NONE);
	assert_true(number == 0 || sims[number].runs);
}

/* ---- Tests ---- */

static void every_cpu_gets_the_registers_of_the_first(void **state)
{
	const struct smp *smp;

	(void)state;
	make(6);
	smp = start();
	assert_int_equal(smp->count, 6);
	assert_int_equal(smp->running, 6);
	for (u32 i = 1; i < 6; i++) {
		const struct flip *flip = &sims[i].told.flip;
		const struct cpu *cpu = smp->cpu[i].cpu;

		check_runs(smp, i);
		assert_int_equal(sims[i].told.verdict, VERDICT_GO);
		assert_int_equal(flip->sctlr, 0x5c);
		assert_int_equal(flip->ttbr0, 0xb0);
		assert_int_equal(flip->ttbr1, ttbr_encode(&memory.space.regime, memory.space.root));
		assert_int_equal(flip->vectors, 0x800);
		assert_ptr_equal((void *)(uintptr_t)flip->cpu, cpu);
		assert_int_equal(flip->stack, cpu->stack.end);
		assert_int_equal(flip->exception_stack, cpu->exception_stack.end);
		assert_int_equal(cpu->number, i);
		assert_int_equal(cpu->mpidr, mpidr_of(i));
		assert_ptr_equal(cpu->kernel, &kernel);
	}
	fake_memory_free(&memory);
}

static void each_cpu_has_stacks_of_its_own_with_a_gap_below(void **state)
{
	const struct smp *smp;

	(void)state;
	make(4);
	smp = start();
	for (u32 i = 1; i < 4; i++) {
		const struct cpu *cpu = smp->cpu[i].cpu;

		assert_int_equal(cpu->guard.end, cpu->stack.start);
		assert_int_equal(pt_find(&memory.space, vaddr(cpu->guard.start)).kind, PTE_INVALID);
		assert_int_equal(pt_find(&memory.space, vaddr(cpu->stack.start)).kind, PTE_PAGE);
		for (u32 j = 1; j < i; j++)
			assert_true(cpu->stack.start >= smp->cpu[j].cpu->stack.end ||
				    cpu->stack.end <= smp->cpu[j].cpu->stack.start);
	}
	fake_memory_free(&memory);
}

static void no_key_stays_in_a_mailbox(void **state)
{
	(void)state;
	make(3);
	start();
	assert_int_equal(sims[1].told.key[0], KEY_LOW);
	assert_int_equal(sims[2].told.key[1], KEY_HIGH);
	for (unsigned i = 0; i < MAILBOXES; i++) {
		assert_int_equal(secondary_mailboxes[i].told.key[0], 0);
		assert_int_equal(secondary_mailboxes[i].told.key[1], 0);
	}
	fake_memory_free(&memory);
}

static void a_cpu_that_does_not_follow_is_sent_away(void **state)
{
	const struct smp *smp;

	(void)state;
	make(3);
	sims[1].id[SYSREG_ID_AA64MMFR1_EL1] = 0;
	handoff.plan.pan = true;
	smp = start();
	check(smp, 1, CPU_STATE_REFUSED, CPU_REASON_FOLLOWS_NOT);
	assert_int_equal(smp->cpu[1].follow.field, FOLLOW_PAN);
	assert_int_equal(sims[1].told.verdict, VERDICT_REFUSED);
	assert_int_equal(sims[1].told.off, OFF_SMC);
	assert_int_equal(sims[1].told.key[0], 0);
	check_runs(smp, 2);
	fake_memory_free(&memory);
}

/* Or it would take the next one's verdict for its own, and that one's stack. */
static void no_mailbox_is_the_next_ones_before_it_has_been_read(void **state)
{
	const struct smp *smp;

	(void)state;
	make(4);
	sims[1].id[SYSREG_ID_AA64MMFR1_EL1] = 0;
	sims[1].conduct = IS_SLOW;
	sims[2].conduct = IS_SLOW;
	handoff.plan.pan = true;
	smp = start();
	check(smp, 1, CPU_STATE_REFUSED, CPU_REASON_FOLLOWS_NOT);
	assert_true(sims[1].off);
	check_runs(smp, 2);
	check_runs(smp, 3);
	fake_memory_free(&memory);
}

static void a_cpu_at_another_level_or_of_another_clock_is_sent_away(void **state)
{
	const struct smp *smp;

	(void)state;
	make(3);
	sims[1].el = 2;
	sims[2].frequency = 1;
	smp = start();
	assert_int_equal(smp->cpu[1].follow.field, FOLLOW_LEVEL);
	assert_int_equal(smp->cpu[2].follow.field, FOLLOW_FREQUENCY);
	assert_int_equal(smp->running, 1);
	fake_memory_free(&memory);
}

/* Its mailbox is nobody else's from then on, and tells it to go away should it come. */
static void a_cpu_that_does_not_come_is_given_up(void **state)
{
	const struct smp *smp;

	(void)state;
	make(4);
	sims[1].conduct = COMES_LATE;
	smp = start();
	check(smp, 1, CPU_STATE_SILENT, CPU_REASON_SILENT);
	check_runs(smp, 2);
	check_runs(smp, 3);
	assert_ptr_not_equal(sims[1].mailbox, sims[2].mailbox);
	assert_ptr_not_equal(sims[1].mailbox, sims[3].mailbox);
	for (unsigned i = 0; i < 400; i++)
		counter_read();
	assert_true(sims[1].off);
	assert_false(sims[1].runs);
	fake_memory_free(&memory);
}

static void where_all_mailboxes_are_lost_the_others_stay_off(void **state)
{
	const struct smp *smp;

	(void)state;
	make(MAILBOXES + 4);
	for (u32 i = 1; i <= MAILBOXES; i++)
		sims[i].conduct = NEVER_COMES;
	smp = start();
	assert_int_equal(smp->running, 1);
	check(smp, MAILBOXES, CPU_STATE_SILENT, CPU_REASON_SILENT);
	check(smp, MAILBOXES + 1, CPU_STATE_OFF, CPU_REASON_NO_MAILBOX);
	check(smp, MAILBOXES + 3, CPU_STATE_OFF, CPU_REASON_NO_MAILBOX);
	fake_memory_free(&memory);
}

static void exceptions_before_the_flip_are_told(void **state)
{
	const struct smp *smp;

	(void)state;
	make(5);
	sims[1].conduct = FAULTS;
	sims[2].conduct = FAULTS_AFTER_VERDICT;
	sims[3].conduct = HAS_NO_KEY;
	smp = start();
	check(smp, 1, CPU_STATE_REFUSED, CPU_REASON_FAULTED);
	check(smp, 2, CPU_STATE_REFUSED, CPU_REASON_FAULTED);
	assert_int_equal(smp->cpu[2].fault.esr, 0xe5);
	assert_int_equal(smp->cpu[2].fault.elr, 0xe1);
	assert_int_equal(smp->cpu[2].fault.far, 0xfa);
	check(smp, 3, CPU_STATE_REFUSED, CPU_REASON_NO_KEY);
	check_runs(smp, 4);
	fake_memory_free(&memory);
}

static void a_cpu_that_is_lost_in_its_flip_is_given_up(void **state)
{
	const struct smp *smp;

	(void)state;
	make(3);
	sims[1].conduct = GETS_LOST;
	smp = start();
	check(smp, 1, CPU_STATE_SILENT, CPU_REASON_LOST);
	check_runs(smp, 2);
	assert_ptr_not_equal(sims[1].mailbox, sims[2].mailbox);
	fake_memory_free(&memory);
}

static void firmware_may_deny_a_cpu(void **state)
{
	const struct smp *smp;
	char reason[SMP_REASON_MAX];

	(void)state;
	make(3);
	cpu_on_answer = DENIED;
	smp = start();
	check(smp, 1, CPU_STATE_OFF, CPU_REASON_DENIED);
	smp_reason(&smp->cpu[1], reason, sizeof(reason));
	assert_string_equal(reason, "firmware's answer to CPU_ON is -3");
	fake_memory_free(&memory);
}

static void without_a_method_or_psci_a_cpu_stays_off(void **state)
{
	const struct smp *smp;

	(void)state;
	make(3);
	list.cpu[1].method = CPU_METHOD_OTHER;
	smp = start();
	check(smp, 1, CPU_STATE_OFF, CPU_REASON_NO_METHOD);
	check_runs(smp, 2);
	fake_memory_free(&memory);
	make(2);
	handoff.facts.psci = PSCI_NONE;
	check(start(), 1, CPU_STATE_OFF, CPU_REASON_NO_METHOD);
	fake_memory_free(&memory);
}

/* As the FDT has them. */
static void psci_0_1_has_numbers_of_its_own(void **state)
{
	const struct smp *smp;

	(void)state;
	make(3);
	handoff.facts.psci = PSCI_OLD;
	devices.psci_old = (struct device_psci){ PSCI_SMC, 0x95c1ba60, 0x95c1ba5f };
	cpu_on_number = 0x95c1ba60;
	sims[2].el = 2;
	smp = start();
	check_runs(smp, 1);
	check(smp, 2, CPU_STATE_REFUSED, CPU_REASON_FOLLOWS_NOT);
	assert_int_equal(sims[2].told.off, OFF_SMC);
	assert_int_equal(sims[2].told.off_function, 0x95c1ba5f);
	fake_memory_free(&memory);
	make(2);
	handoff.facts.psci = PSCI_OLD;
	devices.psci_old = (struct device_psci){ PSCI_SMC, 0, 0x95c1ba5f };
	check(start(), 1, CPU_STATE_OFF, CPU_REASON_NO_METHOD);
	fake_memory_free(&memory);
}

static void a_spin_table_without_an_address_is_no_way(void **state)
{
	(void)state;
	make(2);
	list.cpu[1].method = CPU_METHOD_SPIN_TABLE;
	check(start(), 1, CPU_STATE_OFF, CPU_REASON_NO_METHOD);
	fake_memory_free(&memory);
}

static void the_command_line_says_how_many_start(void **state)
{
	const struct smp *smp;

	(void)state;
	make(4);
	handoff.options.cpus_max = 2;
	smp = start();
	check_runs(smp, 1);
	check(smp, 2, CPU_STATE_OFF, CPU_REASON_LIMIT);
	assert_null(sims[2].mailbox);
	smp_cpu_on(&kernel, 3);
	check_runs(smp, 3);
	assert_int_equal(smp->running, 3);
	fake_memory_free(&memory);
}

static void cpus_start_one_by_one_or_as_many_as_there_are_mailboxes(void **state)
{
	(void)state;
	make(SIMS_MAX);
	start();
	assert_int_equal(most_on_their_way, 1);
	assert_int_equal(kernel.smp->running, SIMS_MAX);
	fake_memory_free(&memory);
	make(SIMS_MAX);
	handoff.options.cpus_parallel = true;
	start();
	assert_int_equal(most_on_their_way, MAILBOXES);
	assert_int_equal(kernel.smp->running, SIMS_MAX);
	fake_memory_free(&memory);
}

static void a_core_with_the_erratum_has_tlbi_done_twice(void **state)
{
	(void)state;
	make(2);
	start();
	assert_false(repeats);
	assert_null(kernel.smp->repeat_tlbi);
	fake_memory_free(&memory);
	make(2);
	sims[1].id[SYSREG_MIDR_EL1] = 0x414fd0b1;
	start();
	assert_true(repeats);
	assert_string_equal(kernel.smp->repeat_tlbi, "4193800");
	fake_memory_free(&memory);
}

/* A core alone waits for nobody. */
static void one_core_with_the_erratum_does_not(void **state)
{
	(void)state;
	make(1);
	handoff.facts.id[SYSREG_MIDR_EL1] = 0x414fd0b1;
	start();
	assert_false(repeats);
	fake_memory_free(&memory);
}

static void assert_apart(struct stack shadow)
{
	assert_int_equal(shadow.end - shadow.start, memory.granule);
	assert_int_equal(pt_find(&memory.space, vaddr(shadow.start)).kind, PTE_PAGE);
	assert_int_equal(pt_find(&memory.space, vaddr(shadow.start - 1)).kind, PTE_INVALID);
	assert_int_equal(pt_find(&memory.space, vaddr(shadow.end)).kind, PTE_INVALID);
}

static void each_cpu_has_shadow_call_stacks_where_nobody_signs(void **state)
{
	const struct smp *smp;

	(void)state;
	make(4);
	handoff.plan.pac = false;
	handoff.scs.patched = 1;
	smp = start();
	assert_int_equal(smp->running, 4);
	for (u32 i = 1; i < 4; i++) {
		const struct cpu *cpu = smp->cpu[i].cpu;

		assert_int_equal(sims[i].told.flip.shadow, cpu->shadow.start);
		assert_apart(cpu->shadow);
		assert_apart(cpu->exception_shadow);
		assert_int_not_equal(cpu->shadow.start, cpu->exception_shadow.start);
		for (u32 j = 1; j < i; j++)
			assert_int_not_equal(cpu->shadow.start, smp->cpu[j].cpu->shadow.start);
	}
	handoff.scs.patched = 0;
	fake_memory_free(&memory);
}

static void no_cpu_has_shadow_call_stacks_where_all_sign(void **state)
{
	const struct smp *smp;

	(void)state;
	make(2);
	smp = start();
	assert_int_equal(smp->cpu[1].cpu->shadow.end, 0);
	assert_int_equal(smp->cpu[1].cpu->exception_shadow.end, 0);
	assert_int_equal(sims[1].told.flip.shadow, 0);
	fake_memory_free(&memory);
}

static void without_memory_the_others_stay_off(void **state)
{
	const struct smp *smp;
	void *object;

	(void)state;
	make(3);
	while (heap_alloc(&kernel.alloc->heap, MIB(1), &object) == HEAP_OK)
		;
	while (heap_alloc(&kernel.alloc->heap, KIB(8), &object) == HEAP_OK)
		;
	smp = start();
	assert_int_equal(smp->running, 1);
	assert_true(smp->count == 1 || smp->cpu[1].reason == CPU_REASON_NO_MEMORY);
	fake_memory_free(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cpu_gets_the_registers_of_the_first),
		cmocka_unit_test(each_cpu_has_stacks_of_its_own_with_a_gap_below),
		cmocka_unit_test(no_key_stays_in_a_mailbox),
		cmocka_unit_test(a_cpu_that_does_not_follow_is_sent_away),
		cmocka_unit_test(no_mailbox_is_the_next_ones_before_it_has_been_read),
		cmocka_unit_test(a_cpu_at_another_level_or_of_another_clock_is_sent_away),
		cmocka_unit_test(a_cpu_that_does_not_come_is_given_up),
		cmocka_unit_test(where_all_mailboxes_are_lost_the_others_stay_off),
		cmocka_unit_test(exceptions_before_the_flip_are_told),
		cmocka_unit_test(a_cpu_that_is_lost_in_its_flip_is_given_up),
		cmocka_unit_test(firmware_may_deny_a_cpu),
		cmocka_unit_test(without_a_method_or_psci_a_cpu_stays_off),
		cmocka_unit_test(psci_0_1_has_numbers_of_its_own),
		cmocka_unit_test(a_spin_table_without_an_address_is_no_way),
		cmocka_unit_test(the_command_line_says_how_many_start),
		cmocka_unit_test(cpus_start_one_by_one_or_as_many_as_there_are_mailboxes),
		cmocka_unit_test(a_core_with_the_erratum_has_tlbi_done_twice),
		cmocka_unit_test(one_core_with_the_erratum_does_not),
		cmocka_unit_test(each_cpu_has_shadow_call_stacks_where_nobody_signs),
		cmocka_unit_test(no_cpu_has_shadow_call_stacks_where_all_sign),
		cmocka_unit_test(without_memory_the_others_stay_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
