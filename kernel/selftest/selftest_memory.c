// SPDX-License-Identifier: MIT
/*
 * Self test: the RAM that the linear map shows is there.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/mm/check/kasan.h>
#include <pagoda/mm/alloc/alloc.h>

SELFTEST_SUBJECT(100, memory);

#define TEST_PATTERN 0x5061676f6461a55a

KASAN_UNCHECKED static bool word_works(const struct linear *linear, u64 pa)
{
	volatile u64 *word = linear_pointer(linear, paddr(pa));
	u64 before = *word;
	bool works;

	*word = before ^ TEST_PATTERN;
	works = *word == (before ^ TEST_PATTERN);
	*word = before;
	return works;
}

/*
 * Whether what is there may change for a moment without anybody's notice. A descriptor may not: the
 * walker reads it whenever it likes, and the TLB keeps what it read. What the FDT reserves is
 * another's, who may look at it, too.
 */
static bool may_test(const struct kernel *kernel, enum memory_kind kind, u64 pa)
{
	const struct page *page = NULL;
	u64 frame;

	if (kind == MEMORY_RESERVED ||
	    alloc_is_table(kernel->alloc, kernel->kernel_space.pool, kernel->memory, paddr(pa)))
		return false;
	if (kernel->alloc)
		page = buddy_block(&kernel->alloc->buddy, paddr(pa), &frame);
	return !page || page->state == PAGE_FREE;
}

SELFTEST(memory, ends, "both ends of every piece of RAM keep what is written");

/* What was there is put back. */
static void memory_ends(struct selftest *test)
{
	const struct kernel *kernel = test->kernel;
	struct memory_range piece;
	u64 pieces = 0, bytes = 0;

	for (u64 from = 0; memory_next(kernel->memory, from, &piece); from = piece.end.value) {
		u64 last = piece.end.value - sizeof(u64);

		if (piece.kind == MEMORY_NOMAP || piece.kind == MEMORY_IMAGE ||
		    !may_test(kernel, piece.kind, piece.start.value) ||
		    !may_test(kernel, piece.kind, last))
			continue;
		test_check(test, word_works(&kernel->linear, piece.start.value),
			   "does not keep what is written", piece.start.value);
		test_check(test, word_works(&kernel->linear, last), "does not keep what is written",
			   last);
		pieces++;
		bytes += piece.end.value - piece.start.value;
	}
	if (test_needs(test, pieces > 0, "all of it is somebody's") && test->failures == 0)
		test_note(test,
			  "%lu pieces of RAM, 0x%lx bytes: both ends of each written and read",
			  pieces, bytes);
}
