// SPDX-License-Identifier: MIT
/*
 * The kernel's map from global to not global, while it is in use: what all CPUs do in the identity
 * map (arch/arm64/entry/convert.S), prepared.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/arch/convert.h>
#include <pagoda/kernel/proc/kpti.h>
#include <pagoda/kernel/smp/smp.h>
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/mm/pt/change.h>
#include <pagoda/mm/pt/shared.h>

#define ANSWER_SECONDS 2 /* that the other CPUs have */

enum meeting {
	MEETING_OPEN,
	MEETING_BEGINS,
	MEETING_CANCELLED,
};

/* One at a time; not on a stack, since a CPU may still look at it that was given up. */
static struct conversion {
	struct space *lower; /* the identity map, for a while with struct convert and all tables */
	vaddr_t start, end; /* of these */
	u64 ttbr0;
	paddr_t code;
	u32 here; /* other CPUs that have come */
	enum meeting meeting;
	struct cpu_work work;
} conversion __attribute__((section(".noinit")));

/* ---- The identity map with the tables in it ---- */

/* Behind what was mapped last. */
static enum map_result map_next(struct conversion *own, paddr_t page)
{
	vaddr_t end = vaddr_add(own->end, regime_granule(&own->lower->regime));
	struct map_request request = { own->end, end, page, { PROT_READ_WRITE, MEM_NORMAL } };
	enum map_result result = pt_map(own->lower, &request);

	if (result == MAP_OK)
		own->end = end;
	return result;
}

/*
 * The tables that slots at @level lead to: counted, and mapped where there is @own. Not those that
 * KASAN shares, of which only the last has leaves.
 */
static enum map_result tables_below(const struct space *space, int level, struct conversion *own,
				    u64 *count)
{
	enum map_result result = MAP_OK;
	u64 va = pt_start(space).value;

	do {
		struct pt_entry entry = pt_descend_own(space, vaddr(va), level);
		u64 span = regime_span(&space->regime, entry.level);

		if (entry.kind == PTE_TABLE && !(KASAN && pt_entry_is_shared(space, &entry))) {
			(*count)++;
			if (own)
				result = map_next(
					own, pte_address(&space->regime, entry.pte, entry.level));
		}
		va = align_down(va, span) + span;
	} while (result == MAP_OK && va != pt_end(space).value);
	return result;
}

static u64 tables_count(const struct space *space)
{
	u64 count = 1;

	for (int level = space->regime.root_level; level < LEVEL_PAGE; level++)
		(void)tables_below(space, level, NULL, &count);
	return count;
}

/*
 * Room in the pool for what maps all tables and one page more. To make room may take a table, too,
 * and that is one more to be converted.
 */
static bool provide(const struct conversion *own, const struct kernel *kernel)
{
	u64 granule = regime_granule(&own->lower->regime), count, size;

	do {
		count = tables_count(&kernel->kernel_space);
		size = (count + 1 + KASAN) * granule;
		if (buddy_fill_pool(&kernel->alloc->buddy,
				    regime_tables(&own->lower->regime, own->start,
						  vaddr_add(own->start, size), LEVEL_PAGE)) !=
		    BUDDY_OK)
			return false;
	} while (tables_count(&kernel->kernel_space) != count);
	return true;
}

/*
 * Those of pages first: bits 1:0 of a page are those of a table elsewhere. Slots of a root that no
 * walk reaches are nothing that one bit more could harm.
 */
static bool map_tables(struct conversion *own, const struct space *space, struct convert *convert)
{
	u64 count = 1;
	enum map_result result;

	convert->pages = own->end.value;
	result = tables_below(space, LEVEL_PAGE - 1, own, &count);
	if (KASAN && result == MAP_OK)
		result = map_next(own, pt_shared_pages(space));
	convert->pages_end = own->end.value;
	for (int level = space->regime.root_level; result == MAP_OK && level < LEVEL_PAGE - 1;
	     level++)
		result = tables_below(space, level, own, &count);
	if (result == MAP_OK)
		result = map_next(own, space->root);
	convert->blocks_end = own->end.value;
	return result == MAP_OK && count == tables_count(space);
}

/* Far from the code, which has its physical address. */
static vaddr_t choose_start(const struct space *lower, paddr_t code)
{
	u64 middle = BIT(lower->regime.va_bits - 1);

	return vaddr(code.value < middle ? middle : regime_granule(&lower->regime));
}

/* ---- All CPUs ---- */

static void convert_on_this_cpu(const struct conversion *own)
{
	upper_half_convert(own->start.value, own->ttbr0, own->code);
}

/* On another CPU. */
static void come(void *context)
{
	struct conversion *own = context;
	enum meeting meeting;

	__atomic_add_fetch(&own->here, 1, __ATOMIC_RELEASE);
	do {
		smp_heed_stop();
		cpu_pause();
		meeting = __atomic_load_n(&own->meeting, __ATOMIC_ACQUIRE);
	} while (meeting == MEETING_OPEN);
	if (meeting == MEETING_BEGINS)
		convert_on_this_cpu(own);
}

static struct cpu *other(const struct kernel *kernel, u32 number)
{
	const struct smp_cpu *entry = &kernel->smp->cpu[number];

	return entry->state == CPU_STATE_RUNNING ? entry->cpu : NULL;
}

/* Whether all have come, and how many. */
static bool call_others(struct conversion *own, const struct kernel *kernel, u32 *called)
{
	u32 count = kernel->smp ? kernel->smp->count : 1;
	u64 start = counter_read();

	*called = 0;
	for (u32 i = 1; i < count; i++)
		if (other(kernel, i)) {
			cpu_call(other(kernel, i), &own->work);
			(*called)++;
		}
	while (__atomic_load_n(&own->here, __ATOMIC_ACQUIRE) != *called) {
		if (counter_read() - start > ANSWER_SECONDS * counter_frequency())
			return false;
		cpu_pause();
	}
	return true;
}

static void wait_for_others(const struct kernel *kernel)
{
	for (u32 i = 1; kernel->smp && i < kernel->smp->count; i++)
		if (other(kernel, i))
			(void)cpu_wait(other(kernel, i), ANSWER_SECONDS * counter_frequency());
}

static enum kpti_result convert_all(struct kernel *kernel, struct convert *convert)
{
	struct conversion *own = &conversion;
	bool all;
	u32 called;

	own->work = (struct cpu_work){ come, own };
	all = call_others(own, kernel, &called);
	convert->cpus = called + 1;
	tables_publish();
	__atomic_store_n(&own->meeting, all ? MEETING_BEGINS : MEETING_CANCELLED, __ATOMIC_RELEASE);
	if (all) {
		convert_on_this_cpu(own);
		kernel->kernel_space.policy.not_global = true;
	}
	wait_for_others(kernel);
	return all ? KPTI_OK : KPTI_CPU_SILENT;
}

enum kpti_result kpti_convert(struct kernel *kernel)
{
	struct conversion *own = &conversion;
	struct buddy *buddy = &kernel->alloc->buddy;
	enum kpti_result result = KPTI_NO_MEMORY;
	struct convert *convert;
	paddr_t page;

	*own = (struct conversion){ .lower = &kernel->idmap_space,
				    .ttbr0 = kernel->handoff->ttbr0,
				    .code = kernel_physical(kernel, (void *)convert_here) };
	own->start = own->end = choose_start(own->lower, own->code);
	if (buddy_alloc(buddy, 0, &page) != BUDDY_OK)
		return KPTI_NO_MEMORY;
	convert = linear_pointer(&kernel->linear, page);
	*convert = (struct convert){ .cpus = 1 };
	if (provide(own, kernel) && map_next(own, page) == MAP_OK &&
	    map_tables(own, &kernel->kernel_space, convert))
		result = convert_all(kernel, convert);
	if (own->end.value != own->start.value)
		(void)pt_unmap(own->lower, own->start, own->end);
	(void)buddy_free(buddy, page, 0);
	return result;
}
