// SPDX-License-Identifier: MIT
/*
 * Self tests: the CPU's translation of an address (AT, PAR_EL1) is what our reading of the tables
 * says it must be, in everything that PAR_EL1 tells.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/show/inspect.h>
#include <pagoda/kernel/selftest/selftest.h>

SELFTEST_SUBJECT(10, walk);

#define RANDOM_POINTS 16
#define TRANSLATION_FAULT_LEVEL_0 fault_status(FAULT_TRANSLATION, 0)

static bool access_writes(enum at_access access)
{
	return access == AT_WRITE || access == AT_USER_WRITE || access == AT_PAN_WRITE;
}

static bool access_is_user(enum at_access access)
{
	return access == AT_USER_READ || access == AT_USER_WRITE;
}

/* Of a leaf for the @access: a status that is not 0 is a fault. Access flag before permission. */
static unsigned leaf_status(const struct pte_info *info, int level, enum at_access access)
{
	bool pan = access == AT_PAN_READ || access == AT_PAN_WRITE;

	if (!info->accessed)
		return fault_status(FAULT_ACCESS_FLAG, level);
	if ((access_is_user(access) && !info->user) || (access_writes(access) && !info->write) ||
	    (pan && info->user))
		return fault_status(FAULT_PERMISSION, level);
	return 0;
}

#define MAIR_NORMAL_NC 0x44

/*
 * The fields of PAR_EL1 that say something about the translation: F and FST, or PA, ATTR and SH.
 * What is not cacheable is outer shareable whatever its descriptor says, and the manual has that in
 * SH (DDI 0487 D19.2.108); emulators have the descriptor's, which decides nothing.
 */
static u64 par_fields(u64 par)
{
	u64 memory = SYSREG_GET(PAR_EL1_ATTR, par);

	if (SYSREG_GET(PAR_EL1_F, par))
		return par & (PAR_EL1_F_MASK | PAR_EL1_FST_MASK);
	if (memory >> 4 == 0 || memory == MAIR_NORMAL_NC)
		return par & (PAR_EL1_ATTR_MASK | PAR_EL1_PA_MASK);
	return par & (PAR_EL1_ATTR_MASK | PAR_EL1_PA_MASK | PAR_EL1_SH_MASK);
}

static u64 par_fault(unsigned status)
{
	return PAR_EL1_F_MASK | SYSREG_PUT(PAR_EL1_FST, status);
}

static u64 par_expected(const struct selftest *test, vaddr_t va, enum at_access access)
{
	const struct kernel *kernel = test->kernel;
	const struct space *space = &kernel->kernel_space;
	struct pt_entry entry;
	struct pte_info info;
	unsigned status;
	u64 offset, memory;

	if (!pt_contains(space, va) || (access_is_user(access) && kernel->handoff->plan.e0pd))
		return par_fault(TRANSLATION_FAULT_LEVEL_0);
	entry = pt_find(space, va);
	if (!pte_is_leaf(entry.kind))
		return par_fault(fault_status(FAULT_TRANSLATION, entry.level));
	info = pte_decode(&space->regime, entry.pte, entry.level, entry.table_bits);
	status = leaf_status(&info, entry.level, access);
	if (status != 0)
		return par_fault(status);
	offset = va.value & (regime_span(&space->regime, entry.level) - 1);
	memory = kernel->registers[SYSREG_MAIR_EL1] >> (8 * info.type) & 0xff;
	return par_fields(SYSREG_PUT(PAR_EL1_ATTR, memory) | SYSREG_PUT(PAR_EL1_SH, info.share) |
			  align_down(info.pa.value + offset, KIB(4)));
}

static void check_access(struct selftest *test, vaddr_t va, enum at_access access)
{
	u64 par = at_translate_as(va, access);

	if (par_fields(par) == par_expected(test, va, access)) {
		test->checks++;
		return;
	}
	test_check(test, false, "the CPU and the tables differ at", va.value);
	test_equal(test, par_fields(par), par_expected(test, va, access),
		   access_writes(access) ? "PAR_EL1 for a write" : "PAR_EL1 for a read");
}

static void check_kernel(struct selftest *test, u64 va)
{
	check_access(test, vaddr(va), AT_READ);
	check_access(test, vaddr(va), AT_WRITE);
	if (test_feature(test, ID_AA64MMFR1_EL1, PAN) >= ID_AA64MMFR1_EL1_PAN_PAN2) {
		check_access(test, vaddr(va), AT_PAN_READ);
		check_access(test, vaddr(va), AT_PAN_WRITE);
	}
}

/* The last byte before and the first behind an edge, and the same one page to either side. */
static void check_edge(struct selftest *test, u64 edge,
		       void (*check)(struct selftest *test, u64 va))
{
	u64 page = regime_granule(&test->kernel->kernel_space.regime);

	check(test, edge - page);
	check(test, edge - 1);
	check(test, edge);
	check(test, edge + page);
}

static bool space_next(const struct selftest *test, struct pt_run *run)
{
	const struct space *space = &test->kernel->kernel_space;
	vaddr_t end = pt_end(space);

	if (run->end.value == end.value && run->start.value != end.value)
		return false;
	*run = pt_next_run(space, run->start.value == end.value ? pt_start(space) : run->end, end);
	return true;
}

SELFTEST_RULE(walk, edges, "D8.2 walk", "the CPU translates as the tables say at every edge");

static void walk_edges(struct selftest *test)
{
	struct pt_run run = { 0 };

	while (space_next(test, &run))
		check_edge(test, run.start.value, check_kernel);
	check_edge(test, 0, check_kernel);
}

SELFTEST_RULE(walk, random, "D8.2 walk", "and at random addresses in every run");

static void walk_random(struct selftest *test)
{
	struct pt_run run = { 0 };

	while (space_next(test, &run))
		for (unsigned i = 0; i < RANDOM_POINTS; i++)
			check_kernel(test,
				     run.start.value +
					     test_random(test, run.end.value - run.start.value));
}

SELFTEST_RULE(walk, layout, "D8.2 walk", "and at the ends of every region");

static void walk_layout(struct selftest *test)
{
	const struct layout *layout = &test->kernel->handoff->plan.layout;

	for (unsigned i = 0; i < LAYOUT_COUNT; i++) {
		check_edge(test, layout->region[i].start.value, check_kernel);
		check_edge(test, layout->region[i].end.value, check_kernel);
	}
	/* Between the halves: addresses that no table translates. */
	check_edge(test, BIT(test->kernel->kernel_space.regime.va_bits), check_kernel);
	check_edge(test, BIT(55), check_kernel);
}

static void check_user(struct selftest *test, u64 va)
{
	check_access(test, vaddr(va), AT_USER_READ);
	check_access(test, vaddr(va), AT_USER_WRITE);
	test_check(test, SYSREG_GET(PAR_EL1_F, at_translate_as(vaddr(va), AT_USER_READ)),
		   "EL0 can read", va);
}

SELFTEST_RULE(walk, user, "D8.2 E0PD", "EL0 can reach none of them");

static void walk_user(struct selftest *test)
{
	struct pt_run run = { 0 };

	while (space_next(test, &run))
		check_edge(test, run.start.value, check_user);
}

SELFTEST_RULE(walk, idmap, "D8.2 EPD", "the lower half is not walked");

static void walk_idmap(struct selftest *test)
{
	const struct image *image = &test->kernel->handoff->facts.image;

	check_edge(test, image->pa.value, check_kernel);
	check_edge(test, image->pa.value + image->size, check_kernel);
	test_faults(test, TOUCH_LOAD, vaddr(image->pa.value), TRANSLATION_FAULT_LEVEL_0);
}
