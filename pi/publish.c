// SPDX-License-Identifier: MIT
/*
 * Cache maintenance before the MMU goes on: all of it, in one place.
 * Runs with the MMU off, as the last step before the flip; also on the host, where it shows only
 * that the right ranges are named. May not use: absolute addresses, pointers in static data.
 *
 * Why. With the MMU off every store of the early runtime goes straight to memory, past the caches
 * (DDI 0487 D8.2.12: data accesses are Device-nGnRnE, so not cacheable). But a cache may still hold
 * lines of the same addresses, from before: a loader wrote or read them with its caches on, or the
 * core fetched them by speculation. Once the MMU is on, loads and table walks are cacheable and
 * would hit those old lines instead of what was written since. So every line that the early runtime
 * wrote and the kernel or the walker will read must be invalidated between the write and the flip.
 *
 * Why invalidating is safe. A line that were dirty would be lost, and, worse, could be evicted over
 * our stores at any moment before. The boot protocol rules that out: the loader has cleaned the
 * whole image, .bss included in image_size, to the point of coherency, and since entry nothing has
 * been written through a cache. The FDT's lines carry no such promise; facts_read_chosen() cleaned
 * each one before it was read, and so before the seed in it was wiped. Those it did not read may
 * be dirty still: the kernel reads them through its caches, as they are.
 *
 * Which. The tables that were used, as far as a walk reads them, not the whole pool. .bss and the
 * handoff. The command line, as far as it goes. The words that were relocated.
 * Not the FDT: what was written there, zeroes over seeds, is invalidated where it is written. Not
 * the stack: the kernel starts on an empty one and reads nothing it has not written. Not the rest
 * of the image: it was not written. Nor instructions: where code was patched, pi/scs.c has
 * published it, and the flip discards the instruction cache once more. That cache is on, so fetches
 * may bring lines into a unified one, of data beside code too; those that were written since go
 * with the rest here. Why it is on: include/pagoda/arch/asm.h.
 *
 * What QEMU shows of this: nothing. It models no caches.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/pi/early.h>

static void publish(u64 start, u64 end, u64 phys_offset, u64 line)
{
	dcache_invalidate((const void *)(uintptr_t)(start + phys_offset), end - start, line);
}

/* The part of the table at @table that a walk can reach: not all of a root. */
static u64 table_size(const struct boot_handoff *handoff, u64 table)
{
	const struct regime *regime = &handoff->plan.kernel;

	if (table == handoff->idmap_root.value)
		regime = &handoff->plan.idmap;
	else if (table != handoff->kernel_root.value)
		return regime_granule(regime);
	return regime_entries(regime, regime->root_level) * sizeof(u64);
}

static void publish_tables(const struct boot_handoff *handoff, u64 phys_offset, u64 line)
{
	u64 end = handoff->pool.next.value;

	for (u64 table = handoff->pool.start.value; table < end;
	     table += regime_granule(&handoff->plan.kernel))
		publish(table, table + table_size(handoff, table), phys_offset, line);
}

static void publish_command_line(const struct boot_facts *facts, u64 phys_offset, u64 line)
{
	if (facts->command_line_length != 0)
		dcache_invalidate(facts_command_line(facts, phys_offset),
				  facts->command_line_length + 1, line);
}

void caches_publish(const struct boot_handoff *handoff, const struct memory_range *relocated,
		    u64 phys_offset)
{
	const struct boot_facts *facts = &handoff->facts;
	const struct image *image = &facts->image;
	u64 line = dcache_line_size(facts->id[SYSREG_CTR_EL0]);

	publish_tables(handoff, phys_offset, line);
	publish(image->pa.value + image->bss.start, image->pa.value + image->bss.end, phys_offset,
		line);
	dcache_invalidate(handoff, sizeof(*handoff), line);
	publish_command_line(facts, phys_offset, line);
	publish(relocated->start.value, relocated->end.value, phys_offset, line);
}
