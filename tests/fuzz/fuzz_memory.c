// SPDX-License-Identifier: MIT
/*
 * Any list of memory: banks, reservations, and where the Image is. The list means the same before
 * and after it is put in order; the linear map of it fits the tables that were set aside for it,
 * has every byte that it should have with the permission that it should have, and nothing else.
 * Host only.
 *
 *   input   a regime, flags, the seed, mem=, where the Image is; then ranges of eight bytes
 */
#include <pagoda/mm/layout/linear.h>

#include "fuzz.h"

#define ARENA_SIZE MIB(2) /* room for tables: what needs more is only listed */
#define IMAGE_SIZE KIB(1152)
#define IMAGE_TEXT_END KIB(128)
#define IMAGE_INIT_END KIB(256)
#define RANGES_MAX 200
#define EDGES_MAX (4 * RANGES_MAX + 2)

/* The first bytes of an input. */
struct parameters {
	uint8_t regime, flags;
	uint64_t seed;
	uint32_t limit_mib, image; /* times 64 KiB, below the end of the output size */
} __attribute__((packed));

/* One range: a number of four bits and 16, shifted left. */
struct entry {
	uint8_t kind;
	uint8_t start_shift; /* bit 7: a page less */
	uint16_t start;
	uint8_t size_shift;
	uint16_t size;
	uint8_t odd; /* added to the start */
} __attribute__((packed));

static const struct {
	uint8_t granule_shift, va_bits, pa_bits, wide;
} regimes[] = {
	{ 12, 52, 52, 1 }, { 12, 48, 48, 0 }, { 12, 39, 40, 0 }, { 14, 52, 52, 1 },
	{ 14, 47, 48, 0 }, { 14, 36, 36, 0 }, { 16, 52, 52, 1 }, { 16, 48, 52, 1 },
	{ 16, 48, 48, 0 }, { 16, 42, 44, 0 },
};

static struct {
	struct regime regime;
	u64 granule;
	struct memory_map map;
	struct memory_range range[RANGES_MAX]; /* as they were added */
	u32 ranges;
	u64 edge[EDGES_MAX]; /* every address where anything may change, in order */
	u32 edges;
	struct image image;
	struct linear linear;
} now;

static u8 arena[ARENA_SIZE] __attribute__((aligned(GRANULE_SIZE_MAX)));

/* ---- the list and what it means ---- */

static void add(u64 start, u64 size, enum memory_kind kind)
{
	u32 dropped = now.map.dropped, unprotected = now.map.unprotected;

	memory_add(&now.map, start, size, kind);
	if (size == 0 || now.ranges == RANGES_MAX || now.map.unprotected != unprotected)
		return;
	if (now.map.dropped != dropped && (kind == MEMORY_RAM || start + size >= start))
		return;
	if (start + size < start)
		size = ~start;
	now.range[now.ranges++] = (struct memory_range){ paddr(start), paddr(start + size), kind };
}

static void take_ranges(struct fuzz_input *input)
{
	static const enum memory_kind kinds[] = { MEMORY_RAM, MEMORY_RAM, MEMORY_RESERVED,
						  MEMORY_NOMAP, MEMORY_INITRD };
	struct entry entry;

	while (input->size >= sizeof(entry) && now.ranges < RANGES_MAX) {
		u64 start;

		fuzz_take(input, &entry, sizeof(entry));
		start = (u64)entry.start << (entry.start_shift & 63);
		start += entry.odd;
		if (entry.start_shift & 0x80)
			start -= KIB(4);
		add(start, (u64)entry.size << (entry.size_shift & 63),
		    kinds[entry.kind % ARRAY_SIZE(kinds)]);
	}
}

static int edge_compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void collect_edges(const struct memory_range *range, u32 count)
{
	now.edges = 0;
	for (u32 i = 0; i < count; i++) {
		const u64 ends[] = { range[i].start.value, range[i].end.value };

		for (int end = 0; end < 2; end++) {
			now.edge[now.edges++] = align_down(ends[end], now.granule);
			if (align_up(ends[end], now.granule) != 0)
				now.edge[now.edges++] = align_up(ends[end], now.granule);
		}
	}
	now.edge[now.edges++] = now.image.pa.value + IMAGE_TEXT_END;
	now.edge[now.edges++] = now.image.pa.value + IMAGE_INIT_END;
	qsort(now.edge, now.edges, sizeof(now.edge[0]), edge_compare);
}

/* Of the page at @pa: all of it is RAM, by however many ranges. */
static bool is_ram(const struct memory_range *range, u32 count, u64 pa)
{
	u64 at = pa;

	for (u32 i = 0; i < count;) {
		bool more = range[i].kind == MEMORY_RAM && range[i].start.value <= at &&
			    at < range[i].end.value;

		if (more)
			at = range[i].end.value;
		if (more && at - pa >= now.granule)
			return true;
		i = more ? 0 : i + 1;
	}
	return false;
}

/* What has the last word in the page at @pa; MEMORY_KIND_COUNT where it is not RAM. */
static enum memory_kind kind_of(const struct memory_range *range, u32 count, u64 pa)
{
	enum memory_kind kind = MEMORY_RAM;

	if (!is_ram(range, count, pa))
		return MEMORY_KIND_COUNT;
	for (u32 i = 0; i < count; i++)
		if (range[i].kind > kind && range[i].start.value < range[i].end.value &&
		    range[i].start.value <= pa + (now.granule - 1) && pa < range[i].end.value)
			kind = range[i].kind;
	return kind;
}

/* The normalised list says of every page what the first one said. */
static void check_pieces(void)
{
	struct memory_range piece = { 0 };
	u64 total = 0, from = 0;
	bool more = memory_next(&now.map, from, &piece);

	collect_edges(now.range, now.ranges);
	for (u32 i = 0; i + 1 < now.edges; i++) {
		u64 at = now.edge[i], end = now.edge[i + 1];
		enum memory_kind kind = kind_of(now.range, now.ranges, at);

		if (at == end)
			continue;
		while (more && piece.end.value <= at) {
			FUZZ_CHECK(piece.end.value > from, "no progress at %#lx", from);
			from = piece.end.value;
			more = memory_next(&now.map, from, &piece);
		}
		if (kind == MEMORY_KIND_COUNT) {
			FUZZ_CHECK(!more || piece.start.value >= end, "%#lx is no RAM", at);
			continue;
		}
		FUZZ_CHECK(more && piece.start.value <= at && end <= piece.end.value &&
				   piece.kind == kind,
			   "%#lx to %#lx should be of kind %d", at, end, kind);
		total += end - at;
	}
	FUZZ_CHECK(total == memory_total(&now.map), "%#lx bytes of RAM, not %#lx",
		   memory_total(&now.map), total);
}

/* ---- the linear map ---- */

static void append(u64 start, u64 size, enum memory_kind kind)
{
	now.map.range[now.map.count++] =
		(struct memory_range){ paddr(start), paddr(start + size), kind };
}

static void place_image(u64 pa)
{
	static const u32 edges[] = { 0,	       KIB(64),	       IMAGE_TEXT_END,
				     KIB(192), IMAGE_INIT_END, IMAGE_SIZE };

	now.image = (struct image){ .pa = paddr(pa), .size = IMAGE_SIZE };
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		now.image.segment[i].start = edges[i];
		now.image.segment[i].end = edges[i + 1];
	}
	append(pa, IMAGE_SIZE, MEMORY_RAM);
	append(pa, IMAGE_SIZE, MEMORY_IMAGE);
}

/* As kernel/start/memory.c does it. */
static void choose(const struct parameters *parameters)
{
	struct layout layout = layout_make(&now.regime, STRUCT_PAGE_SIZE);
	u64 limit = MIB(parameters->limit_mib), end = regime_pa_end(&now.regime), before;

	before = memory_total(&now.map);
	before -= memory_cut(&now.map, 0, end);
	FUZZ_CHECK(memory_total(&now.map) == before, "memory_cut() miscounts");
	if (limit != 0)
		before -= memory_limit(&now.map, limit);
	FUZZ_CHECK(memory_total(&now.map) == before, "memory_limit() miscounts");
	FUZZ_CHECK(limit == 0 || before <= limit, "%#lx bytes, with a limit", before);
	place_image(align_down(((u64)parameters->image << 16) % (end - IMAGE_SIZE), KIB(64)));
	memory_normalise(&now.map, now.granule);
	now.linear = linear_place(&now.regime, &layout.region[LAYOUT_LINEAR], &now.map, &now.image,
				  parameters->seed);
	memory_cut(&now.map, now.linear.start.value, now.linear.end.value);
	before = linear_va(&now.linear, now.linear.start).value;
	FUZZ_CHECK(before >= layout.region[LAYOUT_LINEAR].start.value &&
			   now.linear.end.value - now.linear.start.value <=
				   layout.region[LAYOUT_LINEAR].end.value - before,
		   "the linear map leaves its region");
	FUZZ_CHECK(is_ram(now.map.range, now.map.count, now.image.pa.value) &&
			   is_ram(now.map.range, now.map.count,
				  now.image.pa.value + IMAGE_SIZE - now.granule),
		   "the Image is cut off");
}

/* Where the kernel would put the tables; false where there is none, or more than we have room. */
static bool make_space(struct space *space, struct table_pool *pool)
{
	u64 tables = 1 + linear_tables(&now.regime, &now.linear, &now.map, &now.image);
	struct memory_request request = { tables * now.granule, now.granule,
					  regime_pa_end(&now.regime) };
	paddr_t place;
	u64 largest;

	FUZZ_CHECK(tables < BIT(52) / now.granule, "%lu tables", tables);
	if (!memory_find(&now.map, &request, &place, &largest)) {
		FUZZ_CHECK(largest < request.size, "%#lx bytes are there", largest);
		return false;
	}
	for (u64 pa = place.value; pa < place.value + request.size; pa += now.granule) {
		FUZZ_CHECK(kind_of(now.map.range, now.map.count, pa) == MEMORY_RAM,
			   "%#lx is in use", pa);
		if (request.size > ARENA_SIZE)
			return false;
	}
	*pool = (struct table_pool){ .start = place,
				     .next = place,
				     .end = paddr(place.value + request.size) };
	*space = (struct space){ .regime = now.regime,
				 .phys_offset = (u64)(uintptr_t)arena - place.value,
				 .pool = pool };
	return true;
}

/* Of the page at @pa: whether the linear map should have it, and writable. */
static bool should_map(u64 pa, bool *writable)
{
	enum memory_kind kind = kind_of(now.map.range, now.map.count, pa);
	u64 offset = pa - now.image.pa.value;

	*writable = kind != MEMORY_IMAGE || offset >= IMAGE_INIT_END;
	if (kind == MEMORY_IMAGE)
		return offset < IMAGE_TEXT_END || offset >= IMAGE_INIT_END;
	return kind != MEMORY_KIND_COUNT && kind != MEMORY_NOMAP;
}

/* All of [@pa, @end), which is to be mapped alike. */
static void check_stretch(const struct space *space, u64 pa, u64 end, bool writable)
{
	while (pa < end) {
		struct pt_run run = pt_next_run(space, linear_va(&now.linear, paddr(pa)),
						linear_va(&now.linear, paddr(end)));

		FUZZ_CHECK(run.kind == PTE_PAGE || run.kind == PTE_BLOCK, "%#lx is not mapped", pa);
		FUZZ_CHECK(run.info.pa.value == pa, "%#lx maps to %#lx", pa, run.info.pa.value);
		FUZZ_CHECK(run.info.write == writable && !run.info.execute && !run.info.user &&
				   run.info.uxn,
			   "%#lx has other permissions", pa);
		pa += run.end.value - run.start.value;
	}
}

static void check_map(const struct space *space)
{
	struct pt_audit audit = pt_audit_space(space);
	u64 usable = 0;
	bool writable;

	collect_edges(now.map.range, now.map.count);
	for (u32 i = 0; i + 1 < now.edges; i++) {
		if (now.edge[i] == now.edge[i + 1] || !should_map(now.edge[i], &writable))
			continue;
		check_stretch(space, now.edge[i], now.edge[i + 1], writable);
		usable += now.edge[i + 1] - now.edge[i];
	}
	FUZZ_CHECK(audit.mapped == usable, "%#lx bytes mapped of %#lx", audit.mapped, usable);
	FUZZ_CHECK(audit.writable_executable == 0, "writable and executable");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct parameters parameters;
	struct table_pool pool;
	struct space space;
	unsigned regime;

	memset(&now, 0, sizeof(now));
	fuzz_take(&input, &parameters, sizeof(parameters));
	regime = parameters.regime % ARRAY_SIZE(regimes);
	now.regime = regime_make(regimes[regime].granule_shift, regimes[regime].va_bits,
				 regimes[regime].pa_bits, regimes[regime].wide);
	now.granule = regime_granule(&now.regime);
	now.image.pa = paddr(GIB(1));
	take_ranges(&input);
	memory_normalise(&now.map, now.granule);
	check_pieces();
	if (now.map.unprotected != 0) /* nothing boots then */
		return 0;
	choose(&parameters);
	if (!make_space(&space, &pool))
		return 0;
	FUZZ_CHECK(pt_space_create(&space) == MAP_OK, "no root");
	FUZZ_CHECK(linear_map(&space, &now.linear, &now.map, &now.image) == MAP_OK,
		   "not mapped in %lu tables", pool_total(&pool, now.granule));
	FUZZ_CHECK(pool_room(&pool, now.granule) == 0, "%lu tables too many",
		   pool_room(&pool, now.granule));
	check_map(&space);
	return 0;
}
