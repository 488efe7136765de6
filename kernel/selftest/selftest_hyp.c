// SPDX-License-Identifier: MIT
/*
 * Self tests: the hypervisor below the kernel, its map, what it refuses, and stage 2 under the
 * kernel.
 * Runs in the kernel at EL1, MMU on.
 */
#include <pagoda/kernel/hyp/hyp.h>
#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/kernel/show/inspect.h>
#include <pagoda/mm/alloc/alloc.h>

SELFTEST_SUBJECT(130, hyp);

#define CALLS_RANDOM 2000

static bool has_hyp(struct selftest *test)
{
	return test_needs(test, hyp_runs(test->kernel), "no hypervisor runs");
}

static u64 translate(enum el2_translate what, u64 va)
{
	u64 x[3] = { 0 };

	(void)hyp_call(EL2_TRANSLATE, what, va, 0, x);
	return x[0];
}

SELFTEST(hyp, version,
	 "it is ours, of the mode that was asked for, and nobody knows other numbers");

static void hyp_version(struct selftest *test)
{
	u64 x[4] = { EL2_CALL_END, 0, 0, 0 };

	if (!has_hyp(test))
		return;
	test_equal(test, hyp_call(EL2_VERSION, 0, 0, 0, x), EL2_OK, "answer");
	test_equal(test, x[0], 0x5061676f6461, "\"Pagoda\"");
	test_equal(test, x[1], test->kernel->hyp->mode, "mode");
	for (u64 what = 0xc600000b; what < 0xc6000010; what++) {
		x[0] = what;
		hvc_call(x);
		test_equal(test, x[0], 0xbadca11, "refused");
	}
}

SELFTEST(hyp, walk, "EL2 translates both ends of every run of its map as the tables say");

static void hyp_walk(struct selftest *test)
{
	const struct space *space;
	struct pt_audit audit = { 0 };
	vaddr_t va = vaddr(0);

	if (!has_hyp(test))
		return;
	space = hyp_space(test->kernel, HYP_MAP_SELF);
	do {
		struct pt_run run = pt_next_run(space, va, pt_end(space));
		u64 last = run.end.value - 1;

		test_check(test,
			   walk_agrees(space, va, false, translate(EL2_TRANSLATE_SELF, va.value)),
			   "EL2 does not agree at", va.value);
		test_check(
			test,
			walk_agrees(space, vaddr(last), false, translate(EL2_TRANSLATE_SELF, last)),
			"EL2 does not agree at", last);
		pt_audit_run(&audit, &run);
		va = run.end;
	} while (va.value != pt_end(space).value);
	test_equal(test, audit.writable_executable, 0, "W^X");
}

static void refused(struct selftest *test, struct el2_range range)
{
	const struct linear *linear = &test->kernel->linear;
	u64 before[3], after[3];

	for (u64 pa = range.start; pa < range.end; pa += (range.end - range.start) / 2) {
		vaddr_t va = linear_va(linear, paddr(pa));

		(void)hyp_call(EL2_FAULT, 0, 0, 0, before);
		test_faults(test, TOUCH_LOAD, va, ESR_EL1_FSC_SEA);
		test_faults(test, TOUCH_STORE, va, ESR_EL1_FSC_SEA);
		(void)hyp_call(EL2_FAULT, 0, 0, 0, after);
		test_equal(test, after[0], before[0] + 2, "count of refusals");
		test_equal(test, after[1], va.value, "FAR, of the last");
		test_equal(test, after[2], pa, "IPA, of the last");
	}
}

SELFTEST(hyp, memory, "protected: the kernel reaches none of its memory; its neighbours it does");

static void hyp_memory(struct selftest *test)
{
	const struct hyp *hyp = test->kernel->hyp;
	const struct linear *linear = &test->kernel->linear;

	if (!has_hyp(test) ||
	    !test_needs(test, hyp->mode == HYP_MODE_PROTECTED, "it is not protected"))
		return;
	refused(test, hyp->text);
	refused(test, hyp->rodata);
	refused(test, hyp->data);
	refused(test, hyp->stacks);
	refused(test, hyp->tables);
	test_works(test, TOUCH_LOAD, linear_va(linear, paddr(hyp->block.value - sizeof(u64))));
	test_works(test, TOUCH_LOAD, linear_va(linear, hyp->mailbox));
}

SELFTEST(hyp, share, "a page is shared once, and what is not RAM or not the kernel's never");

static void hyp_share(struct selftest *test)
{
	const struct hyp *hyp = test->kernel->hyp;
	struct alloc *alloc = test_alloc(test);
	paddr_t page;
	u64 x[3];

	if (!alloc || !has_hyp(test) ||
	    !test_needs(test, buddy_alloc(&alloc->buddy, 0, &page) == BUDDY_OK, "no page"))
		return;
	test_equal(test, hyp_call(EL2_SHARE, page.value, 0, 0, x), EL2_OK, "share");
	test_equal(test, hyp_call(EL2_SHARE, page.value, 0, 0, x), EL2_NOT_YOURS, "twice");
	test_equal(test, hyp_call(EL2_GUEST_MAP, 0, page.value, 0, x), EL2_NOT_YOURS, "to a guest");
	test_equal(test, hyp_call(EL2_UNSHARE, page.value, 0, 0, x), EL2_OK, "unshare");
	test_equal(test, hyp_call(EL2_UNSHARE, page.value, 0, 0, x), EL2_NOTHING_THERE, "twice");
	test_equal(test, hyp_call(EL2_SHARE, page.value + 8, 0, 0, x), EL2_BAD_ADDRESS, "no page");
	test_equal(test, hyp_call(EL2_SHARE, ~(u64)0 << 16, 0, 0, x), EL2_BAD_ADDRESS, "no RAM");
	test_equal(test, hyp_call(EL2_SHARE, hyp->text.start, 0, 0, x), EL2_NOT_YOURS,
		   "EL2's text");
	test_equal(test, hyp_call(EL2_GUEST_MAP, 0, hyp->tables.start, 0, x), EL2_NOT_YOURS,
		   "EL2's tables");
	(void)buddy_free(&alloc->buddy, page, 0);
}

SELFTEST(hyp, given, "protected: what a guest is given is not the kernel's, and its neighbour is");

/* The first is part of a block in stage 2, the second stands alone after that. */
static void hyp_given(struct selftest *test)
{
	const struct linear *linear = &test->kernel->linear;
	u64 page = regime_granule(&test->kernel->kernel_space.regime);
	struct alloc *alloc = test_alloc(test);
	paddr_t pages, second;

	if (!alloc || !has_hyp(test) ||
	    !test_needs(test, test->kernel->hyp->mode == HYP_MODE_PROTECTED,
			"it is not protected") ||
	    !test_needs(test, buddy_alloc(&alloc->buddy, 1, &pages) == BUDDY_OK, "no pages"))
		return;
	second = paddr_add(pages, page);
	test_works(test, TOUCH_STORE, linear_va(linear, pages));
	test_equal(test, hyp_call(EL2_GUEST_MAP, 0, pages.value, 0, NULL), EL2_OK, "the first");
	test_works(test, TOUCH_STORE, linear_va(linear, second));
	test_faults(test, TOUCH_STORE, linear_va(linear, pages), ESR_EL1_FSC_SEA);
	test_equal(test, hyp_call(EL2_GUEST_MAP, page, second.value, 0, NULL), EL2_OK,
		   "the second");
	test_faults(test, TOUCH_LOAD, linear_va(linear, second), ESR_EL1_FSC_SEA);
	test_equal(test, hyp_call(EL2_GUEST_END, 0, 0, 0, NULL), EL2_OK, "all back");
	test_works(test, TOUCH_LOAD, linear_va(linear, pages));
	test_works(test, TOUCH_LOAD, linear_va(linear, second));
	(void)buddy_free(&alloc->buddy, pages, 1);
}

/* Numbers as somebody would try them: small, page sized, addresses, anything. */
static u64 argument(struct selftest *test)
{
	u64 granule = regime_granule(&test->kernel->kernel_space.regime);

	switch (test_random(test, 5)) {
	case 0:
		return test_random(test, 16);
	case 1:
		return test_random(test, 1024) * granule;
	case 2:
		return test->kernel->hyp->block.value + test_random(test, 64) * granule;
	case 3:
		return ~test_random(test, 1024);
	}
	return test_random(test, ~(u64)0);
}

SELFTEST(hyp, arguments, "whatever it is asked, it answers, and goes on");

/* Not what runs a guest, or gives away the page that the kernel reads in; nor a page of ours. */
static void hyp_arguments(struct selftest *test)
{
	static const enum el2_call calls[] = { EL2_SHARE,     EL2_UNSHARE,     EL2_DUMP,
					       EL2_TRANSLATE, EL2_GUEST_UNMAP, EL2_GUEST_MAP };
	const struct hyp *hyp = test->kernel->hyp;
	u64 x[3], count = test_count(test, CALLS_RANDOM);

	if (!has_hyp(test))
		return;
	for (u64 i = 0; i < count; i++) {
		enum el2_call call = calls[test_random(test, ARRAY_SIZE(calls))];
		u64 a = argument(test), b = argument(test), c = argument(test);

		if (a == hyp->mailbox.value || (call == EL2_DUMP && b == hyp->mailbox_slot) ||
		    call == EL2_GUEST_MAP)
			b = hyp->text.start;
		if (call == EL2_SHARE && hyp_call(call, a, b, c, x) == EL2_OK)
			test_equal(test, hyp_call(EL2_UNSHARE, a, 0, 0, x), EL2_OK, "unshare");
		else if (call != EL2_SHARE && (call != EL2_UNSHARE || a != hyp->mailbox.value))
			test_check(test, hyp_call(call, a, b, c, x) <= EL2_BAD_ARGUMENT,
				   "is no answer to", call);
	}
	test_equal(test, hyp_call(EL2_VERSION, 0, 0, 0, x), EL2_OK, "it still answers");
	test_equal(test, x[0], EL2_MAGIC, "as before");
}

SELFTEST(hyp, stages, "both stages together are what both tables say, at both ends of every run");

/*
 * A hole of stage 2 may have been filled since @second was copied, by any access: then it is looked
 * at once more, with all that this takes in place.
 */
static bool second_agrees(struct selftest *test, const struct space *second, paddr_t pa, vaddr_t va,
			  bool write)
{
	enum el2_translate what = write ? EL2_TRANSLATE_WRITE : EL2_TRANSLATE_READ;

	for (unsigned i = 0; i < 3; i++) {
		if (walk_agrees(second, vaddr(pa.value), write, translate(what, va.value)))
			return true;
		(void)hyp_space(test->kernel, HYP_MAP_HOST);
	}
	return false;
}

static void stages_at(struct selftest *test, const struct space *second, vaddr_t va)
{
	const struct space *first = &test->kernel->kernel_space;
	bool write = test_random(test, 2);
	u64 par = translate(write ? EL2_TRANSLATE_WRITE : EL2_TRANSLATE_READ, va.value);
	struct pt_entry entry = pt_find(first, va);
	struct pte_info info;
	paddr_t pa;

	if (!pt_translate(first, va, &pa)) {
		test_check(test, SYSREG_GET(PAR_EL1_F, par), "no fault at", va.value);
		return;
	}
	info = pte_decode(&first->regime, entry.pte, entry.level, entry.table_bits);
	if (write && !info.write)
		test_check(test, SYSREG_GET(PAR_EL1_F, par), "no fault at", va.value);
	else
		test_check(test, second_agrees(test, second, pa, va, write),
			   "both walks do not agree at", va.value);
}

static void hyp_stages(struct selftest *test)
{
	const struct space *first = &test->kernel->kernel_space, *second;
	vaddr_t va = pt_start(first);

	if (!has_hyp(test))
		return;
	second = hyp_space(test->kernel, HYP_MAP_HOST);
	do {
		struct pt_run run = pt_next_run(first, va, pt_end(first));

		stages_at(test, second, va);
		stages_at(test, second, vaddr(run.end.value - 1));
		va = run.end;
	} while (va.value != pt_end(first).value);
}

SELFTEST(hyp, forgotten, "stage 2 is the same after all of it was forgotten, and mapped at once");

static void hyp_forgotten(struct selftest *test)
{
	const struct memory_map *map = test->kernel->memory;
	const struct linear *linear = &test->kernel->linear;
	struct memory_range piece;

	if (!has_hyp(test))
		return;
	test_equal(test, hyp_call(EL2_MAP_ALL, 0, 0, 0, NULL), EL2_OK, "all of it");
	for (u64 from = 0; memory_next(map, from, &piece); from = piece.end.value)
		if (piece.kind == MEMORY_RAM)
			test_works(test, TOUCH_LOAD, linear_va(linear, piece.start));
	test_equal(test, pt_audit_space(hyp_space(test->kernel, HYP_MAP_SELF)).writable_executable,
		   0, "W^X at EL2");
}
