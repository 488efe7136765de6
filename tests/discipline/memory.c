// SPDX-License-Identifier: MIT
/*
 * RAM as the judge knows it: what was there, from files, what was stored, and what loads showed.
 */
#include <stdlib.h>
#include <string.h>

#include "judge.h"

struct memory memory;

void memory_init(u64 start, u64 size)
{
	memory.start = start;
	memory.end = start + size;
	memory.count = size / PAGE;
	memory.pages = calloc(memory.count, sizeof(*memory.pages));
	if (memory.pages == NULL)
		cannot_judge("no memory for a table of pages");
}

struct page *memory_page(u64 pa)
{
	struct page **page = &memory.pages[(pa - memory.start) / PAGE];

	if (*page == NULL) {
		*page = calloc(1, sizeof(**page));
		if (*page == NULL)
			cannot_judge("no memory for a page");
		(*page)->pa = pa & ~(PAGE - 1);
		cache_new_page(*page);
	}
	return *page;
}

/* Within one page. */
static void set_known(struct page *page, unsigned offset, unsigned size, bool known)
{
	for (unsigned i = offset; i < offset + size; i++) {
		if (known)
			page->known[i / 8] |= (u8)(1 << i % 8);
		else
			page->known[i / 8] &= (u8) ~(1 << i % 8);
	}
}

/* Whole words are most of it; none crosses a page but an unaligned one. */
void memory_write(u64 pa, unsigned size, u64 value, bool known)
{
	for (unsigned done = 0; done < size;) {
		struct page *page = memory_page(pa + done);
		unsigned offset = (pa + done) % PAGE, left = size - done;

		if (left > PAGE - offset)
			left = PAGE - offset;
		if (known)
			memcpy(page->data + offset, (u8 *)&value + done, left);
		if (left == 8 && offset % 8 == 0)
			page->known[offset / 8] = known ? 0xff : 0;
		else
			set_known(page, offset, left, known);
		done += left;
	}
}

static bool is_known(const struct page *page, unsigned offset, unsigned size)
{
	if (size == 8 && offset % 8 == 0)
		return page->known[offset / 8] == 0xff;
	for (unsigned i = offset; i < offset + size; i++)
		if (!(page->known[i / 8] & 1 << i % 8))
			return false;
	return true;
}

bool memory_read(u64 pa, unsigned size, u64 *value)
{
	*value = 0;
	for (unsigned done = 0; done < size;) {
		struct page *page = memory_page(pa + done);
		unsigned offset = (pa + done) % PAGE, left = size - done;

		if (left > PAGE - offset)
			left = PAGE - offset;
		if (!is_known(page, offset, left))
			return false;
		memcpy((u8 *)value + done, page->data + offset, left);
		done += left;
	}
	return true;
}

void memory_fill(u64 pa, const u8 *data, u64 size)
{
	for (u64 i = 0; i < size; i++) {
		struct page *page = memory_page(pa + i);

		page->data[(pa + i) % PAGE] = data[i];
		set_known(page, (unsigned)((pa + i) % PAGE), 1, true);
	}
}
