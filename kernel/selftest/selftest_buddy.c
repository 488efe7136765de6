// SPDX-License-Identifier: MIT
/*
 * Self test: the page allocator on the machine's own memory.
 * Runs in the kernel, MMU on, after relocation.
 */
#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/mm/alloc/alloc.h>

SELFTEST_SUBJECT(110, buddy);

static void refuse_free(struct selftest *test, u64 pa, unsigned order, enum buddy_result expected)
{
	struct buddy *buddy = &test->kernel->alloc->buddy;

	test_equal(test, buddy_free(buddy, paddr(pa), order), expected, "a wrong free");
	test_check(test, buddy_audit(buddy), "audit after a wrong free", pa);
}

SELFTEST(buddy, refusals, "no block is freed twice, in part, or by another size");

static void buddy_refusals(struct selftest *test)
{
	u64 granule = regime_granule(&test->kernel->kernel_space.regime), used;
	u64 image = test->kernel->handoff->facts.image.pa.value;
	struct alloc *alloc = test_alloc(test);
	paddr_t block = { 0 };

	if (!alloc)
		return;
	alloc_settle(alloc);
	used = buddy_usage(&alloc->buddy).used;
	test_equal(test, buddy_alloc(&alloc->buddy, 2, &block), BUDDY_OK, "a block of order 2");
	test_check(test, is_aligned(block.value, granule << 2), "block unaligned", block.value);
	refuse_free(test, block.value + 1, 2, BUDDY_UNALIGNED);
	refuse_free(test, block.value + granule, 0, BUDDY_NOT_A_BLOCK);
	refuse_free(test, block.value, 1, BUDDY_WRONG_ORDER);
	refuse_free(test, image, 0, BUDDY_NOT_RAM);
	test_equal(test, buddy_free(&alloc->buddy, block, 2), BUDDY_OK, "a right free");
	refuse_free(test, block.value, 2, BUDDY_DOUBLE_FREE);
	test_equal(test, buddy_alloc(&alloc->buddy, BUDDY_ORDER_MAX + 1, &block), BUDDY_BAD_ORDER,
		   "a block of no order");
	test_equal(test, buddy_usage(&alloc->buddy).used, used, "bytes in use");
}
