// SPDX-License-Identifier: MIT
/*
 * Self test: random regimes in the lower half, a few random pages, some bits of the descriptors on
 * the way to them turned over, and every access compared with two models: of the walk, and of
 * permissions. What fails is made as small as it gets before it is shown.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/selftest/scratch.h>
#include <pagoda/kernel/selftest/walk_model.h>

SELFTEST_SUBJECT(83, stress);

#define CASES 60 /* where nobody has asked for seconds */
#define PAGES 3
#define CHANGES 6
#define ACCESSES 9
#define BITS_MIN 25 /* of address, without FEAT_TTST */

/* A bit of a descriptor, turned over. */
struct change {
	u8 page, bit;
	s8 level;
};

/* A case, all of which comes from one number. */
struct wild {
	u64 number;
	unsigned granule_shift, bits;
	bool pan, hpd;
	u64 va[PAGES];
	struct change change[CHANGES];
	u32 kept; /* of the changes, those that are made: to find out which it takes */
};

struct difference {
	u64 va;
	enum rights_access access;
	struct walk_end expected;
	bool allowed;
	u64 found; /* PAR_EL1, or ESR, or 0 for no fault */
};

static const u8 granules[] = { GRANULE_SHIFT_4K, GRANULE_SHIFT_16K, GRANULE_SHIFT_64K };

/* What tables may say, and leaves: nothing here leads to memory that is none of ours. */
static const u8 table_bits[] = { 0, 2, 7, 52, 55, 58, 59, 60, 61, 62 };
static const u8 leaf_bits[] = { 0, 1, 6, 6, 7, 7, 10, 11, 53, 54, 56, 58 };

static void wild_make(struct wild *wild, struct selftest *test)
{
	unsigned most;

	wild->number = test->random;
	do
		wild->granule_shift = granules[test_random(test, ARRAY_SIZE(granules))];
	while (!scratch_has_granule(test, wild->granule_shift));
	most = wild->granule_shift == test->kernel->kernel_space.regime.granule_shift ?
		       scratch_bits(test) :
		       48;
	wild->bits = BITS_MIN + (unsigned)test_random(test, most - BITS_MIN + 1);
	wild->pan = test->kernel->handoff->plan.pan && test_random(test, 2);
	wild->hpd = test_feature(test, ID_AA64MMFR1_EL1, HPDS) != 0 && test_random(test, 2);
	for (unsigned i = 0; i < PAGES; i++)
		wild->va[i] =
			align_down(test_random(test, BIT(wild->bits)), BIT(wild->granule_shift));
	for (unsigned i = 0; i < CHANGES; i++) {
		int level = 3 - (int)test_random(test, 5);

		wild->change[i].page = (u8)test_random(test, PAGES);
		wild->change[i].level = (s8)level;
		wild->change[i].bit = level == LEVEL_PAGE ?
					      leaf_bits[test_random(test, ARRAY_SIZE(leaf_bits))] :
					      table_bits[test_random(test, ARRAY_SIZE(table_bits))];
	}
	wild->kept = (1 << CHANGES) - 1;
}

/* Pages that fall on one another are one. */
static void pages_map(struct scratch *scratch, const struct wild *wild)
{
	for (unsigned i = 0; i < PAGES; i++)
		if (pt_find(&scratch->space, vaddr(wild->va[i])).kind == PTE_INVALID)
			scratch_map(scratch, wild->va[i],
				    scratch->data.value + (i & 1) * scratch->page, scratch->page,
				    (struct map_attr){ PROT_READ_ONLY, MEM_NORMAL });
}

static void change_make(struct scratch *scratch, const struct wild *wild, unsigned i)
{
	const struct regime *regime = &scratch->space.regime;
	const struct change *change = &wild->change[i];
	struct slot *slot;

	if (change->level < regime->root_level)
		return;
	/* Only where the way to it is what it was: descending reads descriptors. */
	for (int level = regime->root_level; level < change->level; level++)
		if (pt_descend(&scratch->space, vaddr(wild->va[change->page]), level).kind !=
		    PTE_TABLE)
			return;
	slot = scratch_slot(scratch, wild->va[change->page], change->level);
	slot_edit(slot, (pte_t){ slot_read(slot).bits ^ BIT(change->bit) });
}

static void wild_build(struct scratch *scratch, const struct wild *wild)
{
	u64 code = (u64)CODE_RET << 32 | CODE_BTI;

	scratch_granule(scratch, wild->granule_shift);
	scratch_reset(scratch, wild->bits);
	scratch_off(scratch);
	*scratch_word(scratch, 0) = *scratch_word(scratch, scratch->page / sizeof(u64)) = code;
	scratch_publish(scratch);
	pages_map(scratch, wild);
	for (unsigned i = 0; i < CHANGES; i++)
		if (wild->kept & 1 << i)
			change_make(scratch, wild, i);
	tables_publish();
	scratch_control(scratch, 0, wild->hpd ? TCR_EL1_HPD0_MASK : 0);
}

static struct walk_model model_of(const struct scratch *scratch, const struct wild *wild)
{
	const struct kernel *kernel = scratch->test->kernel;
	const u64 *id = kernel->handoff->facts.id;

	return (struct walk_model){
		.granule_shift = wild->granule_shift,
		.bits = wild->bits,
		.output_bits = kernel->kernel_space.regime.pa_bits,
		.ds = kernel->kernel_space.regime.format == DESC_LPA2,
		.large_blocks = SYSREG_GET(ID_AA64MMFR0_EL1_PARANGE, id[SYSREG_ID_AA64MMFR0_EL1]) >=
				6,
		.hpd = wild->hpd,
		.root = scratch->space.root.value,
		.memory = scratch->space.phys_offset,
		.tables = scratch->tables.value,
		.tables_end = scratch->tables.value + SCRATCH_TABLES_SIZE,
	};
}

/* What an access is, to touch() or to AT. */
static const struct {
	u8 access;
	bool at;
	u8 how;
} accesses[ACCESSES] = {
	{ RIGHTS_AT_S1E1R, true, AT_READ },
	{ RIGHTS_AT_S1E1W, true, AT_WRITE },
	{ RIGHTS_EL1_READ, false, TOUCH_LOAD },
	{ RIGHTS_EL1_FETCH, false, TOUCH_RUN },
	{ RIGHTS_UNPRIVILEGED_READ, false, TOUCH_USER_LOAD },
	{ RIGHTS_EL1_READ, false, TOUCH_LOAD_BYTE },
	/* What is stored over code is executed by no access after it. */
	{ RIGHTS_UNPRIVILEGED_WRITE, false, TOUCH_USER_STORE },
	{ RIGHTS_EL1_WRITE, false, TOUCH_STORE },
	{ RIGHTS_AT_S1E1R, true, AT_READ },
};

static bool agrees_at(const struct difference *expected, u64 par, unsigned status)
{
	if (expected->expected.kind != WALK_FINE || !expected->allowed)
		return SYSREG_GET(PAR_EL1_F, par) && SYSREG_GET(PAR_EL1_FST, par) == status;
	return (par & (PAR_EL1_F_MASK | PAR_EL1_PA_MASK)) ==
	       align_down(expected->expected.pa, KIB(4));
}

static bool agrees(const struct difference *expected, bool faulted, unsigned found, unsigned status)
{
	if (expected->expected.kind != WALK_FINE || !expected->allowed)
		return faulted && found == status;
	return !faulted;
}

/* One access: true where it is as the models say. */
static bool try_access(const struct walk_model *model, const struct wild *wild, unsigned which,
		       struct difference *difference)
{
	struct fault fault = { 0 };
	struct rights *rights = &difference->expected.rights;
	enum fault_kind kind;
	unsigned status;
	bool faulted;

	difference->access = (enum rights_access)accesses[which].access;
	difference->expected = walk_model(model, difference->va);
	rights->wxn = cpu_this()->kernel->handoff->plan.wxn;
	rights->pan = wild->pan;
	difference->allowed = rights_allow(rights, difference->access);
	kind = difference->expected.kind == WALK_FINE ? FAULT_PERMISSION :
							(enum fault_kind)difference->expected.kind;
	status = fault_status(kind, difference->expected.level);
	if (accesses[which].at) {
		difference->found =
			at_translate_as(vaddr(difference->va), (enum at_access)accesses[which].how);
		return agrees_at(difference, difference->found, status);
	}
	faulted = touch((enum touch)accesses[which].how, vaddr(difference->va), &fault);
	difference->found = fault.esr;
	return agrees(difference, faulted, (unsigned)SYSREG_GET(ESR_EL1_FSC, fault.esr), status);
}

/* True where every access is right; else the first that is not, in @difference. */
static bool wild_holds(struct scratch *scratch, const struct wild *wild,
		       struct difference *difference)
{
	struct walk_model model;
	bool holds = true;

	wild_build(scratch, wild);
	model = model_of(scratch, wild);
	if (scratch->test->kernel->handoff->plan.pan)
		pan_set(wild->pan);
	for (unsigned i = 0; holds && i < PAGES * ACCESSES; i++) {
		difference->va = wild->va[i % PAGES];
		scratch->test->checks++;
		holds = try_access(&model, wild, i / PAGES, difference);
	}
	if (scratch->test->kernel->handoff->plan.pan)
		pan_set(true);
	return holds;
}

/* Without as many changes as can be left out, and PAN and HPD: it fails all the same. */
static void wild_shrink(struct scratch *scratch, struct wild *wild, struct difference *difference)
{
	struct difference other;

	for (unsigned i = 0; i < CHANGES; i++) {
		wild->kept ^= 1u << i;
		if (wild_holds(scratch, wild, &other))
			wild->kept ^= 1u << i;
	}
	if (wild->pan) {
		wild->pan = false;
		wild->pan = wild_holds(scratch, wild, &other);
	}
	if (wild->hpd) {
		wild->hpd = false;
		wild->hpd = wild_holds(scratch, wild, &other);
	}
	wild_holds(scratch, wild, difference);
}

static void show(struct selftest *test, const struct wild *wild,
		 const struct difference *difference)
{
	const struct walk_end *end = &difference->expected;

	test_about(test, vaddr(difference->va));
	test_check(test, false, "a case differs from the models: seed", wild->number);
	test_note(test, "2^%u pages, %u address bits, PAN %u, HPD %u", wild->granule_shift,
		  wild->bits, wild->pan, wild->hpd);
	for (unsigned i = 0; i < CHANGES; i++)
		if (wild->kept & 1 << i)
			test_note(test, "bit %u at level %d on the way to 0x%lx turned over",
				  wild->change[i].bit, wild->change[i].level,
				  wild->va[wild->change[i].page]);
	test_note(test, "access %u of 0x%lx: ESR or PAR_EL1 0x%lx", difference->access,
		  difference->va, difference->found);
	test_note(test, "the walk ends at level %d, kind %u, 0x%lx, and %s", end->level, end->kind,
		  end->pa, difference->allowed ? "allows it" : "does not allow it");
}

static bool is_over(const struct selftest *test, u64 begun, u64 cases)
{
	if (!test->request->has_count)
		return cases >= CASES;
	return console_interrupted() ||
	       counter_read() - begun >= test->request->count * counter_frequency();
}

SELFTEST_RULE(stress, random, "D8.2 walk", "random regimes, tables and accesses, by models");

static void stress_random(struct selftest *test)
{
	u64 begun = counter_read(), cases = 0;
	struct difference difference;
	struct scratch scratch;
	struct wild wild;

	if (!scratch_begin(&scratch, test, 48))
		return;
	for (; test->failures == 0 && !is_over(test, begun, cases); cases++) {
		wild_make(&wild, test);
		if (wild_holds(&scratch, &wild, &difference))
			continue;
		wild_shrink(&scratch, &wild, &difference);
		show(test, &wild, &difference);
	}
	scratch_end(&scratch);
	test_note(test, "%lu cases, %u accesses", cases, test->checks);
}
