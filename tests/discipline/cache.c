// SPDX-License-Identifier: MIT
/*
 * The worst caches that the architecture allows: they hold an old version of every line, fetch by
 * speculation at any time, never evict by themselves what would help, and at any time what would
 * harm. Source: DDI 0487 D7.5 (caches, "Cache maintenance instructions"), B2.4 (instruction fetch),
 * B2.16 ("Mismatched memory attributes").
 *
 * CPUs that have theirs on see the same there, since all memory is inner shareable: they are one
 * cache. Who has his off goes past it. Instruction caches are each CPU's own.
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
#define FRESH 4096 /* invalidated since it was loaded */
#define RACED 8192 /* FRESH, and then another CPU wrote it past the caches */

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

/*
 * What the instruction cache of a CPU fetches anew: all stores before @complete, and from the next
 * context synchronization on those before @effect. The others are what IC of everything will make
 * of that at a DSB: this CPU's, or everybody's.
 */
struct fetches {
	u32 own, all, complete, effect;
	bool on; /* by the stream */
};

/* Maintenance by one CPU that no DSB of it has completed. */
static struct {
	struct list data, code;
	u64 last_dc; /* 0: none */
} pending[CPUS_MOST];
static struct fetches fetches[CPUS_MOST];

/* Dirty lines that a CPU has read past the caches: seen, so they must be on their way. */
#define OWED_MOST 64
#define OWED_TIME 256 /* instructions that whoever wrote them has for that */
static struct owed {
	struct page *page;
	unsigned grain;
	place_t reader;
	u64 until; /* of @cpu's instructions */
	unsigned cpu, reading;
} owed[OWED_MOST];
static unsigned owed_count;
static u64 executed[CPUS_MOST];

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

/*
 * Another CPU wrote it, and nothing that this one has seen of that one is later: to see the old
 * bytes is as good as to have come earlier, where every look is preceded by an invalidation.
 */
static bool is_unseen(const struct page *page, unsigned grain)
{
	unsigned by = page->by[grain];

	return by != now.cpu && page->written[grain] != 0 &&
	       order()->saw[by] <= page->written[grain];
}

static bool is_race(const struct page *page, unsigned grain)
{
	return (page->state[grain] & RACED) && is_unseen(page, grain);
}

static void judge_cached(struct page *page, unsigned offset, unsigned size, const char *what)
{
	unsigned grain = offset / GRAIN;
	u16 state = page->state[grain];

	if ((state & STALE) && has_stale(page, offset, size) && is_race(page, grain))
		looked_at(RULE_C2);
	else if ((state & STALE) && has_stale(page, offset, size))
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

/* Cleaned since, though its line may be dirty again with what is beside it. */
static bool is_at_coherency(const struct page *page, unsigned grain)
{
	return page->by[grain] != now.cpu && page->written[grain] != 0 &&
	       page->reached[grain] > page->written[grain];
}

/* The same of a line that whoever wrote it has not cleaned yet. He must be about to. */
static void owe(struct page *page, unsigned grain)
{
	unsigned by = page->by[grain];

	looked_at(RULE_C5);
	for (unsigned i = 0; i < owed_count; i++)
		if (owed[i].page == page && owed[i].grain == grain)
			return;
	if (owed_count == OWED_MOST || !(page->state[grain] & OWN))
		return;
	owed[owed_count++] =
		(struct owed){ page, grain, now.place, executed[by] + OWED_TIME, by, now.cpu };
}

void cache_owed(void)
{
	place_t place = now.place;
	unsigned cpu = now.cpu;

	executed[now.cpu]++;
	for (unsigned i = 0; i < owed_count; i++) {
		if (owed[i].cpu != now.cpu || executed[now.cpu] < owed[i].until)
			continue;
		now.place = owed[i].reader;
		now.cpu = owed[i].reading;
		violation(RULE_C5, owed[i].page->pa + owed[i].grain * GRAIN,
			  owed[i].page->writer[owed[i].grain],
			  "a load past the caches of what CPU %u wrote into its cache and does not "
			  "clean: no DC CVAC within %u instructions",
			  owed[i].cpu, OWED_TIME);
		now.place = place;
		now.cpu = cpu;
		owed[i--] = owed[--owed_count];
	}
}

static void owed_clean(const struct page *page, unsigned grain)
{
	for (unsigned i = 0; i < owed_count; i++)
		if (owed[i].page == page && owed[i].grain == grain)
			owed[i--] = owed[--owed_count];
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

/* A load shows what another CPU has stored: so all it had done before is to be seen, too. */
static void see(struct page *page, unsigned grain)
{
	unsigned by = page->by[grain];

	page->state[grain] &= (u16) ~(FRESH | RACED);
	if (by != now.cpu && page->written[grain] != 0)
		order()->saw[by] = later(order()->saw[by], page->written[grain]);
}

void cache_load(u64 pa, unsigned size, struct way way)
{
	for (struct piece p = piece_first(pa, size); p.length != 0; piece_next(&p)) {
		if (way.cached) {
			judge_cached(p.page, p.offset, p.length, "a load");
			judge_share(p.page, p.offset / GRAIN, way);
		} else if (is_at_coherency(p.page, p.offset / GRAIN)) {
			looked_at(RULE_C5);
		} else if ((p.page->state[p.offset / GRAIN] & (OWN | CLEANING)) &&
			   is_unseen(p.page, p.offset / GRAIN)) {
			owe(p.page, p.offset / GRAIN);
		} else {
			judge_uncached(p.page, p.offset, way, "a load");
		}
		see(p.page, p.offset / GRAIN);
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
	if (*state & FRESH)
		*state |= RACED;
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
		p.page->by[grain] = (u8)now.cpu;
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
	else if (cleaned >= order()->dsb_full)
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
	if (fetches[now.cpu].effect != 0)
		return;
	violation(RULE_I2, page->pa + grain * GRAIN, 0,
		  "the instruction cache is on and may hold what ran at this address before "
		  "the Image: no IC, DSB and ISB since entry");
	page->state[grain] &= (u16)~LOADER;
}

/* By an IC that was for it alone, which reaches all CPUs. */
static bool is_fetched(const struct page *page, unsigned grain)
{
	return page->fetched[grain] > page->written[grain] && order()->isb > page->fetched[grain];
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
		if (!is_fetched(page, grain) && (page->cleaned[grain] < page->written[grain] ||
						 page->cleaned[grain] >= fetches[now.cpu].effect))
			judge_fetch(page, grain);
		else
			looked_at(RULE_I1);
	} else if ((state & LOADER) && fetches[now.cpu].on) {
		looked_at(RULE_I2);
		judge_loader(page, grain);
	}
}

static void clean_grain(struct page *page, unsigned grain, bool coherency)
{
	u16 *state = &page->state[grain];

	page->cleaned[grain] = now.time;
	if (!coherency || !(*state & (FOREIGN | OWN)))
		return;
	owed_clean(page, grain);
	*state &= (u16) ~(FOREIGN | OWN);
	*state |= CLEANING | CLEANED;
	list_add(&pending[now.cpu].data, page, grain);
}

/* What another store since the last barrier may come before or after. */
static bool is_unordered(const struct page *page, unsigned grain)
{
	return page->by[grain] == now.cpu && page->written[grain] > order()->barrier_full;
}

static void drop_grain(struct page *page, unsigned grain)
{
	u16 *state = &page->state[grain];

	page->cleaned[grain] = now.time;
	page->share[grain] = 0;
	*state |= DROPPED | FRESH;
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
	list_add(&pending[now.cpu].data, page, grain);
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

/* Steps that are longer than a line leave some out. */
static void judge_size(u64 pa)
{
	u64 last_dc = pending[now.cpu].last_dc;

	looked_at(RULE_C7);
	if (!cache.has_ctr)
		violation(RULE_C7, pa, 0, "a cache line's size is used that is not from CTR_EL0");
	else if (last_dc != 0 && pa > last_dc && pa - last_dc <= PAGE && pa - last_dc > cache.line)
		violation(RULE_C7, pa, 0,
			  "maintenance goes on %lu bytes after 0x%lx, and lines are %lu bytes long",
			  (unsigned long)(pa - last_dc), (unsigned long)last_dc,
			  (unsigned long)cache.line);
	pending[now.cpu].last_dc = pa;
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

void cache_ic_all(bool shared)
{
	/* Nothing was stored before the first DSB that matters. */
	u32 *issued = shared ? &fetches[now.cpu].all : &fetches[now.cpu].own;

	*issued = later(order()->dsb_full, 1);
}

void cache_ic(u64 pa)
{
	struct page *page = memory_page(pa);
	unsigned first = (unsigned)((pa & ~(cache.line - 1)) % PAGE / GRAIN);

	for (unsigned i = first; i < first + cache.line / GRAIN; i++)
		if (page->written[i] != 0 && page->cleaned[i] >= page->written[i] &&
		    page->cleaned[i] < order()->dsb_full)
			list_add(&pending[now.cpu].code, page, i);
}

static void data_complete(struct list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct page *page = list->items[i].page;
		unsigned grain = list->items[i].grain;

		if (page->written[grain] < list->items[i].time)
			page->reached[grain] = now.time;
		page->state[grain] &= (u16) ~(CLEANING | DROPPING);
	}
	list->count = 0;
}

static void code_complete(struct list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct pending *item = &list->items[i];

		if (item->page->written[item->grain] < item->time)
			item->page->fetched[item->grain] = now.time;
	}
	list->count = 0;
}

void cache_barrier(const struct insn *insn)
{
	struct fetches *own = &fetches[now.cpu];

	if (insn->barrier != BARRIER_DSB || insn->types != 3)
		return;
	data_complete(&pending[now.cpu].data);
	pending[now.cpu].last_dc = 0;
	if (cache.coherent)
		own->all = later(own->all, order()->dsb_full);
	own->complete = later(own->complete, later(own->own, own->all));
	if (insn->domain == 1) {
		if (!(now.running & ~cpu_bit()))
			code_complete(&pending[now.cpu].code);
		return;
	}
	code_complete(&pending[now.cpu].code);
	for (unsigned i = 0; i < CPUS_MOST; i++)
		fetches[i].complete = later(fetches[i].complete, own->all);
}

/* A context synchronization event: what is fetched from now on is fetched anew. */
void cache_sync(void)
{
	fetches[now.cpu].effect = fetches[now.cpu].complete;
}

void cache_instructions_on(void)
{
	fetches[now.cpu].on = true;
}

void cache_cpu(void)
{
	fetches[now.cpu] = (struct fetches){ 0 };
	pending[now.cpu].data.count = pending[now.cpu].code.count = 0;
	pending[now.cpu].last_dc = 0;
}

void cache_event(void)
{
	if (!(now.running & ~cpu_bit()))
		return;
	looked_at(RULE_M1);
	if (pending[now.cpu].data.count != 0)
		violation(
			RULE_M1, 0, 0,
			"others are woken, and no DSB has completed the cache maintenance before");
	else if (order()->stored > order()->dsb_stores)
		violation(RULE_M1, 0, 0,
			  "others are woken, and no DSB has completed the stores before");
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
