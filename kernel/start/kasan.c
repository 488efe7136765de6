// SPDX-License-Identifier: MIT
/*
 * From the shadow that the early runtime left, one page of zeroes throughout, to one of its own for
 * what there is.
 * Runs in the kernel, MMU on, on the boot CPU, before there are others. Not checked: while shadow
 * is exchanged there is none, so nothing that runs here may ask for it.
 *
 * Of RAM, shadow comes with what the page allocator takes over, piece by piece (mm/alloc/buddy.c).
 * By then other CPUs run, and what shares a table or a page of shadow with such a piece must not
 * lose it for a moment: so both ends of each piece of free RAM get theirs here.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/start/kasan.h>
#include <pagoda/lib/string.h>
#include <pagoda/mm/check/kasan.h>
#include <pagoda/mm/pt/shared.h>

/* linker/pagoda.lds.S: GCC's functions that register globals. */
extern void (*const _constructors_start[])(void), (*const _constructors_end[])(void);

/* Pages of shadow at most, the image's aside: at both ends of each piece, and of two more. */
static u64 ends_count(const struct kernel *kernel)
{
	struct memory_range piece;
	u64 pieces = 2;
	u32 bank = 0;

	for (u64 from = 0; memory_step(kernel->memory, &bank, from, &piece); from = piece.end.value)
		pieces += piece.kind == MEMORY_RAM;
	return 2 * pieces;
}

bool kasan_place(struct kernel *kernel, struct kasan_place *place)
{
	const struct regime *regime = &kernel->kernel_space.regime;
	u64 granule = regime_granule(regime), largest, pages = ends_count(kernel);
	/* All that lead to such a page, but the root; the image's are one page's and one more. */
	u64 tables = (pages + 2) * (u64)(regime_levels(regime) - 1) * granule;
	u64 image = kernel->handoff->facts.image.size >> KASAN_SHIFT;
	struct memory_request request = { .align = granule, .end = ~(u64)0 };

	pages = (pages + 1) * granule + align_up(image, granule);
	request.size = tables + pages;
	if (!memory_find(kernel->memory, &request, &place->tables, &largest))
		return false;
	place->pages = paddr_add(place->tables, tables);
	place->end = paddr_add(place->pages, pages);
	memory_add_own(kernel->memory, place->tables.value, tables, MEMORY_TABLES);
	memory_add_own(kernel->memory, place->pages.value, pages, MEMORY_SHADOW);
	return true;
}

/* What is left of a place: tables for when the pool has none, and pages. */
struct source {
	struct space *space;
	struct kasan_place left;
	paddr_t tables_end;
};

static bool granule_take(const struct space *space, paddr_t *next, paddr_t end, paddr_t *granule)
{
	if (next->value == end.value)
		return false;
	*granule = *next;
	*next = paddr_add(*next, regime_granule(&space->regime));
	return true;
}

/* @address gets shadow of its own. */
static bool back(struct source *source, u64 address)
{
	vaddr_t shadow = vaddr((uintptr_t)kasan_shadow(address));
	struct space *space = source->space;
	u64 granule = regime_granule(&space->regime);
	enum map_result result;
	paddr_t page, table;

	if (!pt_is_shared(space, shadow))
		return true;
	if (!granule_take(space, &source->left.pages, source->left.end, &page))
		return false;
	memset((void *)(uintptr_t)(page.value + space->phys_offset), 0, granule);
	while ((result = pt_own(space, shadow, page)) == MAP_NO_TABLES) {
		if (!granule_take(space, &source->left.tables, source->tables_end, &table))
			return false;
		pool_add(space, table, paddr_add(table, granule));
	}
	return result == MAP_OK;
}

static bool back_image(struct source *source, const struct kernel *kernel)
{
	u64 step = regime_granule(&source->space->regime) << KASAN_SHIFT;
	u64 start = kernel->handoff->plan.image_va.value;
	u64 end = start + kernel->handoff->facts.image.size;

	for (u64 at = start; at < end; at = align_down(at, step) + step)
		if (!back(source, at))
			return false;
	return true;
}

/* Both ends of all free RAM, and of what is left of the piece that @taken was. */
static bool back_ends(struct source *source, const struct kernel *kernel,
		      const struct memory_range *taken)
{
	struct memory_range piece;
	u32 bank = 0;

	for (u64 from = 0; memory_step(kernel->memory, &bank, from, &piece);
	     from = piece.end.value) {
		if (piece.kind != MEMORY_RAM)
			continue;
		if (piece.start.value == taken->start.value)
			piece.start = taken->end;
		if (piece.start.value == piece.end.value)
			continue;
		if (!back(source, linear_va(&kernel->linear, piece.start).value) ||
		    !back(source, linear_va(&kernel->linear, piece.end).value - 1))
			return false;
	}
	return true;
}

void kasan_start(struct kernel *kernel, const struct kasan_place *place,
		 const struct memory_range *taken)
{
	struct space *space = &kernel->kernel_space;
	struct source source = { space, *place, place->pages };
	void *page = linear_pointer(&kernel->linear, pt_shared_page(space));

	pt_shared_protect(space);
	if (!back_image(&source, kernel) || !back_ends(&source, kernel, taken))
		return;
	/* Checked code has left the marks of its frames there. */
	memset(page, 0, regime_granule(&space->regime));
	kasan_begin(pt_start(space).value);
	for (void (*const *constructor)(void) = _constructors_start;
	     constructor != _constructors_end; constructor++)
		(*constructor)();
}
