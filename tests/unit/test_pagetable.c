// SPDX-License-Identifier: MIT
/*
 * The page-table core as properties: any list of areas, mapped in any regime, must translate as
 * asked and nothing else. Host only, on fake RAM: an arena that stands for physical memory anywhere
 * below 2^52, filled with 0xAA, with poisoned guards around the table pool.
 *
 * The judge is independent: a model that lists every leaf by trying the largest first, with the
 * manual's numbers written down here again, and the reference walker in support/.
 *
 * Environment: PAGODA_SEED repeats a run; PAGODA_ITERATIONS multiplies the random cases, 1 by
 * default.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pagoda/arch/arch.h>
#include <pagoda/mm/pt/change.h>

#include "support/ref_walker.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

#define AREAS_MAX 6
#define LEAVES_MAX 20000
#define POISON 0xaa
#define POISON_WORD 0xaaaaaaaaaaaaaaaa

/* Room for tables, and a guard of 64 KiB on either side. */
#define TABLES_SIZE MIB(4)
#define GUARD_SIZE GRANULE_SIZE_MAX
#define ARENA_SIZE (GUARD_SIZE + TABLES_SIZE + GUARD_SIZE)

static u8 *arena;
static u64 run_seed;
static u64 iterations;

/* Why a property does not hold: the last failed CHECK(). */
static char why[256];

#define CHECK(condition, ...)                                    \
	do {                                                     \
		if (!(condition)) {                              \
			snprintf(why, sizeof(why), __VA_ARGS__); \
			return false;                            \
		}                                                \
	} while (0)

/* ---- The machine: nothing here has a TLB. ---- */

void tlb_invalidate(const struct space *space, const struct tlb_range *range)
{
	(void)space;
	(void)range;
}

void tables_publish(void)
{
}

/* ---- Random numbers: splitmix64. Equal seeds give equal runs. ---- */

static u64 random_state;

static u64 random_next(void)
{
	u64 z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* From 0 to @limit - 1; @limit is not 0. */
static u64 random_below(u64 limit)
{
	return random_next() % limit;
}

static bool random_one_in(unsigned n)
{
	return random_below(n) == 0;
}

/* ---- The regime, and its geometry once more, from the manual. ---- */

struct shape {
	unsigned granule, va_bits, pa_bits; /* granule: 12, 14 or 16 */
	bool wide, upper;
};

static unsigned shape_shift(const struct shape *s, int level)
{
	return s->granule + (3 - level) * (s->granule - 3);
}

static u64 shape_span(const struct shape *s, int level)
{
	return (u64)1 << shape_shift(s, level);
}

static u64 shape_granule(const struct shape *s)
{
	return (u64)1 << s->granule;
}

static int shape_root(const struct shape *s)
{
	int level = 3;

	while (shape_shift(s, level - 1) < s->va_bits)
		level--;
	return level;
}

static u64 shape_root_entries(const struct shape *s)
{
	return (u64)1 << (s->va_bits - shape_shift(s, shape_root(s)));
}

static bool shape_leaf_allowed(const struct shape *s, int level)
{
	switch (level) {
	case 0:
		return s->granule == 12 && s->wide;
	case 1:
		return s->granule == 12 || s->wide;
	case 2:
	case 3:
		return true;
	}
	return false;
}

/* The lowest-numbered level at which this regime can have a leaf. */
static int shape_top_leaf(const struct shape *s)
{
	int level = shape_root(s);

	while (!shape_leaf_allowed(s, level))
		level++;
	return level;
}

/* Descriptors of a contiguous run; 1 where there is none, or it would be larger than the space. */
static u64 shape_group(const struct shape *s, int level)
{
	u64 group = 1;

	if (level == 3)
		group = s->granule == 12 ? 16 : s->granule == 14 ? 128 : 32;
	if (level == 2)
		group = s->granule == 12 ? 16 : 32;
	return group * shape_span(s, level) <= (u64)1 << s->va_bits ? group : 1;
}

static u64 shape_start(const struct shape *s)
{
	return s->upper ? ~(u64)0 << s->va_bits : 0;
}

static u64 shape_size(const struct shape *s)
{
	return (u64)1 << s->va_bits;
}

static u64 shape_pa_end(const struct shape *s)
{
	return (u64)1 << s->pa_bits;
}

/* The address sizes that can be asked for on the command line. */
static bool shape_named(const struct shape *s)
{
	static const u8 va_bits[] = { 36, 39, 42, 47, 48, 52 };

	return memchr(va_bits, (int)s->va_bits, sizeof(va_bits)) != NULL;
}

/* All there are: every page size, 25 to 52 bits, both formats, both halves. */
#define SHAPES_MAX 512

static struct shape shapes[SHAPES_MAX];
static unsigned shape_count;

static void shapes_fill(void)
{
	for (unsigned i = 0; i < 3 * 28 * 2 * 2; i++) {
		struct shape s = { .granule = 12 + i % 3 * 2,
				   .va_bits = 25 + i / 3 % 28,
				   .wide = i / 84 % 2,
				   .upper = i / 168 };

		if (s.va_bits > 48 && !s.wide && s.granule != 16)
			continue;
		s.pa_bits = s.wide ? 52 : 48;
		shapes[shape_count++] = s;
	}
}

/* ---- A case: what to map, where, and where the tables are. ---- */

struct area {
	u64 start, size, pa;
	struct map_attr attr;
};

struct test_case {
	struct shape shape;
	struct map_policy policy;
	u64 table_pa; /* of the pool */
	unsigned count;
	struct area area[AREAS_MAX]; /* in the order of mapping */
};

static void case_print(const struct test_case *c)
{
	const struct shape *s = &c->shape;

	print_error("PAGODA_SEED=%lu\n", run_seed);
	print_error("%uK pages, va_bits %u, pa_bits %u, %s, %s half, tables at %#lx%s%s\n",
		    1u << (s->granule - 10), s->va_bits, s->pa_bits, s->wide ? "wide" : "narrow",
		    s->upper ? "upper" : "lower", c->table_pa, c->policy.guarded ? ", guarded" : "",
		    c->policy.text_writable ? ", text_writable" : "");
	for (unsigned i = 0; i < c->count; i++)
		print_error("  area %u: va %#lx size %#lx pa %#lx prot %d type %d\n", i,
			    c->area[i].start, c->area[i].size, c->area[i].pa, c->area[i].attr.prot,
			    c->area[i].attr.type);
}

/* @area translates addresses of @shape, to addresses of @shape, in whole pages. */
static bool area_valid(const struct shape *s, const struct area *area)
{
	u64 offset = area->start - shape_start(s);
	u64 granule = shape_granule(s);

	return area->size != 0 && (area->start | area->size | area->pa) % granule == 0 &&
	       offset < shape_size(s) && area->size <= shape_size(s) - offset &&
	       area->pa < shape_pa_end(s) && area->size <= shape_pa_end(s) - area->pa;
}

static bool areas_overlap(const struct area *a, const struct area *b)
{
	return a->start - b->start < b->size || b->start - a->start < a->size;
}

/* ---- The model: every leaf of a case, the largest first, and nothing clever. ---- */

struct leaf {
	u64 va, pa;
	int level;
	unsigned area;
	bool contiguous;
};

static struct model {
	struct leaf leaf[LEAVES_MAX]; /* by address */
	unsigned count;
	u64 tables; /* that hold exactly these leaves, root included */
} model;

static int model_level(const struct shape *s, u64 va, u64 pa, u64 left)
{
	int level = shape_root(s);

	while (!shape_leaf_allowed(s, level) || va % shape_span(s, level) != 0 ||
	       pa % shape_span(s, level) != 0 || left < shape_span(s, level))
		level++;
	return level;
}

static bool model_add_area(const struct test_case *c, unsigned index)
{
	const struct area *area = &c->area[index];
	u64 done = 0;

	while (done < area->size) {
		struct leaf leaf = { .va = area->start + done,
				     .pa = area->pa + done,
				     .area = index };

		if (model.count == LEAVES_MAX)
			return false;
		leaf.level = model_level(&c->shape, leaf.va, leaf.pa, area->size - done);
		model.leaf[model.count++] = leaf;
		done += shape_span(&c->shape, leaf.level);
	}
	return true;
}

static int leaf_compare(const void *a, const void *b)
{
	const struct leaf *left = a, *right = b;

	return left->va < right->va ? -1 : left->va > right->va;
}

/* Leaf @i is one of a whole aligned run of leaves that one request asked for. */
static bool model_contiguous(const struct shape *s, unsigned i)
{
	const struct leaf *leaf = &model.leaf[i];
	u64 group = shape_group(s, leaf->level);
	u64 span = shape_span(s, leaf->level);
	u64 before = leaf->va / span % group;
	const struct leaf *first, *last;

	if (group == 1 || before > i || i - before + group > model.count)
		return false;
	first = leaf - before;
	last = first + group - 1;
	return first->va == leaf->va - before * span && first->level == leaf->level &&
	       first->area == leaf->area && first->pa % (group * span) == 0 &&
	       last->va == first->va + (group - 1) * span && last->level == leaf->level &&
	       last->area == leaf->area;
}

/* One table for each distinct span of the level above that holds a leaf at @level or below. */
static u64 model_tables_at(const struct shape *s, int level)
{
	u64 tables = 0, last = 0;

	for (unsigned i = 0; i < model.count; i++) {
		u64 span = model.leaf[i].va >> shape_shift(s, level - 1);

		if (model.leaf[i].level < level || (tables != 0 && span == last))
			continue;
		tables++;
		last = span;
	}
	return tables;
}

/* False where the case is too large for a test. */
static bool model_build(const struct test_case *c)
{
	model.count = 0;
	model.tables = 1;
	for (unsigned i = 0; i < c->count; i++)
		if (!model_add_area(c, i))
			return false;
	qsort(model.leaf, model.count, sizeof(model.leaf[0]), leaf_compare);
	for (unsigned i = 0; i < model.count; i++)
		model.leaf[i].contiguous = model_contiguous(&c->shape, i);
	for (int level = shape_root(&c->shape) + 1; level <= 3; level++)
		model.tables += model_tables_at(&c->shape, level);
	return model.tables * shape_granule(&c->shape) <= TABLES_SIZE / 2;
}

/* Whether some area of @c covers @va. */
static bool case_covers(const struct test_case *c, u64 va)
{
	for (unsigned i = 0; i < c->count; i++)
		if (va - c->area[i].start < c->area[i].size)
			return true;
	return false;
}

/* ---- Random cases. ---- */

/* A few leaves of a random level at or below @top: around one contiguous run of them. */
static u64 random_fringe(const struct shape *s, int top)
{
	int level = top + (int)random_below(4 - top);
	u64 group = shape_group(s, level);

	if (random_one_in(2))
		return 0;
	return shape_span(s, level) * (random_one_in(3) ? group : random_below(2 * group + 2));
}

/* Physical addresses go wrong where a descriptor keeps their high bits elsewhere. */
static u64 random_pa(const struct shape *s, u64 va, u64 size)
{
	static const unsigned edges[] = { 32, 40, 47, 48, 49, 50, 51 };
	int level = shape_top_leaf(s) + (int)random_below(4 - shape_top_leaf(s));
	u64 align = shape_span(s, level) * (random_one_in(2) ? shape_group(s, level) : 1);
	u64 edge = (u64)1 << edges[random_below(ARRAY_SIZE(edges))];
	u64 pa;

	switch (random_below(4)) {
	case 0: /* across an edge */
		pa = edge - random_below(size);
		break;
	case 1: /* up to the last reachable address */
		pa = shape_pa_end(s) - size;
		break;
	default:
		pa = random_next() & (shape_pa_end(s) - 1);
	}
	return pa / align * align + va % align;
}

static struct area random_area(const struct test_case *c)
{
	const struct shape *s = &c->shape;
	int level = shape_top_leaf(s) + (int)random_below(4 - shape_top_leaf(s));
	u64 span = shape_span(s, level);
	u64 middle = random_below(shape_size(s) / span + 1) * span;
	struct area area;

	area.start = middle - random_fringe(s, level);
	area.size = middle - area.start + random_below(4) * span + random_fringe(s, level);
	if (random_one_in(8))
		area.size += span * shape_group(s, level);
	switch (random_below(8)) {
	case 0: /* up to the very end of the space */
		area.start = shape_size(s) - area.size;
		break;
	case 1:
		area.start = 0;
		break;
	case 2: /* right behind another area */
		if (c->count > 0)
			area.start = c->area[0].start + c->area[0].size - shape_start(s);
		break;
	}
	area.start += shape_start(s);
	area.pa = area.size == 0 ? 0 : random_pa(s, area.start, area.size);
	area.attr.prot = (enum mem_prot)random_below(3);
	area.attr.type = (enum mem_type)random_below(MEM_TYPE_COUNT);
	/* Neighbours that could make one run, if anything joined them. */
	if (c->count > 0 && random_one_in(4))
		area.attr = c->area[0].attr;
	if (c->count > 0 && area.start == c->area[0].start + c->area[0].size && random_one_in(2))
		area.pa = c->area[0].pa + c->area[0].size;
	return area;
}

static void random_areas(struct test_case *c)
{
	unsigned wanted = 1 + random_below(AREAS_MAX);

	c->count = 0;
	for (unsigned tries = 0; tries < 40 && c->count < wanted; tries++) {
		struct area area = random_area(c);
		bool good = area_valid(&c->shape, &area);

		for (unsigned i = 0; i < c->count; i++)
			good = good && !areas_overlap(&area, &c->area[i]);
		if (!good)
			continue;
		c->area[c->count++] = area;
		if (!model_build(c))
			c->count--;
	}
	/* Rare, where little can be reached: no case is empty. */
	if (c->count == 0)
		c->area[c->count++] = (struct area){ shape_start(&c->shape),
						     shape_granule(&c->shape),
						     0,
						     { PROT_READ_ONLY, MEM_NORMAL } };
}

/* Where the pool is: anywhere, across 2^48 or 2^50, or at the end of what can be reached. */
static u64 random_table_pa(const struct shape *s)
{
	u64 last = shape_pa_end(s) - TABLES_SIZE;
	u64 pa = random_below(last);

	if (random_one_in(3))
		pa = ((u64)1 << (random_one_in(2) ? 48 : 50)) - 4 * shape_granule(s);
	if (random_one_in(6) || pa > last)
		pa = last;
	return align_down(pa, shape_granule(s));
}

static struct test_case random_case(const struct shape *shape)
{
	static const unsigned narrow[] = { 32, 36, 40, 42, 44, 48 };
	struct test_case c = { .shape = *shape };

	if (random_one_in(3))
		c.shape.pa_bits = narrow[random_below(ARRAY_SIZE(narrow))];
	c.policy.guarded = random_one_in(2);
	c.policy.text_writable = random_one_in(4);
	c.table_pa = random_table_pa(&c.shape);
	random_areas(&c);
	return c;
}

/* ---- The bench: fake RAM with a pool of so many tables, and a space in it. ---- */

struct bench {
	struct table_pool pool;
	struct space space;
	struct ref_tcr tcr;
};

static u64 *bench_word(const struct bench *b, u64 pa)
{
	return (u64 *)(arena + GUARD_SIZE + (pa - b->pool.start.value));
}

/* How the reference walker sees the arena: tables handed out so far, and nothing else. */
static bool bench_read(void *context, uint64_t pa, uint64_t *word)
{
	const struct bench *b = context;

	if (pa < b->pool.start.value || pa >= b->pool.next.value)
		return false;
	*word = *bench_word(b, pa);
	return true;
}

static struct ref_result bench_walk(const struct bench *b, u64 va)
{
	struct ref_memory memory = { bench_read, (void *)(uintptr_t)b };

	return ref_walk(&b->tcr, ttbr_encode(&b->space.regime, b->space.root), &memory, va);
}

static struct ref_tcr shape_tcr(const struct shape *s)
{
	return (struct ref_tcr){
		.granule_bits = s->granule,
		.input_bits = s->va_bits,
		.output_bits = s->pa_bits,
		.sh = 3,
		.upper = s->upper,
		.ds = s->wide && s->granule != 16,
		.lpa = s->wide && s->granule == 16,
	};
}

/* A pool of exactly @tables tables between poisoned guards. No table is taken yet. */
static void bench_open(struct bench *b, const struct test_case *c, u64 tables)
{
	const struct shape *s = &c->shape;
	u64 size = tables * shape_granule(s);
	u8 *start = arena + GUARD_SIZE;

	ASAN_UNPOISON_MEMORY_REGION(arena, ARENA_SIZE);
	memset(start - shape_granule(s), POISON, size + 2 * shape_granule(s));
	*b = (struct bench){
		.pool = { .start = paddr(c->table_pa),
			  .next = paddr(c->table_pa),
			  .end = paddr(c->table_pa + size) },
		.space = {
			.regime = regime_make(s->granule, s->va_bits, s->pa_bits, s->wide),
			.policy = c->policy,
			.phys_offset = (u64)(uintptr_t)start - c->table_pa,
		},
		.tcr = shape_tcr(s),
	};
	b->space.pool = &b->pool;
	b->space.regime.whose = s->upper ? WHOSE_KERNEL : WHOSE_KERNEL_LOW;
	ASAN_POISON_MEMORY_REGION(arena, GUARD_SIZE);
	ASAN_POISON_MEMORY_REGION(start + size, ARENA_SIZE - GUARD_SIZE - size);
}

static enum map_result bench_map(struct bench *b, const struct area *area)
{
	struct map_request request = { vaddr(area->start), vaddr(area->start + area->size),
				       paddr(area->pa), area->attr };

	return map_range(&b->space, &request);
}

/* Everything of @c mapped, in a pool of @spare more tables than it needs. */
static bool bench_map_case(struct bench *b, const struct test_case *c, u64 spare)
{
	enum map_result result;

	bench_open(b, c, model.tables + spare);
	result = pt_space_create(&b->space);
	CHECK(result == MAP_OK, "pt_space_create: %s", map_result_str(result));
	for (unsigned i = 0; i < c->count; i++) {
		result = bench_map(b, &c->area[i]);
		CHECK(result == MAP_OK, "area %u: %s", i, map_result_str(result));
	}
	return true;
}

/* ---- Properties of a mapped case. ---- */

static bool policy_writes(const struct map_policy *policy, enum mem_prot prot)
{
	return prot == PROT_READ_WRITE || policy->text_writable;
}

static bool guards_hold(const struct bench *b)
{
	const u64 *start = bench_word(b, b->pool.start.value);
	const u64 *end = bench_word(b, b->pool.end.value);

	ASAN_UNPOISON_MEMORY_REGION(arena, ARENA_SIZE);
	for (u64 i = 0; i < regime_granule(&b->space.regime) / sizeof(u64); i++) {
		CHECK(*(start - 1 - i) == POISON_WORD, "wrote before the pool");
		CHECK(end[i] == POISON_WORD, "wrote behind the pool");
	}
	return true;
}

/* What both walkers say about one byte of a leaf. */
static bool byte_holds(const struct bench *b, const struct test_case *c, const struct leaf *leaf,
		       u64 offset)
{
	u64 va = leaf->va + offset;
	u64 table_attributes = leaf->level > shape_root(&c->shape) ? BIT(60) : 0; /* UXNTable */
	const struct map_attr *attr = &c->area[leaf->area].attr;
	bool executable = attr->prot == PROT_READ_EXECUTE;
	struct ref_result ref = bench_walk(b, va);
	paddr_t pa = { 0 };

	CHECK(ref.fault == REF_NO_FAULT, "%#lx: fault %d at level %d", va, ref.fault, ref.level);
	CHECK(ref.pa == leaf->pa + offset, "%#lx: pa %#lx, not %#lx", va, ref.pa,
	      leaf->pa + offset);
	CHECK(ref.level == leaf->level && ref.size == shape_span(&c->shape, leaf->level),
	      "%#lx: leaf at level %d, not %d", va, ref.level, leaf->level);
	CHECK(ref.contiguous == leaf->contiguous, "%#lx: contiguous %d", va, ref.contiguous);
	CHECK(ref.el1_write == policy_writes(&c->policy, attr->prot), "%#lx: write %d", va,
	      ref.el1_write);
	CHECK(ref.el1_execute == executable, "%#lx: execute %d", va, ref.el1_execute);
	CHECK(c->policy.text_writable || !ref.el1_write || !ref.el1_execute, "%#lx: W+X", va);
	CHECK(!ref.el0_read && !ref.el0_write && !ref.el0_execute, "%#lx: open to EL0", va);
	CHECK(ref.table_attributes == table_attributes, "%#lx: table attributes %#lx", va,
	      ref.table_attributes);
	CHECK(ref.guarded == (executable && c->policy.guarded), "%#lx: guarded %d", va,
	      ref.guarded);
	CHECK(ref.attr_index == attr->type && ref.sh == 3 && ref.global,
	      "%#lx: type %u sh %u global %d", va, ref.attr_index, ref.sh, ref.global);
	CHECK(pt_translate(&b->space, vaddr(va), &pa) && pa.value == ref.pa,
	      "%#lx: pt_translate() says %#lx, not %#lx", va, pa.value, ref.pa);
	return true;
}

static bool leaf_holds(const struct bench *b, const struct test_case *c, const struct leaf *leaf)
{
	u64 span = shape_span(&c->shape, leaf->level);
	struct pt_entry entry = pt_find(&b->space, vaddr(leaf->va));

	CHECK(entry.level == leaf->level && entry.kind == (leaf->level == 3 ? PTE_PAGE : PTE_BLOCK),
	      "%#lx: pt_find() kind %d at level %d", leaf->va, entry.kind, entry.level);
	CHECK(*bench_word(b, entry.slot.value) == entry.pte.bits, "%#lx: slot", leaf->va);
	return byte_holds(b, c, leaf, 0) && byte_holds(b, c, leaf, span - 1) &&
	       byte_holds(b, c, leaf, random_below(span));
}

static bool leaves_hold(const struct bench *b, const struct test_case *c)
{
	for (unsigned i = 0; i < model.count; i++)
		if (!leaf_holds(b, c, &model.leaf[i]))
			return false;
	return true;
}

static bool unmapped(const struct bench *b, u64 va)
{
	struct ref_result ref = bench_walk(b, va);
	paddr_t pa;

	CHECK(ref.fault == REF_TRANSLATION, "%#lx: maps to %#lx, fault %d", va, ref.pa, ref.fault);
	CHECK(!pt_translate(&b->space, vaddr(va), &pa), "%#lx: pt_translate() maps it", va);
	return true;
}

/* The page before and after each area, the ends of the space, and what lies beyond them. */
static bool edges_hold(const struct bench *b, const struct test_case *c)
{
	const struct shape *s = &c->shape;
	u64 start = shape_start(s), last = start + shape_size(s) - 1;
	u64 probe[2 * AREAS_MAX + 8];
	unsigned count = 0;

	for (unsigned i = 0; i < c->count; i++) {
		probe[count++] = c->area[i].start - 1;
		probe[count++] = c->area[i].start + c->area[i].size;
	}
	probe[count++] = start;
	probe[count++] = last;
	probe[count++] = start - 1;
	probe[count++] = last + 1;
	probe[count++] = start ^ (u64)1 << 63;
	probe[count++] = ~start - 1;
	probe[count++] = start + random_below(shape_size(s));
	probe[count++] = random_next();
	for (unsigned i = 0; i < count; i++) {
		bool inside = probe[i] - start < shape_size(s);

		CHECK(pt_contains(&b->space, vaddr(probe[i])) == inside, "pt_contains(%#lx)",
		      probe[i]);
		if (!(inside && case_covers(c, probe[i])) && !unmapped(b, probe[i]))
			return false;
	}
	return true;
}

/*
 * Every word of every table is a leaf of the model, a link to one of the tables, or zero: so with
 * all leaves in their places nothing else is mapped. What no walk can reach is still poison.
 */
static bool words_hold(const struct bench *b, const struct test_case *c, u64 leaves)
{
	const u64 *word = bench_word(b, b->pool.start.value);
	const u64 *end = word + (b->pool.next.value - b->pool.start.value) / sizeof(u64);
	const u64 *root_end = word + shape_root_entries(&c->shape);
	const u64 *second = word + shape_granule(&c->shape) / sizeof(u64);
	u64 set = 0;

	CHECK(b->space.root.value == b->pool.start.value, "the root is not the first table");
	for (; word < root_end; word++)
		set += *word != 0;
	for (; word < second; word++)
		CHECK(*word == POISON_WORD, "wrote behind the root table");
	for (; word < end; word++)
		set += *word != 0;
	CHECK(set == leaves + model.tables - 1, "%lu descriptors for %lu leaves in %lu tables", set,
	      leaves, model.tables);
	return true;
}

static bool pool_holds(const struct bench *b)
{
	u64 used = (b->pool.next.value - b->pool.start.value) / regime_granule(&b->space.regime);

	CHECK(used == model.tables, "%lu tables used, not %lu", used, model.tables);
	return true;
}

/* Two leaves look alike to the MMU: what the same descriptor bits say of both. */
static bool leaves_alike(const struct test_case *c, const struct leaf *a, const struct leaf *b)
{
	const struct map_attr *left = &c->area[a->area].attr, *right = &c->area[b->area].attr;

	return a->level == b->level && a->contiguous == b->contiguous &&
	       left->type == right->type &&
	       policy_writes(&c->policy, left->prot) == policy_writes(&c->policy, right->prot) &&
	       (left->prot == PROT_READ_EXECUTE) == (right->prot == PROT_READ_EXECUTE);
}

/* The last leaf of the run that leaf @first begins. */
static unsigned model_run_last(const struct test_case *c, unsigned first)
{
	u64 span = shape_span(&c->shape, model.leaf[first].level);
	unsigned i = first;

	while (i + 1 < model.count && model.leaf[i + 1].va == model.leaf[i].va + span &&
	       model.leaf[i + 1].pa == model.leaf[i].pa + span &&
	       leaves_alike(c, &model.leaf[i], &model.leaf[i + 1]))
		i++;
	return i;
}

static bool run_holds(const struct test_case *c, const struct pt_run *run, unsigned first,
		      unsigned last)
{
	const struct leaf *leaf = &model.leaf[first];
	const struct map_attr *attr = &c->area[leaf->area].attr;
	u64 end = model.leaf[last].va + shape_span(&c->shape, leaf->level);

	CHECK(run->start.value == leaf->va && run->end.value == end, "run %#lx-%#lx, not %#lx-%#lx",
	      run->start.value, run->end.value, leaf->va, end);
	CHECK(run->level == leaf->level && run->info.contiguous == leaf->contiguous &&
		      run->info.pa.value == leaf->pa,
	      "run at %#lx: level %d, contiguous %d, pa %#lx", leaf->va, run->level,
	      run->info.contiguous, run->info.pa.value);
	CHECK(run->info.type == attr->type && run->info.read && !run->info.user &&
		      run->info.execute == (attr->prot == PROT_READ_EXECUTE) &&
		      run->info.write == policy_writes(&c->policy, attr->prot),
	      "run at %#lx: attributes", leaf->va);
	return true;
}

/* A hole is unmapped at the level it claims, and the hole before it is at another level. */
static bool hole_holds(const struct bench *b, const struct pt_run *run, const struct pt_run *before)
{
	u64 pages = (run->end.value - run->start.value) / regime_granule(&b->space.regime);
	u64 middle = run->start.value + random_below(pages) * regime_granule(&b->space.regime);
	u64 probe[3] = { run->start.value, middle, run->end.value - 1 };

	CHECK(before == NULL || before->kind != PTE_INVALID || before->level != run->level,
	      "two holes at level %d meet at %#lx", run->level, run->start.value);
	for (int i = 0; i < 3; i++) {
		struct ref_result ref = bench_walk(b, probe[i]);

		CHECK(ref.fault == REF_TRANSLATION && ref.level == run->level,
		      "hole at %#lx, level %d: fault %d at level %d", probe[i], run->level,
		      ref.fault, ref.level);
	}
	return true;
}

/* What the audit must find, counted from the model. */
static bool audit_holds(const struct bench *b, const struct test_case *c)
{
	struct pt_audit audit = pt_audit_space(&b->space), expected = { 0 };

	for (unsigned i = 0, last; i < model.count; i = last + 1) {
		const struct leaf *leaf = &model.leaf[i];

		last = model_run_last(c, i);
		expected.runs++;
		expected.mapped += (last - i + 1) * shape_span(&c->shape, leaf->level);
		if (c->area[leaf->area].attr.prot != PROT_READ_EXECUTE || !c->policy.text_writable)
			continue;
		if (expected.writable_executable++ == 0)
			expected.first_offender = vaddr(leaf->va);
	}
	CHECK(audit.runs == expected.runs && audit.mapped == expected.mapped,
	      "audit: %lu runs, %#lx bytes, not %lu, %#lx", audit.runs, audit.mapped, expected.runs,
	      expected.mapped);
	CHECK(audit.writable_executable == expected.writable_executable &&
		      audit.first_offender.value == expected.first_offender.value,
	      "audit: %lu W+X, first %#lx, not %lu, %#lx", audit.writable_executable,
	      audit.first_offender.value, expected.writable_executable,
	      expected.first_offender.value);
	return true;
}

/* Runs cover the space once, in order; those that map are exactly the model's. */
static bool runs_hold(const struct bench *b, const struct test_case *c)
{
	u64 va = shape_start(&c->shape), end = va + shape_size(&c->shape);
	struct pt_run before;
	unsigned leaf = 0;
	bool first = true;

	CHECK(pt_start(&b->space).value == va && pt_end(&b->space).value == end, "pt_start/end");
	do {
		struct pt_run run = pt_next_run(&b->space, vaddr(va), vaddr(end));

		CHECK(run.start.value == va && run.end.value - 1 >= va &&
			      run.end.value - 1 <= end - 1,
		      "run at %#lx covers %#lx-%#lx", va, run.start.value, run.end.value);
		if (run.kind == PTE_INVALID) {
			if (!hole_holds(b, &run, first ? NULL : &before))
				return false;
		} else {
			unsigned last;

			CHECK(leaf < model.count, "a run at %#lx that nobody asked for", va);
			last = model_run_last(c, leaf);
			if (!run_holds(c, &run, leaf, last))
				return false;
			leaf = last + 1;
		}
		va = run.end.value;
		before = run;
		first = false;
	} while (va != end);
	CHECK(leaf == model.count, "runs show %u of %u leaves", leaf, model.count);
	return true;
}

static bool mapping_holds(struct bench *b, const struct test_case *c)
{
	return pool_holds(b) && leaves_hold(b, c) && edges_hold(b, c) &&
	       words_hold(b, c, model.count) && runs_hold(b, c) && audit_holds(b, c);
}

/* ---- Judging cases, and finding the smallest bad one. ---- */

typedef bool property(const struct test_case *c);

static bool case_holds(const struct test_case *c)
{
	struct bench b;

	return model_build(c) && bench_map_case(&b, c, 0) && mapping_holds(&b, c) &&
	       guards_hold(&b);
}

/* Try @smaller in place of @c; true where it fails as well. */
static bool case_replace(struct test_case *c, const struct test_case *smaller, property *holds)
{
	u64 state = random_state;
	bool fails;

	for (unsigned i = 0; i < smaller->count; i++)
		if (!area_valid(&smaller->shape, &smaller->area[i]))
			return false;
	if (smaller->count == 0 || !model_build(smaller))
		return false;
	fails = !holds(smaller);
	random_state = state;
	if (fails)
		*c = *smaller;
	return fails;
}

/* Drop areas, and halve those that stay from either end, as long as the property still fails. */
static bool case_shrink_once(struct test_case *c, property *holds)
{
	for (unsigned i = 0; i < c->count; i++) {
		u64 granule = shape_granule(&c->shape);
		u64 half = align_up(c->area[i].size / 2, granule);
		struct test_case without = *c, front = *c, back = *c, page = *c;

		without.area[i] = without.area[--without.count];
		front.area[i].size -= half;
		back.area[i].start += half;
		back.area[i].pa += half;
		back.area[i].size -= half;
		page.area[i].size -= granule;
		if (case_replace(c, &without, holds) || case_replace(c, &front, holds) ||
		    case_replace(c, &back, holds) || case_replace(c, &page, holds))
			return true;
	}
	return false;
}

static void assert_case(const struct test_case *c, property *holds)
{
	struct test_case smallest = *c;
	unsigned rounds = 0;
	u64 state = random_state;

	if (holds(c))
		return;
	print_error("%s\n", why);
	random_state = state;
	while (rounds++ < 60 && case_shrink_once(&smallest, holds))
		;
	random_state = state;
	if (!holds(&smallest))
		print_error("smallest case found: %s\n", why);
	case_print(&smallest);
	fail();
}

/* In every @step-th regime; which ones, the seed says. */
static void assert_random_cases(property *holds, unsigned step)
{
	for (unsigned i = run_seed % step; i < shape_count; i += step) {
		for (u64 n = 0; n < iterations; n++) {
			struct test_case c = random_case(&shapes[i]);

			assert_case(&c, holds);
		}
	}
}

static int setup(void **state)
{
	(void)state;
	random_state = run_seed;
	return 0;
}

static void every_byte_translates_as_asked_and_nothing_else_in_every_regime(void **state)
{
	(void)state;
	assert_random_cases(case_holds, 1);
}

/* ---- Cases by hand. ---- */

static struct test_case hand_case(const struct shape *shape, u64 offset, u64 size, u64 pa)
{
	struct test_case c = {
		.shape = *shape,
		.table_pa = 0x40000000,
		.count = 1,
	};

	c.area[0] = (struct area){
		shape_start(shape) + offset, size, pa, { PROT_READ_EXECUTE, MEM_NORMAL }
	};
	return c;
}

/*
 * At every level, a few leaves on either side of 2^@bits, in the middle of one table; once with and
 * once without whole contiguous runs.
 */
static void assert_pa_boundary(const struct shape *shape, unsigned bits)
{
	for (int level = shape_top_leaf(shape); level <= 3; level++) {
		u64 span = shape_span(shape, level);
		u64 half = span * shape_group(shape, level);
		u64 boundary = (u64)1 << bits;
		struct test_case aligned = hand_case(shape, half, 2 * half, boundary - half);
		struct test_case shifted =
			hand_case(shape, half, 2 * half + span, boundary - half - span);
		struct test_case pages = hand_case(shape, half, 7 * shape_granule(shape),
						   boundary - 3 * shape_granule(shape));

		if (area_valid(shape, &aligned.area[0]))
			assert_case(&aligned, case_holds);
		if (area_valid(shape, &shifted.area[0]))
			assert_case(&shifted, case_holds);
		if (area_valid(shape, &pages.area[0]))
			assert_case(&pages, case_holds);
	}
}

static void runs_cross_physical_2_to_the_48_50_and_51_inside_one_table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < shape_count; i++) {
		/* What matters is the level of the table, and these sizes have them all. */
		if (!shape_named(&shapes[i]))
			continue;
		for (unsigned bits = 47; bits <= 51; bits++)
			assert_pa_boundary(&shapes[i], bits);
	}
}

static bool neighbours_hold(const struct test_case *c)
{
	struct bench b;
	struct pt_run run;

	if (!model_build(c) || !bench_map_case(&b, c, 0) || !leaves_hold(&b, c))
		return false;
	run = pt_next_run(&b.space, vaddr(c->area[0].start), pt_end(&b.space));
	return run_holds(c, &run, 0, model_run_last(c, 0));
}

/* Two pages that continue each other in both address spaces, with every pair of attributes. */
static void neighbours_are_one_run_only_where_their_attributes_are_equal(void **state)
{
	(void)state;
	for (unsigned i = 0; i < shape_count; i++) {
		const struct shape *s = &shapes[i];
		u64 granule = shape_granule(s);
		struct test_case c = hand_case(s, granule, granule, 5 * granule);

		c.count = 2;
		c.area[1] = hand_case(s, 2 * granule, granule, 6 * granule).area[0];
		c.policy = (struct map_policy){ .guarded = i & 1, .text_writable = i & 2 };
		for (unsigned n = 0; shape_named(s) && n < 9 * MEM_TYPE_COUNT; n++) {
			c.area[0].attr.prot = (enum mem_prot)(n % 3);
			c.area[1].attr.prot = (enum mem_prot)(n / 3 % 3);
			c.area[1].attr.type = (enum mem_type)(n / 9);
			assert_case(&c, neighbours_hold);
		}
	}
}

/* The last page below where addresses end in a descriptor: the bit above is somebody else's. */
static void assert_carry_ends_the_run(const struct shape *s)
{
	u64 granule = shape_granule(s);
	bool lpa2 = s->wide && s->granule != 16;
	struct test_case c = hand_case(s, 0, granule, (lpa2 ? BIT(50) : BIT(48)) - granule);
	struct bench b;
	struct pt_entry first;
	struct pt_run run;

	if (!area_valid(s, &c.area[0]))
		return;
	assert_true(model_build(&c) && bench_map_case(&b, &c, 0));
	first = pt_find(&b.space, vaddr(c.area[0].start));
	*bench_word(&b, first.slot.value + sizeof(u64)) = first.pte.bits + granule;
	run = pt_next_run(&b.space, vaddr(c.area[0].start), pt_end(&b.space));
	assert_int_equal(run.end.value - run.start.value, granule);
}

static void a_carry_out_of_the_address_ends_the_run(void **state)
{
	(void)state;
	for (unsigned i = 0; i < shape_count; i++) {
		if (shape_named(&shapes[i]))
			assert_carry_ends_the_run(&shapes[i]);
	}
}

static void the_first_and_the_last_page_of_the_space_can_be_mapped(void **state)
{
	(void)state;
	for (unsigned i = 0; i < shape_count; i++) {
		const struct shape *s = &shapes[i];
		u64 granule = shape_granule(s);
		struct test_case last =
			hand_case(s, shape_size(s) - granule, granule, 0x123 * granule);
		struct test_case both = last;

		assert_case(&last, case_holds);
		both.count = 2;
		both.area[1] = both.area[0];
		both.area[1].start = shape_start(s);
		assert_case(&both, case_holds);
	}
}

/* As far as it takes few enough leaves: one request from the first byte to the last. */
static void a_whole_space_can_be_mapped_at_once(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (unsigned i = 0; i < shape_count; i++) {
		const struct shape *s = &shapes[i];
		struct test_case c = hand_case(s, 0, shape_size(s), 0);

		if (s->va_bits > s->pa_bits || !model_build(&c))
			continue;
		assert_case(&c, case_holds);
		seen++;
	}
	assert_true(seen > shape_count / 2);
}

/* ---- The pool runs out. ---- */

/* Areas before the one that failed are whole, those behind it absent, and it is cut once. */
static bool prefix_holds(const struct bench *b, const struct test_case *c, unsigned failed)
{
	bool ended = false;

	for (unsigned i = 0; i < model.count; i++) {
		const struct leaf *leaf = &model.leaf[i];
		paddr_t pa;
		bool mapped = pt_translate(&b->space, vaddr(leaf->va), &pa);

		CHECK(leaf->area >= failed || mapped, "%#lx: lost", leaf->va);
		CHECK(leaf->area <= failed || !mapped, "%#lx: mapped after a failure", leaf->va);
		CHECK(leaf->area != failed || !mapped || !ended, "%#lx: behind a gap", leaf->va);
		ended = ended || (leaf->area == failed && !mapped);
		if (mapped && !leaf_holds(b, c, leaf))
			return false;
	}
	CHECK(ended, "area %u failed and is whole", failed);
	return true;
}

static bool exhaustion_holds(const struct test_case *c, u64 tables)
{
	enum map_result result;
	unsigned failed = 0;
	struct bench b;

	bench_open(&b, c, tables);
	result = pt_space_create(&b.space);
	CHECK(result == (tables == 0 ? MAP_NO_TABLES : MAP_OK), "pt_space_create: %s",
	      map_result_str(result));
	while (result == MAP_OK && failed < c->count) {
		result = bench_map(&b, &c->area[failed]);
		failed += result == MAP_OK;
	}
	CHECK(result == MAP_NO_TABLES, "pool of %lu, not %lu: %s", tables, model.tables,
	      map_result_str(result));
	CHECK(b.pool.next.value == b.pool.end.value, "tables left over");
	return (tables == 0 || prefix_holds(&b, c, failed)) && guards_hold(&b);
}

/* Quadratic in the tables, so on the first areas of a case only: as many as need a few of them. */
static bool every_small_pool_holds(const struct test_case *c)
{
	struct test_case few = *c;

	while (few.count > 1 && model_build(&few) && (model.tables > 12 || model.count > 400))
		few.count--;
	if (!model_build(&few))
		return false;
	for (u64 tables = 0; tables < model.tables; tables++)
		if (!exhaustion_holds(&few, tables))
			return false;
	return true;
}

static void a_pool_too_small_is_an_error_and_never_an_overflow(void **state)
{
	(void)state;
	assert_random_cases(every_small_pool_holds, 2);
}

/* ---- Requests that are refused. ---- */

struct refusal {
	u64 start, end, pa;
	enum map_result result;
};

/* @start and @end are offsets into the space, and @pa is good, unless the row says otherwise. */
static unsigned refusals_list(const struct shape *s, struct refusal *r)
{
	u64 g = shape_granule(s), size = shape_size(s), pa_end = shape_pa_end(s);
	unsigned n = 0;

	r[n++] = (struct refusal){ 4 * g, 4 * g, 0, MAP_BAD_RANGE }; /* empty */
	r[n++] = (struct refusal){ 0, 0, 0, MAP_BAD_RANGE };
	r[n++] = (struct refusal){ size, size, 0, MAP_BAD_RANGE };
	r[n++] = (struct refusal){ 5 * g, 4 * g, 0, MAP_BAD_RANGE }; /* backwards */
	r[n++] = (struct refusal){ size - g, g, 0, MAP_BAD_RANGE };
	r[n++] = (struct refusal){ 4 * g + g / 2, 6 * g, 0, MAP_BAD_RANGE }; /* unaligned */
	r[n++] = (struct refusal){ 4 * g, 5 * g + 8, 0, MAP_BAD_RANGE };
	r[n++] = (struct refusal){ 4 * g, 5 * g, g / 2, MAP_BAD_RANGE };
	r[n++] = (struct refusal){ 4 * g, 5 * g, 1, MAP_BAD_RANGE };
	r[n++] = (struct refusal){ -g, g, 0, MAP_BAD_RANGE }; /* begins before the space */
	r[n++] = (struct refusal){ -g, 0, 0, MAP_BAD_RANGE };
	r[n++] = (struct refusal){ size - g, size + g, 0, MAP_BAD_RANGE }; /* ends behind it */
	r[n++] = (struct refusal){ size, size + g, 0, MAP_BAD_RANGE };
	r[n++] = (struct refusal){ (u64)1 << 63, ((u64)1 << 63) + g, 0, MAP_BAD_RANGE };
	r[n++] = (struct refusal){ 0, g, pa_end, MAP_UNREACHABLE };
	r[n++] = (struct refusal){ 0, 2 * g, pa_end - g, MAP_UNREACHABLE };
	r[n++] = (struct refusal){ 0, size, pa_end - size / 2, MAP_UNREACHABLE };
	r[n++] = (struct refusal){ 0, g, -g, MAP_UNREACHABLE };
	return n;
}

static void assert_refusals(const struct shape *s)
{
	struct test_case c = hand_case(s, 0, shape_granule(s), 0);
	struct refusal refusal[32];
	unsigned count = refusals_list(s, refusal);
	struct bench b;

	assert_true(model_build(&c));
	bench_open(&b, &c, model.tables);
	assert_int_equal(pt_space_create(&b.space), MAP_OK);
	for (unsigned i = 0; i < count; i++) {
		const struct refusal *r = &refusal[i];
		struct area area = { shape_start(s) + r->start,
				     r->end - r->start,
				     r->pa,
				     { PROT_READ_ONLY, MEM_NORMAL } };
		enum map_result result = bench_map(&b, &area);

		if (result != r->result) {
			c.area[0] = area;
			case_print(&c);
		}
		assert_int_equal(result, r->result);
		if (r->result == MAP_BAD_RANGE && r->pa == 0)
			assert_int_equal(pt_clear(&b.space, vaddr(area.start),
						  vaddr(area.start + area.size)),
					 MAP_BAD_RANGE);
	}
	/* None of them took a table or left a descriptor. */
	assert_int_equal(b.pool.next.value - b.pool.start.value, shape_granule(s));
	for (u64 i = 0; i < shape_root_entries(s); i++)
		assert_int_equal(bench_word(&b, b.space.root.value)[i], 0);
}

static void bad_requests_are_refused_and_change_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < shape_count; i++) {
		struct shape s = shapes[i];

		assert_refusals(&s);
		s.pa_bits = 40;
		assert_refusals(&s);
	}
}

static void the_last_reachable_page_can_be_mapped(void **state)
{
	(void)state;
	for (unsigned i = 0; i < shape_count; i++) {
		const struct shape *s = &shapes[i];
		u64 granule = shape_granule(s);
		struct test_case c = hand_case(s, granule, granule, shape_pa_end(s) - granule);

		assert_case(&c, case_holds);
	}
}

/* ---- Conflicts. ---- */

/* A request over what is there is refused, whichever of the two is larger; what is there stays. */
static bool conflict_holds(const struct test_case *c)
{
	const struct leaf *leaf;
	struct bench b;
	int level;

	if (!model_build(c) || !bench_map_case(&b, c, 8))
		return false;
	leaf = &model.leaf[random_below(model.count)];
	level = shape_top_leaf(&c->shape) + (int)random_below(4 - shape_top_leaf(&c->shape));
	for (unsigned i = 0; i < 2; i++) {
		u64 span = shape_span(&c->shape, level);
		u64 inside = random_below(shape_span(&c->shape, leaf->level));
		/* First of the leaf's own or a smaller size, somewhere in it; then any. */
		struct area area = { .start = align_down(leaf->va + inside, span), .size = span };
		enum map_result result;

		area.pa = random_one_in(2) ? 0 : shape_granule(&c->shape);
		if (!area_valid(&c->shape, &area) || span / shape_granule(&c->shape) > 10000)
			area = (struct area){ align_down(leaf->va + inside,
							 shape_granule(&c->shape)),
					      shape_granule(&c->shape), 0, area.attr };
		result = bench_map(&b, &area);
		/* In the way of many pages there may be too few tables before the conflict. */
		CHECK(result == MAP_CONFLICT || (result == MAP_NO_TABLES && area.size > 10000),
		      "%#lx+%#lx over %#lx: %s", area.start, area.size, leaf->va,
		      map_result_str(result));
		if (!leaves_hold(&b, c))
			return false;
		level = 3;
	}
	return guards_hold(&b);
}

static void a_conflict_leaves_what_is_mapped_as_it_is(void **state)
{
	(void)state;
	assert_random_cases(conflict_holds, 2);
}

/* A block where a table stands, a page where a block stands, a page where a page stands. */
static void conflicts_are_found_at_every_pair_of_levels(void **state)
{
	(void)state;
	for (unsigned i = 0; i < shape_count; i++) {
		const struct shape *s = &shapes[i];
		int top = shape_top_leaf(s);

		for (int n = 0; n < 16; n++) {
			int there = top + n / 4 % (4 - top), asked = top + n % 4 % (4 - top);
			struct test_case c = hand_case(s, 0, shape_span(s, there), 0);
			struct bench b;
			u64 used;

			assert_true(model_build(&c));
			assert_true(bench_map_case(&b, &c, 4));
			used = b.pool.next.value;
			c.area[0].size = shape_span(s, asked);
			assert_int_equal(bench_map(&b, &c.area[0]), MAP_CONFLICT);
			assert_int_equal(b.pool.next.value, used);
			c.area[0].size = shape_span(s, there);
			assert_true(leaves_hold(&b, &c) && words_hold(&b, &c, model.count));
		}
	}
}

/* ---- Unmapping. ---- */

/* The bytes that must go together with leaf @i, and where they begin. */
static u64 unit_size(const struct shape *s, unsigned i)
{
	int level = model.leaf[i].level;

	return shape_span(s, level) * (model.leaf[i].contiguous ? shape_group(s, level) : 1);
}

static u64 unit_start(const struct shape *s, unsigned i)
{
	return align_down(model.leaf[i].va, unit_size(s, i));
}

/* A copy of all tables, to see that nothing changed. */
static u8 tables_before[TABLES_SIZE];

static u64 tables_size(const struct bench *b)
{
	return b->pool.next.value - b->pool.start.value;
}

/* A change that would, by this process's own addresses, break the mapping of the tables. */
static bool holds_arena(u64 start, u64 size)
{
	u64 first = (uintptr_t)arena;

	return first - start < size || start - first < ARENA_SIZE;
}

static bool refused(struct bench *b, u64 start, u64 end, enum map_result expected)
{
	enum map_result result;

	if (holds_arena(start, end - start))
		return true;
	memcpy(tables_before, arena + GUARD_SIZE, tables_size(b));
	result = pt_clear(&b->space, vaddr(start), vaddr(end));
	CHECK(result == expected, "unmap %#lx-%#lx: %s, not %s", start, end, map_result_str(result),
	      map_result_str(expected));
	CHECK(memcmp(tables_before, arena + GUARD_SIZE, tables_size(b)) == 0,
	      "unmap %#lx-%#lx failed and changed something", start, end);
	return true;
}

/* Leaves @first to @last unmapped, alone; then mapped again, in the same tables. */
static bool unmap_and_back(struct bench *b, const struct test_case *c, unsigned first,
			   unsigned last)
{
	const struct leaf *leaf = &model.leaf[first];
	struct area area = { .start = leaf->va, .pa = leaf->pa, .attr = c->area[leaf->area].attr };
	enum map_result result;

	area.size = model.leaf[last].va - leaf->va + shape_span(&c->shape, model.leaf[last].level);
	if (holds_arena(area.start, area.size))
		return true;
	result = pt_clear(&b->space, vaddr(area.start), vaddr(area.start + area.size));
	CHECK(result == MAP_OK, "unmap %#lx+%#lx: %s", area.start, area.size,
	      map_result_str(result));
	if (!words_hold(b, c, model.count - (last - first + 1)) || !unmapped(b, area.start) ||
	    !unmapped(b, area.start + area.size - 1) ||
	    !unmapped(b, area.start + random_below(area.size)))
		return false;
	for (unsigned i = 0; i < model.count; i++)
		if ((i < first || i > last) && !leaf_holds(b, c, &model.leaf[i]))
			return false;
	if (!refused(b, area.start, area.start + area.size, MAP_NOT_MAPPED))
		return false;
	result = bench_map(b, &area);
	CHECK(result == MAP_OK, "map %#lx+%#lx again: %s", area.start, area.size,
	      map_result_str(result));
	return mapping_holds(b, c);
}

/* Ranges that begin, or end, inside the unit of leaf @i, up to its own ends and to its area's. */
static bool cuts_refused(struct bench *b, const struct test_case *c, unsigned i)
{
	const struct area *area = &c->area[model.leaf[i].area];
	u64 start = unit_start(&c->shape, i), size = unit_size(&c->shape, i);
	u64 granule = shape_granule(&c->shape), cut;

	if (size == granule)
		return true;
	cut = start + granule * (1 + random_below(size / granule - 1));
	return refused(b, cut, start + size, MAP_SPLIT) && refused(b, start, cut, MAP_SPLIT) &&
	       refused(b, cut, area->start + area->size, MAP_SPLIT) &&
	       refused(b, area->start, cut, MAP_SPLIT) &&
	       refused(b, start, start + granule, MAP_SPLIT) &&
	       refused(b, start + granule, area->start + area->size, MAP_SPLIT) &&
	       refused(b, start + size - granule, area->start + area->size, MAP_SPLIT);
}

/* Ranges that hold all of an area and one page of nothing. */
static bool holes_refused(struct bench *b, const struct test_case *c, const struct area *area)
{
	u64 start = shape_start(&c->shape), granule = shape_granule(&c->shape);
	u64 end = area->start + area->size;

	if (area->start != start && !case_covers(c, area->start - 1) &&
	    !refused(b, area->start - granule, end, MAP_NOT_MAPPED))
		return false;
	if (end != start + shape_size(&c->shape) && !case_covers(c, end) &&
	    !refused(b, area->start, end + granule, MAP_NOT_MAPPED))
		return false;
	return true;
}

static bool unmap_holds(const struct test_case *c)
{
	unsigned first, last, pick;
	struct bench b;

	if (!model_build(c) || !bench_map_case(&b, c, 0))
		return false;
	pick = random_below(model.count);
	if (!cuts_refused(&b, c, pick) || !holes_refused(&b, c, &c->area[model.leaf[pick].area]))
		return false;
	/* From the unit that begins at or before the pick to the end of some unit behind it. */
	first = pick;
	while (model.leaf[first].va != unit_start(&c->shape, first))
		first--;
	last = pick + random_below(model.count - pick);
	while (model.leaf[last].area != model.leaf[pick].area)
		last--;
	while (model.leaf[last].va + shape_span(&c->shape, model.leaf[last].level) !=
	       unit_start(&c->shape, last) + unit_size(&c->shape, last))
		last++;
	return unmap_and_back(&b, c, first, last) && guards_hold(&b);
}

static void unmapping_takes_whole_leaves_and_runs_and_nothing_else(void **state)
{
	(void)state;
	assert_random_cases(unmap_holds, 2);
}

/* One area per level, back to back, unmapped in one call: the walk changes tables and levels. */
static void unmapping_crosses_tables_and_levels(void **state)
{
	(void)state;
	for (unsigned i = 0; i < shape_count; i++) {
		const struct shape *s = &shapes[i];
		u64 span = shape_span(s, shape_top_leaf(s)), granule = shape_granule(s);
		struct test_case c = hand_case(s, shape_size(s) - span - granule, span + granule,
					       span - granule);
		struct bench b;

		if (span == shape_size(s) || !model_build(&c))
			continue;
		assert_true(bench_map_case(&b, &c, 0));
		assert_true(unmap_and_back(&b, &c, 0, model.count - 1));
		assert_true(guards_hold(&b));
	}
}

/* Freeing a table needs break before make, and the pool takes none back. */
static void an_emptied_table_stays_and_takes_no_block_in_its_place(void **state)
{
	(void)state;
	for (unsigned i = 0; i < shape_count; i++) {
		const struct shape *s = &shapes[i];
		u64 granule = shape_granule(s), span = shape_span(s, 2);
		struct test_case c = hand_case(s, 0, granule, granule);
		struct area block = { shape_start(s), span, 0, c.area[0].attr };
		struct bench b;

		if (shape_root(s) > 2)
			continue;
		assert_true(model_build(&c));
		assert_true(bench_map_case(&b, &c, 0));
		assert_int_equal(
			pt_clear(&b.space, vaddr(shape_start(s)), vaddr(shape_start(s) + granule)),
			MAP_OK);
		assert_int_equal(bench_map(&b, &block), MAP_CONFLICT);
		assert_true(words_hold(&b, &c, 0));
		assert_int_equal(bench_map(&b, &c.area[0]), MAP_OK);
		assert_true(mapping_holds(&b, &c));
	}
}

/* ---- Runs against a listing page by page. ---- */

/* What makes a page go on with the run before it: nothing that the core computes. */
struct page_key {
	int level;
	bool mapped;
	u64 pa_minus_va, flags;
};

static struct page_key page_key(const struct bench *b, u64 va)
{
	struct ref_result ref = bench_walk(b, va);
	struct page_key key = { .level = ref.level, .mapped = ref.fault == REF_NO_FAULT };

	if (!key.mapped)
		return key;
	key.pa_minus_va = ref.pa - va;
	key.flags = ref.contiguous | ref.el1_write << 1 | ref.el1_execute << 2 | ref.guarded << 3 |
		    ref.attr_index << 4;
	return key;
}

static bool page_key_equal(const struct page_key *a, const struct page_key *b)
{
	return a->level == b->level && a->mapped == b->mapped && a->pa_minus_va == b->pa_minus_va &&
	       a->flags == b->flags;
}

/* Runs of [start, end) equal what comparing page with page gives. */
static bool listing_holds(const struct bench *b, u64 start, u64 end)
{
	u64 granule = regime_granule(&b->space.regime), va = start;

	while (va != end) {
		struct pt_run run = pt_next_run(&b->space, vaddr(va), vaddr(end));
		struct page_key first = page_key(b, va), next = first;
		u64 stop = va + granule;

		while (stop != end && (next = page_key(b, stop), page_key_equal(&first, &next)))
			stop += granule;
		CHECK(run.start.value == va && run.end.value == stop,
		      "%#lx-%#lx: run %#lx-%#lx, pages %#lx-%#lx", start, end, run.start.value,
		      run.end.value, va, stop);
		CHECK(run.level == first.level && (run.kind != PTE_INVALID) == first.mapped,
		      "run at %#lx: level %d, kind %d", va, run.level, run.kind);
		CHECK(!first.mapped || run.info.pa.value == va + first.pa_minus_va,
		      "run at %#lx: pa %#lx", va, run.info.pa.value);
		va = stop;
	}
	return true;
}

static bool listings_hold(const struct test_case *c)
{
	u64 start = shape_start(&c->shape),
	    pages = shape_size(&c->shape) / shape_granule(&c->shape);
	struct bench b;

	if (!model_build(c) || !bench_map_case(&b, c, 0) ||
	    !listing_holds(&b, start, start + shape_size(&c->shape)))
		return false;
	for (int i = 0; i < 10; i++) {
		u64 from = random_below(pages), count = 1 + random_below(pages - from);

		if (random_one_in(2))
			count = 1 + random_below(count < 600 ? count : 600);
		from = start + from * shape_granule(&c->shape);
		if (!listing_holds(&b, from, from + count * shape_granule(&c->shape)))
			return false;
	}
	return true;
}

/* In spaces small enough to list all pages: two or three levels for each page size. */
static void runs_agree_with_a_listing_page_by_page(void **state)
{
	static const unsigned va_bits[][2] = { { 12, 25 }, { 12, 28 }, { 12, 32 }, { 14, 25 },
					       { 14, 29 }, { 14, 31 }, { 16, 29 }, { 16, 31 } };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(va_bits) * 4; i++) {
		struct shape s = { .granule = va_bits[i / 4][0],
				   .va_bits = va_bits[i / 4][1],
				   .wide = i & 1,
				   .upper = i & 2 };

		/* 32 bits are a million pages: once is enough. */
		if (s.va_bits == 32 && i % 4 != 3)
			continue;
		s.pa_bits = s.wide ? 52 : 48;
		for (u64 n = 0; n < iterations; n++) {
			struct test_case c = random_case(&s);

			assert_case(&c, listings_hold);
		}
	}
}

/* ---- Descriptors that Pagoda does not write, but must read. ---- */

/* Flip bits of the descriptor at @level on the way to @va. */
static void descriptor_edit(const struct bench *b, u64 va, int level, u64 flip)
{
	*bench_word(b, pt_descend(&b->space, vaddr(va), level).slot.value) ^= flip;
}

static void reserved_descriptors_map_nothing_and_are_not_overwritten(void **state)
{
	(void)state;
	for (unsigned i = 0; i < shape_count; i++) {
		const struct shape *s = &shapes[i];
		u64 va = shape_start(s) + shape_size(s) - shape_granule(s);
		struct test_case c = hand_case(s, va - shape_start(s), shape_granule(s), 0);
		struct pt_run run;
		struct bench b;

		assert_true(model_build(&c));
		assert_true(bench_map_case(&b, &c, 4));
		for (int level = 3; level >= shape_root(s); level--) {
			if (level < 3 && shape_leaf_allowed(s, level))
				continue;
			descriptor_edit(&b, va, level, BIT(1));
			assert_int_equal(pt_find(&b.space, vaddr(va)).kind, PTE_RESERVED);
			assert_int_equal(pt_find(&b.space, vaddr(va)).level, level);
			assert_true(unmapped(&b, va));
			assert_int_equal(bench_walk(&b, va).level, level);
			assert_true(refused(&b, va, va + shape_granule(s), MAP_NOT_MAPPED));
			assert_int_equal(bench_map(&b, &c.area[0]), MAP_CONFLICT);
			run = pt_next_run(&b.space, vaddr(va), pt_end(&b.space));
			assert_int_equal(run.kind, PTE_RESERVED);
			assert_int_equal(pt_audit_space(&b.space).runs, 0);
			descriptor_edit(&b, va, level, BIT(1));
		}
		assert_true(mapping_holds(&b, &c));
	}
}

/* APTable, PXNTable and UXNTable at any level above a leaf count as if the leaf had them. */
static void what_tables_forbid_shows_in_runs_and_in_the_audit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < shape_count; i++) {
		const struct shape *s = &shapes[i];
		u64 va = shape_start(s);
		struct test_case c = hand_case(s, 0, shape_granule(s), 0);
		struct bench b;

		c.policy.text_writable = true;
		assert_true(model_build(&c));
		assert_true(bench_map_case(&b, &c, 0));
		assert_int_equal(pt_audit_space(&b.space).writable_executable, 1);
		assert_int_equal(pt_audit_space(&b.space).first_offender.value, va);
		for (int level = shape_root(s); level < 3; level++) {
			for (unsigned bit = 59; bit <= 62; bit++) {
				struct ref_result ref;
				struct pt_run run;

				descriptor_edit(&b, va, level, BIT(bit));
				ref = bench_walk(&b, va);
				run = pt_next_run(&b.space, vaddr(va), pt_end(&b.space));
				assert_int_equal(run.info.write, ref.el1_write);
				assert_int_equal(run.info.execute, ref.el1_execute);
				assert_int_equal(run.info.user, ref.el0_read);
				assert_int_equal(run.info.uxn, !ref.el0_execute);
				assert_int_equal(pt_audit_space(&b.space).writable_executable,
						 bit == 60 || bit == 61);
				descriptor_edit(&b, va, level, BIT(bit));
			}
		}
	}
}

/* The same leaves under two tables, of which one forbids more, are two runs. */
static void a_run_ends_where_the_tables_above_it_differ(void **state)
{
	(void)state;
	for (unsigned i = 0; i < shape_count; i++) {
		const struct shape *s = &shapes[i];
		u64 table = shape_span(s, 2), granule = shape_granule(s);
		struct test_case c = hand_case(s, table - granule, 2 * granule, granule);
		struct bench b;
		struct pt_run run;

		if (2 * table > shape_size(s))
			continue;
		assert_true(model_build(&c));
		assert_true(bench_map_case(&b, &c, 0));
		run = pt_next_run(&b.space, vaddr(c.area[0].start), pt_end(&b.space));
		assert_int_equal(run.end.value, c.area[0].start + 2 * granule);
		descriptor_edit(&b, c.area[0].start, 2, BIT(59));
		run = pt_next_run(&b.space, vaddr(c.area[0].start), pt_end(&b.space));
		assert_int_equal(run.end.value, c.area[0].start + granule);
		assert_false(run.info.execute);
	}
}

static void every_result_has_words_of_its_own(void **state)
{
	(void)state;
	for (int a = MAP_OK; a <= MAP_SPLIT; a++) {
		assert_string_not_equal(map_result_str((enum map_result)a), "unknown result");
		for (int b = MAP_OK; b < a; b++)
			assert_string_not_equal(map_result_str((enum map_result)a),
						map_result_str((enum map_result)b));
	}
}

static u64 environment_number(const char *name, u64 otherwise)
{
	const char *text = getenv(name);

	return text != NULL && *text != '\0' ? strtoull(text, NULL, 0) : otherwise;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			every_byte_translates_as_asked_and_nothing_else_in_every_regime, setup),
		cmocka_unit_test_setup(runs_cross_physical_2_to_the_48_50_and_51_inside_one_table,
				       setup),
		cmocka_unit_test_setup(neighbours_are_one_run_only_where_their_attributes_are_equal,
				       setup),
		cmocka_unit_test_setup(a_carry_out_of_the_address_ends_the_run, setup),
		cmocka_unit_test_setup(the_first_and_the_last_page_of_the_space_can_be_mapped,
				       setup),
		cmocka_unit_test_setup(a_whole_space_can_be_mapped_at_once, setup),
		cmocka_unit_test_setup(a_pool_too_small_is_an_error_and_never_an_overflow, setup),
		cmocka_unit_test_setup(bad_requests_are_refused_and_change_nothing, setup),
		cmocka_unit_test_setup(the_last_reachable_page_can_be_mapped, setup),
		cmocka_unit_test_setup(a_conflict_leaves_what_is_mapped_as_it_is, setup),
		cmocka_unit_test_setup(conflicts_are_found_at_every_pair_of_levels, setup),
		cmocka_unit_test_setup(unmapping_takes_whole_leaves_and_runs_and_nothing_else,
				       setup),
		cmocka_unit_test_setup(unmapping_crosses_tables_and_levels, setup),
		cmocka_unit_test_setup(an_emptied_table_stays_and_takes_no_block_in_its_place,
				       setup),
		cmocka_unit_test_setup(runs_agree_with_a_listing_page_by_page, setup),
		cmocka_unit_test_setup(reserved_descriptors_map_nothing_and_are_not_overwritten,
				       setup),
		cmocka_unit_test_setup(what_tables_forbid_shows_in_runs_and_in_the_audit, setup),
		cmocka_unit_test_setup(a_run_ends_where_the_tables_above_it_differ, setup),
		cmocka_unit_test_setup(every_result_has_words_of_its_own, setup),
	};

	shapes_fill();
	run_seed = environment_number("PAGODA_SEED", (u64)time(NULL));
	iterations = environment_number("PAGODA_ITERATIONS", 1);
	arena = aligned_alloc(GRANULE_SIZE_MAX, ARENA_SIZE);
	assert_non_null(arena);
	print_message("PAGODA_SEED=%lu\n", run_seed);
	return cmocka_run_group_tests_name("pagetable", tests, NULL, NULL);
}
