// SPDX-License-Identifier: MIT
/*
 * Self tests: descriptors of every kind that the regime has, and what the CPU makes of them.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/scratch.h>

SELFTEST_SUBJECT(40, descriptor);

#define PA_BITS_MIN 32

/* Device memory is not touched by speculation, whatever physical addresses a large block covers. */
static const struct map_attr device = { PROT_READ_ONLY, MEM_DEVICE_NGNRE };

/*
 * Read-only leaves at @level, @count of them and one run if there are several, over the data's
 * physical address: they translate from end to end, and a store names their level.
 */
static void check_leaves(struct selftest *test, struct scratch *scratch, int level, unsigned count)
{
	const struct regime *regime = &scratch->space.regime;
	u64 span = regime_span(regime, level), size = span * count;
	u64 base = align_down(scratch->data.value, size), va = size < BIT(47) ? size : 0;
	u64 data = va + scratch->data.value - base;
	struct pt_entry entry;

	scratch_reset(scratch, regime->va_bits);
	scratch_map(scratch, va, base, size, device);
	entry = pt_find(&scratch->space, vaddr(data));
	test_check(test, entry.level == level, "not a leaf of level", (u64)level);
	test_equal(test, !!(entry.pte.bits & LEAF_CONTIGUOUS), count > 1, "contiguous");
	test_translates(test, va, base);
	test_translates(test, data, scratch->data.value);
	test_translates(test, va + size - 1, base + size - 1);
	test_works(test, TOUCH_LOAD, vaddr(data));
	test_equal(test, memory_load(vaddr(data), 8), SCRATCH_MAGIC, "data");
	test_faults(test, TOUCH_STORE, vaddr(data), fault_status(FAULT_PERMISSION, level));
}

static void each_level(struct selftest *test, bool contiguous)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	for (int level = scratch.space.regime.root_level; level <= LEVEL_PAGE; level++) {
		const struct regime *regime = &scratch.space.regime;
		unsigned count = contiguous ? regime_contiguous(regime, level) : 1;
		u64 size = count * regime_span(regime, level);

		/* Only as much as the output size reaches. */
		if (regime_leaf_level(regime, level) && count > 0 && size <= BIT(regime->pa_bits))
			check_leaves(test, &scratch, level, count);
	}
	scratch_end(&scratch);
}

SELFTEST_RULE(descriptor, levels, "D8.3 block", "leaves at every level that has them");

static void descriptor_levels(struct selftest *test)
{
	each_level(test, false);
}

SELFTEST_RULE(descriptor, contiguous, "D8.6 Contiguous",
	      "contiguous runs at every level that has them");

static void descriptor_contiguous(struct selftest *test)
{
	each_level(test, true);
}

SELFTEST_RULE(descriptor, root, "D8.2 level -1", "faults at level -1 are told so");

/* A fault at level -1 is one that only 4K pages with 52-bit addresses have. */
static void descriptor_root(struct selftest *test)
{
	const struct space *space = &test->kernel->kernel_space;
	struct scratch scratch;

	if (!test_needs(test, space->regime.root_level < 0, "no level -1 in this regime") ||
	    !scratch_begin(&scratch, test, 52))
		return;
	test_status(test, BIT(51), fault_status(FAULT_TRANSLATION, -1));
	test_faults(test, TOUCH_LOAD, vaddr(BIT(51)), fault_status(FAULT_TRANSLATION, -1));
	test_faults(test, TOUCH_RUN, vaddr(BIT(51)), fault_status(FAULT_TRANSLATION, -1));
	scratch_end(&scratch);
}

SELFTEST_RULE(descriptor, output, "D8.3 OA", "every bit of the output address arrives");

/* Every bit of the output address arrives, whether or not there is memory. */
static void descriptor_output(struct selftest *test)
{
	unsigned pa_bits = test->kernel->kernel_space.regime.pa_bits;
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	for (unsigned bit = PA_BITS_MIN; bit < pa_bits; bit++) {
		u64 pa = BIT(bit) | (scratch.data.value & (BIT(bit) - 1));

		scratch_reset(&scratch, 48);
		scratch_map(&scratch, 0, pa, scratch.page, device);
		test_translates(test, 0, pa);
	}
	scratch_map(&scratch, MIB(512), BIT(pa_bits) - scratch.page, scratch.page, device);
	test_translates(test, MIB(512), BIT(pa_bits) - scratch.page);
	scratch_end(&scratch);
}

SELFTEST_RULE(descriptor, memory, "D8.3 OA", "the highest RAM is the same by another address");

/* The last page of RAM, twice mapped, is one memory: with bits 51:48 where RAM has them. */
static void descriptor_memory(struct selftest *test)
{
	u64 page = regime_granule(&test->kernel->kernel_space.regime);
	u64 pa = test_ram_end(test, true) - page, before;
	struct scratch scratch;
	volatile u64 *word;

	if (!scratch_begin(&scratch, test, 48))
		return;
	/* The tables by which it is mapped are no place to write to. */
	if (pa - scratch.tables.value < SCRATCH_TABLES_SIZE)
		pa = scratch.data.value;
	word = linear_pointer(&test->kernel->linear, paddr(pa));
	scratch_map(&scratch, 0, pa, page, (struct map_attr){ PROT_READ_WRITE, MEM_NORMAL });
	before = *word;
	test_equal(test, memory_load(vaddr(0), 8), before, "what the linear map shows");
	memory_store(vaddr(0), 8, ~before);
	test_equal(test, *word, ~before, "what was stored");
	memory_store(vaddr(0), 8, before);
	scratch_end(&scratch);
}

static void check_too_large(struct selftest *test, struct scratch *scratch, unsigned ips)
{
	const struct regime *regime = &scratch->space.regime;
	u64 too_large = BIT(scratch_ips_bits[ips]), set = SYSREG_PUT(TCR_EL1_IPS, ips);

	for (int level = regime->root_level; level <= LEVEL_PAGE; level++) {
		scratch_reset(scratch, regime->va_bits);
		scratch_page(scratch, 0);
		/* In this order: there may be nobody at that address. */
		scratch_control(scratch, TCR_EL1_IPS_MASK, set);
		scratch_write(scratch, 0, level, 0, too_large);
		tables_publish();
		scratch_control(scratch, TCR_EL1_IPS_MASK, set);
		test_status(test, 0, fault_status(FAULT_ADDRESS_SIZE, level));
		test_faults(test, TOUCH_LOAD, vaddr(0), fault_status(FAULT_ADDRESS_SIZE, level));
		scratch_write(scratch, 0, level, too_large, 0);
		scratch_control(scratch, TCR_EL1_IPS_MASK, set);
		test_translates(test, 0, scratch->data.value);
	}
}

SELFTEST_RULE(descriptor, reach, "D8.2 address size",
	      "addresses above the output size fault at their level");

static void descriptor_reach(struct selftest *test)
{
	struct scratch scratch;
	unsigned ips;

	if (!scratch_small_size(test, &ips) || !scratch_begin(&scratch, test, scratch_bits(test)))
		return;
	check_too_large(test, &scratch, ips);
	scratch_end(&scratch);
}

SELFTEST_RULE(descriptor, types, "D8.5 MAIR", "each memory type has its attributes");

/* The attributes that MAIR_EL1 gives each type (DDI 0487 D19.2.100). */
static void descriptor_types(struct selftest *test)
{
	static const u8 attributes[MEM_TYPE_COUNT] = { 0xff, 0xff, 0x44, 0x04, 0x00 };
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	for (unsigned type = 0; type < MEM_TYPE_COUNT; type++) {
		u64 va = type * scratch.page;

		scratch_map(&scratch, va, scratch.data.value, scratch.page,
			    (struct map_attr){ PROT_READ_ONLY, (enum mem_type)type });
		test_equal(test, SYSREG_GET(PAR_EL1_ATTR, at_translate(vaddr(va), false)),
			   attributes[type], "attributes");
	}
	test_equal(test, SYSREG_GET(PAR_EL1_SH, at_translate(vaddr(0), false)), SHARE_INNER,
		   "shareability");
	scratch_end(&scratch);
}

SELFTEST_RULE(descriptor, accessed, "D8.4 AF", "a clear access flag faults");

/* Without hardware's help an access flag that is clear is a fault, and stays clear. */
static void descriptor_accessed(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	scratch_edit(&scratch, 0, LEAF_AF, 0);
	test_status(test, 0, fault_status(FAULT_ACCESS_FLAG, LEVEL_PAGE));
	test_faults(test, TOUCH_LOAD, vaddr(0), fault_status(FAULT_ACCESS_FLAG, LEVEL_PAGE));
	test_equal(test, slot_read(scratch_slot(&scratch, 0, LEVEL_PAGE)).bits & LEAF_AF, 0,
		   "access flag");
	/* No TLB remembers what faulted: no maintenance is due. */
	scratch_write(&scratch, 0, LEVEL_PAGE, 0, LEAF_AF);
	tables_publish();
	test_works(test, TOUCH_LOAD, vaddr(0));
	scratch_end(&scratch);
}

SELFTEST_RULE(descriptor, hardware_accessed, "D8.4 HA", "hardware sets the access flag");

static void descriptor_hardware_accessed(struct selftest *test)
{
	struct scratch scratch;

	if (!test_needs(test, test_feature(test, ID_AA64MMFR1_EL1, HAFDBS) >= 1,
			"no FEAT_HAFDBS") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	scratch_control(&scratch, 0, TCR_EL1_HA_MASK);
	scratch_page(&scratch, 0);
	scratch_edit(&scratch, 0, LEAF_AF, 0);
	test_works(test, TOUCH_LOAD, vaddr(0));
	test_equal(test, slot_read(scratch_slot(&scratch, 0, LEVEL_PAGE)).bits & LEAF_AF, LEAF_AF,
		   "access flag");
	scratch_end(&scratch);
}

SELFTEST_RULE(descriptor, dirty, "D8.4 HD", "hardware makes a page writable when it is written");

/* A page that is read-only until hardware makes it writable, at the first store. */
static void descriptor_dirty(struct selftest *test)
{
	const struct slot *slot;
	struct scratch scratch;

	if (!test_needs(test, test_feature(test, ID_AA64MMFR1_EL1, HAFDBS) >= 2,
			"no hardware dirty state (FEAT_HAFDBS)") ||
	    !scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	slot = scratch_slot(&scratch, 0, LEVEL_PAGE);
	scratch_edit(&scratch, 0, 0, LEAF_DBM | LEAF_READ_ONLY);
	test_faults(test, TOUCH_STORE, vaddr(0), fault_status(FAULT_PERMISSION, LEVEL_PAGE));
	scratch_control(&scratch, 0, TCR_EL1_HA_MASK | TCR_EL1_HD_MASK);
	test_works(test, TOUCH_LOAD, vaddr(0));
	test_equal(test, slot_read(slot).bits & LEAF_READ_ONLY, LEAF_READ_ONLY,
		   "read-only after a load");
	test_works(test, TOUCH_STORE, vaddr(0));
	test_equal(test, slot_read(slot).bits & LEAF_READ_ONLY, 0, "read-only after a store");
	test_equal(test, *scratch_word(&scratch, 0), 0, "what was stored");
	scratch_edit(&scratch, 0, LEAF_DBM, LEAF_READ_ONLY);
	test_faults(test, TOUCH_STORE, vaddr(0), fault_status(FAULT_PERMISSION, LEVEL_PAGE));
	scratch_end(&scratch);
}
