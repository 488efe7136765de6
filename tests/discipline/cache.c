// SPDX-License-Identifier: MIT
/*
 * The worst caches that the architecture allows: they hold an old version of every line, fetch by
 * speculation at any time, never evict by themselves what would help, and at any time what would
 * harm. Source: DDI 0487 D7.5 (caches, "Cache maintenance instructions"), B2.4 (instruction fetch),
 * B2.16 ("Mismatched memory attributes").
 *
 * A line is as long as CTR_EL0 says. What may be wrong is noted for 16 bytes, and for single bytes
 * where a cache may hold an older one: a cached store mends only what it writes.
 */
#include <stdlib.h>
#include <string.h>

#include "judge.h"

#define FOREIGN 1 /* dirty since before the Image's first instruction */
#define OWN 2 /* dirty by a store of the stream */
#define CLEANING 4 /* cleaned, and no DSB since */
#define STALE 8 /* some byte is older in a cache than in memory */
#define DROPPING 16 /* invalidated, and no DSB since */
#define EARLY 32 /* the invalidation was before the store that it was for */
#define UNCACHED 64 /* written past the caches once */
#define CLEANED 128 /* was dirty and is not */
#define UNORDERED 256 /* invalidated with no barrier after the store */
#define MAPPED 512 /* written past the caches by way of a mapping */
#define DROPPED 1024 /* invalidated since it was written */
#define LOADER 2048 /* instructions that were there at entry */

struct cache cache = { .line = 64 };

/* A grain of which maintenance is not complete. */
struct pending {
	struct page *page;
	unsigned grain;
	u32 time;
};

struct list {
	struct pending *items;
	size_t count, room;
};

static struct list data_pending, fetch_pending[2]; /* before the DSB; before the ISB */
/* Stores before the first are fetched anew after IC of everything: issued, complete, in effect. */
static u32 fetch_cover[3];
static bool instructions_on;

static void list_add(struct list *list, struct page *page, unsigned grain)
{
	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 1024;
		list->items = realloc(list->items, list->room * sizeof(*list->items));
		if (list->items == NULL)
			cannot_judge("no memory for what is pending");
	}
	list->items[list->count++] = (struct pending){ page, grain, now.time };
}

void cache_ctr(u64 ctr)
{
	cache.line = 4ul << bits(ctr, 19, 16);
	cache.unified = bits(ctr, 28, 28);
	cache.coherent = bits(ctr, 29, 29);
	cache.has_ctr = true;
	if (cache.line < GRAIN || cache.line > PAGE)
		cannot_judge("cache lines of %lu bytes", (unsigned long)cache.line);
}

/* The Image is clean to the point of coherency: the boot protocol's promise. Nothing else is. */
void cache_new_page(struct page *page)
{
	u64 image_end = report.base + report.image.whole;

	for (unsigned i = 0; i < GRAINS; i++) {
		u64 pa = page->pa + i * GRAIN;
		bool own = !report.firmware && pa >= report.base && pa < image_end;

		page->state[i] = own ? LOADER : FOREIGN;
	}
}

static bool maintained_since(const struct page *page, unsigned grain, u32 time)
{
	return grain < GRAINS && page->cleaned[grain] > time &&
	       page->cleaned[grain] > page->written[grain];
}

/* The line before or after was maintained since @grain was written: a range was short by it. */
static const char *neighbour_words(const struct page *page, unsigned grain)
{
	unsigned lines = (unsigned)(cache.line / GRAIN);

	if (maintained_since(page, grain - lines, page->written[grain]) ||
	    maintained_since(page, grain + lines, page->written[grain]))
		return "; a line beside was maintained: a range short by one?";
	return "";
}

static bool has_stale(const struct page *page, unsigned start, unsigned size)
{
	for (unsigned i = start; i < start + size; i++)
		if (page->stale[i / 8] & 1 << i % 8)
			return true;
	return false;
}

/* What a cache may answer with instead of what is in memory. */
static void judge_stale(struct page *page, unsigned grain, const char *what)
{
	u16 state = page->state[grain];
	u64 pa = page->pa + grain * GRAIN;
	place_t by = page->writer[grain];

	if (state & MAPPED)
		violation(RULE_C6, pa, by,
			  "%s through a cache may see what was there before it was "
			  "written by an uncached mapping: no DC IVAC or CIVAC and DSB since",
			  what);
	else if (state & UNORDERED)
		violation(RULE_C3, pa, by,
			  "%s through a cache may see the bytes from before the "
			  "store: no DMB or DSB between the store and DC IVAC",
			  what);
	else if (state & EARLY)
		violation(RULE_C3, pa, by,
			  "%s through a cache may see the bytes from before the "
			  "store: its line was invalidated before that, not since",
			  what);
	else
		violation(RULE_C2, pa, by,
			  "%s through a cache may see the bytes from before the "
			  "store past it: no DC IVAC and DSB since%s",
			  what, neighbour_words(page, grain));
}

static void judge_cached(struct page *page, unsigned offset, unsigned size, const char *what)
{
	unsigned grain = offset / GRAIN;
	u16 state = page->state[grain];

	if ((state & STALE) && has_stale(page, offset, size))
		judge_stale(page, grain, what);
	else if (state & DROPPING)
		violation(RULE_C2, page->pa + offset, page->writer[grain],
			  "%s through a cache of a line whose invalidation no DSB has completed",
			  what);
	else if (state & UNCACHED)
		looked_at(state & MAPPED ? RULE_C6 : RULE_C2);
}

static void judge_uncached(struct page *page, unsigned offset, struct way way, const char *what)
{
	unsigned grain = offset / GRAIN;
	u16 state = page->state[grain];
	place_t by = page->writer[grain];
	enum rule rule = by == 0 ? RULE_C1 : way.mapped ? RULE_C6 : RULE_C5;

	if (state & (FOREIGN | OWN))
		violation(rule, page->pa + offset, by,
			  "%s past the caches of a line that may be "
			  "dirty in one: no DC CVAC and DSB since%s",
			  what, neighbour_words(page, grain));
	else if (state & CLEANING)
		violation(rule, page->pa + offset, by,
			  "%s past the caches of a line whose cleaning no DSB has completed", what);
	else if (state & CLEANED)
		looked_at(rule);
}

/* What one grain has of a range. */
struct piece {
	struct page *page;
	unsigned offset, length; /* none is left where this is 0 */
	u64 at, end;
};

static void piece_next(struct piece *piece)
{
	u64 next = (piece->at | (GRAIN - 1)) + 1;

	piece->length = 0;
	if (piece->at >= piece->end)
		return;
	piece->page = memory_page(piece->at);
	piece->offset = (unsigned)(piece->at % PAGE);
	piece->length = (unsigned)((next < piece->end ? next : piece->end) - piece->at);
	piece->at += piece->length;
}

static struct piece piece_first(u64 pa, u64 size)
{
	struct piece piece = { .at = pa, .end = pa + size };

	piece_next(&piece);
	return piece;
}

/* Two mappings, both cached, that disagree on who shares. */
static void judge_share(struct page *page, unsigned grain, struct way way)
{
	u8 share = (u8)(way.share + 1);

	if (!way.mapped)
		return;
	if (page->share[grain] != 0 && page->share[grain] != share)
		violation(RULE_C6, page->pa + grain * GRAIN, page->writer[grain],
			  "two cached mappings of one line differ in shareability (%u and %u)",
			  page->share[grain] - 1u, way.share);
	page->share[grain] = share;
}

void cache_load(u64 pa, unsigned size, struct way way)
{
	for (struct piece p = piece_first(pa, size); p.length != 0; piece_next(&p)) {
		if (way.cached) {
			judge_cached(p.page, p.offset, p.length, "a load");
			judge_share(p.page, p.offset / GRAIN, way);
		} else {
			judge_uncached(p.page, p.offset, way, "a load");
		}
	}
}

void cache_walk(u64 pa, unsigned size, bool cached)
{
	struct way way = { .cached = cached };

	for (struct piece p = piece_first(pa, size); p.length != 0; piece_next(&p)) {
		if (cached)
			judge_cached(p.page, p.offset, p.length, "a table walk");
		else
			judge_uncached(p.page, p.offset, way, "a table walk");
	}
}

static void stale_set(struct page *page, unsigned offset, unsigned size, bool stale)
{
	for (unsigned i = offset; i < offset + size; i++) {
		if (stale)
			page->stale[i / 8] |= (u8)(1 << i % 8);
		else
			page->stale[i / 8] &= (u8) ~(1 << i % 8);
	}
}

static void store_uncached(struct page *page, unsigned offset, unsigned size, struct way way)
{
	unsigned grain = offset / GRAIN;
	u16 *state = &page->state[grain];

	judge_uncached(page, offset, way, "a store");
	if (*state & (DROPPED | DROPPING))
		*state |= EARLY;
	else
		*state &= (u16)~EARLY;
	*state &= (u16) ~(DROPPED | DROPPING | UNORDERED | MAPPED);
	*state |= STALE | UNCACHED | (way.mapped ? MAPPED : 0);
	stale_set(page, offset, size, true);
	page->cleaned[grain] = now.time;
}

/* The whole line is dirty then, with whatever else it held. */
static void store_cached(struct page *page, unsigned offset, unsigned size, struct way way)
{
	unsigned first = (unsigned)((offset & ~(cache.line - 1)) / GRAIN), grain = offset / GRAIN;

	if (page->state[grain] & DROPPING)
		violation(RULE_C2, page->pa + offset, page->writer[grain],
			  "a store into a line whose invalidation no DSB has completed");
	if (page->state[grain] & STALE)
		stale_set(page, offset, size, false);
	for (unsigned i = first; i < first + cache.line / GRAIN; i++)
		page->state[i] |= OWN;
	judge_share(page, grain, way);
	page->cleaned[grain] = cache.unified ? now.time : 0;
}

void cache_store(u64 pa, unsigned size, struct way way)
{
	for (struct piece p = piece_first(pa, size); p.length != 0; piece_next(&p)) {
		unsigned grain = p.offset / GRAIN;

		if (way.cached)
			store_cached(p.page, p.offset, p.length, way);
		else
			store_uncached(p.page, p.offset, p.length, way);
		p.page->writer[grain] = now.place;
		p.page->written[grain] = now.time;
		p.page->state[grain] &= (u16)~LOADER;
	}
}

/*
 * Nobody may expect anything of what lies below the stack pointer, so what a cache may show of it
 * is no matter: compilers copy structures with the padding that was never written.
 */
void cache_dead(u64 pa, unsigned size)
{
	for (struct piece p = piece_first(pa, size); p.length != 0; piece_next(&p))
		if (p.page->state[p.offset / GRAIN] & STALE)
			stale_set(p.page, p.offset, p.length, false);
}

static void judge_fetch(struct page *page, unsigned grain)
{
	u32 written = page->written[grain], cleaned = page->cleaned[grain];
	u64 pa = page->pa + grain * GRAIN;
	place_t by = page->writer[grain];

	looked_at(RULE_I1);
	if (cleaned < written)
		violation(RULE_I1, pa, by,
			  "executed what was written and not cleaned to the point of unification");
	else if (cleaned >= now.dsb_full)
		violation(RULE_I1, pa, by,
			  "executed what was written with no DSB since it was "
			  "cleaned");
	else
		violation(RULE_I1, pa, by,
			  "executed what was written: no IC after that, DSB and "
			  "ISB");
}

/* With the instruction cache turned on by the stream, it may answer with what ran here before. */
static void judge_loader(struct page *page, unsigned grain)
{
	looked_at(RULE_I2);
	if (fetch_cover[2] == 0)
		violation(
			RULE_I2, page->pa + grain * GRAIN, 0,
			"the instruction cache is on and may hold what ran at this address before "
			"the Image: no IC, DSB and ISB since entry");
	page->state[grain] &= (u16)~LOADER;
}

void cache_fetch(u64 pa, struct way way)
{
	struct page *page = memory_page(pa);
	unsigned offset = (unsigned)(pa % PAGE), grain = offset / GRAIN;
	u16 state = page->state[grain];

	if (way.cached && (state & (STALE | DROPPING | UNCACHED)))
		judge_cached(page, offset, 4, "a fetch");
	else if (!way.cached && (state & (FOREIGN | OWN | CLEANING)))
		judge_uncached(page, offset, way, "a fetch");
	if (page->written[grain] != 0) {
		if (page->cleaned[grain] < page->written[grain] ||
		    page->cleaned[grain] >= fetch_cover[2])
			judge_fetch(page, grain);
		else
			looked_at(RULE_I1);
	} else if ((state & LOADER) && instructions_on) {
		judge_loader(page, grain);
	}
}

static void clean_grain(struct page *page, unsigned grain, bool coherency)
{
	u16 *state = &page->state[grain];

	page->cleaned[grain] = now.time;
	if (!coherency || !(*state & (FOREIGN | OWN)))
		return;
	*state &= (u16) ~(FOREIGN | OWN);
	*state |= CLEANING | CLEANED;
	list_add(&data_pending, page, grain);
}

/* What another store since the last barrier may come before or after. */
static bool is_unordered(const struct page *page, unsigned grain)
{
	return page->written[grain] > now.barrier_full;
}

static void drop_grain(struct page *page, unsigned grain)
{
	u16 *state = &page->state[grain];

	page->cleaned[grain] = now.time;
	page->share[grain] = 0;
	*state |= DROPPED;
	if (!(*state & STALE))
		return;
	if (!(*state & MAPPED) && is_unordered(page, grain)) {
		*state |= UNORDERED;
		return;
	}
	looked_at(RULE_C3);
	*state &= (u16) ~(STALE | EARLY | UNORDERED);
	*state |= DROPPING;
	stale_set(page, grain * GRAIN, GRAIN, false);
	list_add(&data_pending, page, grain);
}

/* DC IVAC throws away what only a cache has. */
static void judge_drop(struct page *page, unsigned first, unsigned count)
{
	looked_at(RULE_C4);
	for (unsigned i = first; i < first + count; i++) {
		if (!(page->state[i] & (FOREIGN | OWN)))
			continue;
		violation(RULE_C4, page->pa + i * GRAIN, page->writer[i],
			  "DC IVAC of a line that may be dirty with %s: not cleaned before",
			  page->state[i] & OWN ? "what was stored" : "somebody else's bytes");
		page->state[i] &= (u16) ~(FOREIGN | OWN);
	}
}

static u64 last_dc; /* since the last DSB; 0: none */

/* Steps that are longer than a line leave some out. */
static void judge_size(u64 pa)
{
	looked_at(RULE_C7);
	if (!cache.has_ctr)
		violation(RULE_C7, pa, 0, "a cache line's size is used that is not from CTR_EL0");
	else if (last_dc != 0 && pa > last_dc && pa - last_dc <= PAGE && pa - last_dc > cache.line)
		violation(RULE_C7, pa, 0,
			  "maintenance goes on %lu bytes after 0x%lx, and lines are %lu bytes long",
			  (unsigned long)(pa - last_dc), (unsigned long)last_dc,
			  (unsigned long)cache.line);
	last_dc = pa;
}

void cache_dc(enum dc operation, u64 pa)
{
	struct page *page = memory_page(pa);
	unsigned first = (unsigned)((pa & ~(cache.line - 1)) % PAGE / GRAIN);
	unsigned count = (unsigned)(cache.line / GRAIN);

	judge_size(pa);
	if (operation == DC_IVAC)
		judge_drop(page, first, count);
	for (unsigned i = first; i < first + count; i++) {
		bool merged = page->state[i] & OWN;

		if (operation != DC_IVAC)
			clean_grain(page, i, operation != DC_CVAU);
		/* A dirty line takes its old bytes to memory with it. */
		if (operation == DC_IVAC || (operation == DC_CIVAC && !merged))
			drop_grain(page, i);
		else if (operation == DC_CIVAC)
			page->share[i] = 0;
	}
}

void cache_ic_all(void)
{
	fetch_cover[0] = now.dsb_full;
	if (fetch_cover[0] == 0)
		fetch_cover[0] = 1; /* nothing was stored before the first DSB that matters */
}

void cache_ic(u64 pa)
{
	struct page *page = memory_page(pa);
	unsigned first = (unsigned)((pa & ~(cache.line - 1)) % PAGE / GRAIN);

	for (unsigned i = first; i < first + cache.line / GRAIN; i++)
		if (page->written[i] != 0 && page->cleaned[i] >= page->written[i] &&
		    page->cleaned[i] < now.dsb_full)
			list_add(&fetch_pending[0], page, i);
}

void cache_barrier(const struct insn *insn)
{
	if (insn->barrier != BARRIER_DSB || insn->types != 3)
		return;
	for (size_t i = 0; i < data_pending.count; i++)
		data_pending.items[i].page->state[data_pending.items[i].grain] &=
			(u16) ~(CLEANING | DROPPING);
	data_pending.count = 0;
	last_dc = 0;
	if (fetch_cover[0] > fetch_cover[1])
		fetch_cover[1] = fetch_cover[0];
	if (cache.coherent && now.dsb_full > fetch_cover[1])
		fetch_cover[1] = now.dsb_full;
	for (size_t i = 0; i < fetch_pending[0].count; i++)
		list_add(&fetch_pending[1], fetch_pending[0].items[i].page,
			 fetch_pending[0].items[i].grain);
	fetch_pending[0].count = 0;
}

/* A context synchronization event: what is fetched from now on is fetched anew. */
void cache_sync(void)
{
	fetch_cover[2] = fetch_cover[1];
	for (size_t i = 0; i < fetch_pending[1].count; i++) {
		struct pending *item = &fetch_pending[1].items[i];

		if (item->page->written[item->grain] < item->time)
			item->page->written[item->grain] = 0;
	}
	fetch_pending[1].count = 0;
}

void cache_instructions_on(void)
{
	instructions_on = true;
}

/*
 * What was written past the caches and is still hidden by them at the end: nobody has read it, and
 * whoever does will read what was there before.
 */
void cache_end(void)
{
	for (u64 i = 0; i < memory.count; i++) {
		struct page *page = memory.pages[i];

		for (unsigned grain = 0; page != NULL && grain < GRAINS; grain++)
			if ((page->state[grain] & STALE) && has_stale(page, grain * GRAIN, GRAIN))
				judge_stale(page, grain, "left to the end: what reads this");
	}
}
