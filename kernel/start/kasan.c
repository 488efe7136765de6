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

/* A page of shadow and all tables on the way there, twice for each piece, and a piece more. */
static u64 place_size(const struct kernel *kernel)
{
	const struct regime *regime = &kernel->kernel_space.regime;
	u64 each = (u64)regime_levels(regime), granule = regime_granule(regime), bank_pieces = 1;
	u64 image = kernel->handoff->facts.image.size >> KASAN_SHIFT;
	struct memory_range piece;
	u32 bank = 0;

	for (u64 from = 0; memory_step(kernel->memory, &bank, from, &piece); from = piece.end.value)
		bank_pieces += piece.kind == MEMORY_RAM;
	return granule * (2 * each * (bank_pieces + 1) + each + 1) + align_up(image, granule);
}

struct memory_range kasan_place(struct kernel *kernel)
{
	struct memory_range place = { .kind = MEMORY_KASAN };
	u64 granule = regime_granule(&kernel->kernel_space.regime), largest;
	struct memory_request request = { place_size(kernel), granule, ~(u64)0 };

	if (!memory_find(kernel->memory, &request, &place.start, &largest)) {
		place.start = place.end = paddr(0);
		return place;
	}
	place.end = paddr_add(place.start, request.size);
	memory_add_own(kernel->memory, place.start.value, request.size, MEMORY_KASAN);
	return place;
}

/* Memory from @place, granule by granule: tables when the pool has none, and pages. */
struct source {
	struct space *space;
	paddr_t next, end;
};

static bool granule_take(struct source *source, paddr_t *granule)
{
	if (source->next.value == source->end.value)
		return false;
	*granule = source->next;
	source->next = paddr_add(source->next, regime_granule(&source->space->regime));
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
	if (!granule_take(source, &page))
		return false;
	memset((void *)(uintptr_t)(page.value + space->phys_offset), 0, granule);
	while ((result = pt_own(space, shadow, page)) == MAP_NO_TABLES) {
		if (!granule_take(source, &table))
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

void kasan_start(struct kernel *kernel, const struct memory_range *place,
		 const struct memory_range *taken)
{
	struct space *space = &kernel->kernel_space;
	struct source source = { space, place->start, place->end };
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
