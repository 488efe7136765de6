/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's C with a machine that is nothing but memory, for one test program or fuzzing
 * target, and what must hold of its tables whatever it was asked. Host only.
 */
#ifndef FAKE_EL2_H
#define FAKE_EL2_H

#include <stdio.h>
#include <string.h>

#include <pagoda/mm/pt/tlb.h>

#include "../../../kernel/el2/el2.h"

#define FAKE_EL2_BASE BIT(47)
#define FAKE_EL2_MEMORY 0x48000000ul /* the hypervisor's own, in the middle of RAM */
#define FAKE_EL2_TABLES 64

/* RAM, and holes, in whole pages of any size. */
static const struct el2_range fake_el2_ram[] = {
	{ 0x40000000, 0x60000000 },
	{ 0x60010000, 0x60020000 },
	{ 0x80000000, 0x100000000 },
	{ 0x8000000000, 0x8000400000 },
};

static u8 fake_el2_tables[FAKE_EL2_TABLES * GRANULE_SIZE_MAX]
	__attribute__((aligned(16 * GRANULE_SIZE_MAX)));
static u8 fake_el2_window[EL2_SLOTS * EL2_PART_SIZE] __attribute__((aligned(8)));
static struct el2_state fake_el2;
static struct el2_cpu fake_el2_cpu;
static struct el2_syndrome fake_el2_syndrome;
static u64 fake_el2_forgotten; /* times that all of a stage 2 was dropped from the TLB */

struct el2_syndrome el2_syndrome_read(void)
{
	return fake_el2_syndrome;
}

void el2_return_to(u64 pc, u64 pstate)
{
	fake_el2_syndrome.pc = pc;
	fake_el2_syndrome.pstate = pstate;
}

void el1_save(struct el1_registers *registers)
{
	memset(registers, 0x5a, sizeof(*registers));
}

void el1_load(const struct el1_registers *registers)
{
	(void)registers;
}

void el2_stage2_set(u64 vttbr, u64 vtcr)
{
	(void)vttbr;
	(void)vtcr;
}

void el2_hcr_set(u64 hcr)
{
	(void)hcr;
}

void el2_fp_trap(bool on)
{
	(void)on;
}

u64 el2_at(enum el2_translate what, u64 va)
{
	(void)what;
	return va;
}

void el2_lock(struct lock *lock)
{
	if (lock->next != 0)
		__builtin_trap();
	lock->next = 1;
}

void el2_unlock(struct lock *lock)
{
	lock->next = 0;
}

void tables_publish(void)
{
}

void tlb_invalidate(const struct space *space, const struct tlb_range *range)
{
	fake_el2_forgotten += space == &fake_el2.host &&
			      range->start.value == pt_start(space).value &&
			      range->end.value == pt_end(space).value;
}

static inline struct space fake_el2_space(const struct regime *regime, struct table_pool *pool)
{
	return (struct space){ .regime = *regime,
			       .phys_offset = (u64)(uintptr_t)fake_el2_tables - FAKE_EL2_MEMORY,
			       .pool = pool };
}

/* Roots, 24 tables for EL2 and the guest, @host_tables for the host. */
static inline void fake_el2_make(unsigned granule_shift, bool wide, bool protected,
				 unsigned host_tables)
{
	unsigned pa_bits = wide ? 52 : 48, input = granule_shift == 14 && wide ? 51 : pa_bits;
	struct regime self = regime_make(granule_shift, 48, pa_bits, wide);
	struct regime host = regime_make_stage2(granule_shift, input, pa_bits, wide);
	struct regime guest = regime_make_stage2(granule_shift, 36, pa_bits, wide);
	u64 granule = BIT(granule_shift), next = FAKE_EL2_MEMORY;
	struct el2_state *state = &fake_el2;

	memset(state, 0, sizeof(*state));
	memset(&fake_el2_cpu, 0, sizeof(fake_el2_cpu));
	memset(fake_el2_tables, 0, sizeof(fake_el2_tables));
	self.whose = WHOSE_HYPERVISOR;
	state->protected = protected;
	state->self = fake_el2_space(&self, &state->self_pool);
	state->host = fake_el2_space(&host, &state->host_pool);
	state->guest = fake_el2_space(&guest, &state->self_pool);
	state->host.policy.text_writable = true;
	state->host.root = paddr(next);
	next += regime_root_tables(&host) * granule;
	state->guest.root = paddr(next);
	next += granule;
	state->self_pool = (struct table_pool){ .start = paddr(next),
						.next = paddr(next),
						.end = paddr(next + 24 * granule) };
	next += 24 * granule;
	state->host_pool = (struct table_pool){ .start = paddr(next),
						.next = paddr(next),
						.end = paddr(next + host_tables * granule) };
	state->tables = (struct el2_range){ FAKE_EL2_MEMORY, next + host_tables * granule };
	state->memory = (struct el2_range){ FAKE_EL2_MEMORY, FAKE_EL2_MEMORY + MIB(4) };
	state->base = FAKE_EL2_BASE;
	state->pointer_offset = (u64)(uintptr_t)fake_el2_window - FAKE_EL2_BASE - EL2_SHARED_AT;
	state->ram_count = ARRAY_SIZE(fake_el2_ram);
	memcpy(state->ram, fake_el2_ram, sizeof(fake_el2_ram));
	(void)pt_space_create(&state->self);
}

static inline bool fake_el2_is_ram(u64 pa)
{
	for (unsigned i = 0; i < ARRAY_SIZE(fake_el2_ram); i++)
		if (pa >= fake_el2_ram[i].start && pa < fake_el2_ram[i].end)
			return true;
	return false;
}

static inline bool fake_el2_is_given(u64 pa)
{
	u64 granule = regime_granule(&fake_el2.host.regime);

	for (unsigned i = 0; i < EL2_GUEST_PAGES; i++)
		if (fake_el2.given[i].used && pa - fake_el2.given[i].pa < granule)
			return true;
	return false;
}

/* Not the host's, where that is protected. */
static inline bool fake_el2_is_hidden(u64 pa)
{
	if (!fake_el2.protected)
		return false;
	return (pa >= fake_el2.memory.start && pa < fake_el2.memory.end) || fake_el2_is_given(pa);
}

/* What is wrong with a run of the host's stage 2; null for nothing. */
static inline const char *fake_el2_host_run(const struct pt_run *run)
{
	u64 start = run->start.value, end = run->end.value;
	bool ram = fake_el2_is_ram(start);

	if (run->info.pa.value != start)
		return "the host's stage 2 is not the identity";
	if (fake_el2_is_hidden(start) || fake_el2_is_hidden(end - 1) ||
	    (fake_el2.protected && start < fake_el2.memory.start && end > fake_el2.memory.end))
		return "the host has what is not its";
	for (unsigned i = 0; i < ARRAY_SIZE(fake_el2_ram); i++) {
		u64 edges[] = { fake_el2_ram[i].start, fake_el2_ram[i].end };

		for (unsigned j = 0; j < 2; j++)
			if (edges[j] > start && edges[j] < end)
				return "a leaf is of RAM and of a device";
	}
	if (run->info.type != (ram ? MEM_NORMAL : MEM_DEVICE_NGNRE))
		return "the type is that of the other kind";
	return run->info.execute != ram ? "a device can be executed, or RAM not" : NULL;
}

static inline const char *fake_el2_private_run(const struct pt_run *run)
{
	if (run->info.write && run->info.execute)
		return "something at EL2, or of the guest's, is writable and executable";
	if (!fake_el2_is_ram(run->info.pa.value) || (run->info.pa.value >= fake_el2.memory.start &&
						     run->info.pa.value < fake_el2.memory.end))
		return "what is shared or a guest's is not the host's RAM";
	return NULL;
}

/* What is wrong; null for nothing. */
static inline const char *fake_el2_wrong(void)
{
	const struct space *spaces[] = { &fake_el2.host, &fake_el2.self, &fake_el2.guest };
	u64 granule = regime_granule(&fake_el2.host.regime), pages[3] = { 0 };
	u64 slots = 0, given = 0;

	for (unsigned i = 0; i < 3; i++) {
		vaddr_t va = pt_start(spaces[i]), end = pt_end(spaces[i]);

		do {
			struct pt_run run = pt_next_run(spaces[i], va, end);
			const char *wrong = NULL;

			if (pte_is_leaf(run.kind)) {
				pages[i] += vaddr_diff(run.end, run.start) / granule;
				wrong = i == 0 ? fake_el2_host_run(&run) :
						 fake_el2_private_run(&run);
			}
			if (i == 2 && pte_is_leaf(run.kind) &&
			    !fake_el2_is_given(run.info.pa.value))
				wrong = "the guest has a page that it was not given";
			if (wrong)
				return wrong;
			va = run.end;
		} while (va.value != end.value);
	}
	for (unsigned i = 0; i < EL2_SLOTS; i++)
		slots += fake_el2.slot[i] != 0;
	for (unsigned i = 0; i < EL2_GUEST_PAGES; i++)
		given += fake_el2.given[i].used;
	if (pages[1] != slots)
		return "EL2 has more mapped, or less, than is shared";
	/* Less where a page could not be cleared: then it is still not the host's. */
	return pages[2] > given ? "the guest has more mapped than it was given" : NULL;
}

#endif /* FAKE_EL2_H */
