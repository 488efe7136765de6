// SPDX-License-Identifier: MIT
/*
 * The linear map: where it goes, and what is in it.
 * Runs in the kernel with the MMU on, while the identity map still leads to its tables, and on the
 * host. May not use: absolute addresses, .bss, instructions a host compiler cannot build.
 */
#include <pagoda/mm/layout/linear.h>

/* What Linux rounds the start of RAM down to: the linear map begins where readers expect it. */
static u64 align_least(const struct regime *regime)
{
	return regime->granule_shift == GRANULE_SHIFT_64K ? MIB(512) : GIB(1);
}

static bool holds(const struct memory_map *map, u64 size)
{
	for (u32 i = 0; i < map->count && map->range[i].kind == MEMORY_RAM; i++) {
		u64 start = align_up(map->range[i].start.value, size);

		if (start >= map->range[i].start.value && start < map->range[i].end.value &&
		    map->range[i].end.value - start >= size)
			return true;
	}
	return false;
}

/*
 * The largest leaf or contiguous run that RAM has a place for. Only where virtual and physical
 * addresses are equal modulo its size can it be used.
 */
static u64 align_best(const struct regime *regime, const struct memory_map *map)
{
	for (int level = regime->root_level; level < LEVEL_PAGE; level++) {
		u64 span = regime_span(regime, level);
		u64 run = span * regime_contiguous(regime, level);

		if (!regime_leaf_level(regime, level))
			continue;
		if (run != 0 && holds(map, run))
			return run;
		if (holds(map, span))
			return span;
	}
	return 0;
}

/* One past the last byte of RAM. */
static u64 ram_end(const struct memory_map *map)
{
	u64 end = 0;

	for (u32 i = 0; i < map->count && map->range[i].kind == MEMORY_RAM; i++)
		end = map->range[i].end.value;
	return end;
}

struct linear linear_place(const struct regime *regime, const struct layout_region *window,
			   const struct memory_map *map, const struct image *image, u64 seed)
{
	u64 size = window->end.value - window->start.value;
	u64 first = map->range[0].start.value, last = ram_end(map);
	u64 image_end = image->pa.value + image->size;
	u64 align = align_least(regime), best = align_best(regime, map);
	struct linear linear;
	u64 base, places;

	if (best > align && last - align_down(first, best) <= size)
		align = best;
	base = align_down(first, align);
	if (image_end - base > size)
		base = align_up(image_end - size, align);
	places = (size - min_u64(size, last - base)) / align + 1;
	linear.random = (u64)((unsigned __int128)seed * places >> 64) * align;
	linear.offset = window->start.value + linear.random - base;
	linear.start = paddr(base);
	linear.end = paddr(base + (size - linear.random));
	return linear;
}

/* What the linear map does with a piece of the image: false where it leaves a hole. */
static bool image_piece(const struct image *image, struct linear_piece *piece)
{
	u64 offset = piece->start.value - image->pa.value;
	int segment = SEGMENT_RODATA;

	while (segment < SEGMENT_DATA && offset >= image->segment[segment].end)
		segment++;
	if (segment < SEGMENT_DATA)
		piece->end.value =
			min_u64(piece->end.value, image->pa.value + image->segment[segment].end);
	piece->prot = segment == SEGMENT_DATA ? PROT_READ_WRITE : PROT_READ_ONLY;
	return segment != SEGMENT_INIT_TEXT && segment != SEGMENT_INIT_DATA;
}

/* Where in memory somebody is who looks at all of it. */
struct tour {
	const struct memory_map *map;
	const struct image *image;
	u64 from;
	u32 bank;
};

/* The first piece of RAM at @tour that is of one kind; @mapped: it belongs to the linear map. */
static bool piece_next(struct tour *tour, struct linear_piece *piece, bool *mapped)
{
	struct memory_range range;

	if (!memory_step(tour->map, &tour->bank, tour->from, &range))
		return false;
	*piece = (struct linear_piece){ range.start, range.end, PROT_READ_WRITE };
	*mapped = range.kind != MEMORY_NOMAP;
	if (range.kind == MEMORY_IMAGE)
		*mapped = image_piece(tour->image, piece);
	return true;
}

/* The first stretch at @tour that is mapped, which then is at the stretch's end. */
static bool tour_next(struct tour *tour, struct linear_piece *piece)
{
	struct linear_piece next;
	bool mapped;

	do {
		if (!piece_next(tour, piece, &mapped))
			return false;
		tour->from = piece->end.value;
	} while (!mapped);
	while (piece_next(tour, &next, &mapped) && mapped && next.start.value == tour->from &&
	       next.prot == piece->prot) {
		piece->end = next.end;
		tour->from = next.end.value;
	}
	return true;
}

bool linear_next(const struct memory_map *map, const struct image *image, u64 from,
		 struct linear_piece *piece)
{
	struct tour tour = { .map = map, .image = image, .from = from };

	return tour_next(&tour, piece);
}

/* Of [@first, @end), by number, those tables that were not counted yet: below @next all were. */
static u64 tables_new(u64 *next, u64 first, u64 end)
{
	if (first < *next)
		first = *next;
	if (first >= end)
		return 0;
	*next = end;
	return end - first;
}

/*
 * Tables that the addresses from @start to @end take at one level, numbered by @shift: each
 * translates 2^shift bytes. Where @blocks can stand above, none for what is covered whole.
 */
static u64 piece_tables(u64 start, u64 end, unsigned shift, bool blocks, u64 *next)
{
	u64 first = start >> shift, last = ((end - 1) >> shift) + 1;
	u64 whole = align_up(start, BIT(shift)) >> shift, whole_end = end >> shift;

	if (blocks && whole < whole_end)
		return tables_new(next, first, whole) + tables_new(next, whole_end, last);
	return tables_new(next, first, last);
}

/* A block can stand at @level, wherever it fits. */
static bool blocks_fit(const struct regime *regime, int level, u64 offset)
{
	return regime_leaf_level(regime, level) && is_aligned(offset, regime_span(regime, level));
}

u64 linear_tables(const struct regime *regime, const struct linear *linear,
		  const struct memory_map *map, const struct image *image)
{
	u64 next[LEVEL_PAGE - LEVEL_MIN] = { 0 };
	struct tour tour = { .map = map, .image = image };
	struct linear_piece piece;
	u64 tables = 0;

	while (tour_next(&tour, &piece)) {
		u64 start = linear_va(linear, piece.start).value;
		u64 end = linear_va(linear, piece.end).value;

		for (int level = regime->root_level; level < LEVEL_PAGE; level++)
			tables += piece_tables(start, end, regime_shift(regime, level),
					       blocks_fit(regime, level, linear->offset),
					       &next[level - LEVEL_MIN]);
	}
	return tables;
}

enum map_result linear_map(struct space *space, const struct linear *linear,
			   const struct memory_map *map, const struct image *image)
{
	struct tour tour = { .map = map, .image = image };
	enum map_result result = MAP_OK;
	struct linear_piece piece;

	while (result == MAP_OK && tour_next(&tour, &piece)) {
		struct map_request request = { .start = linear_va(linear, piece.start),
					       .end = linear_va(linear, piece.end),
					       .pa = piece.start,
					       .attr = { piece.prot, MEM_NORMAL } };

		result = map_range(space, &request);
	}
	return result;
}
