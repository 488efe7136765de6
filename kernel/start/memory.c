// SPDX-License-Identifier: MIT
/*
 * Physical memory as the kernel takes it over.
 * Runs in the kernel, MMU on, on the boot CPU. memory_init() runs while the identity map is live,
 * and before anything of pi/ is unmapped.
 *
 * The linear map needs tables, tables need memory that is mapped, and the memory is in the linear
 * map. The identity map, which every boot has, is the way out: what is in it has its physical
 * address for a pointer. The tables that there are, and the memory for more, are mapped in it for
 * as long as the linear map is being written.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/lib/string.h>
#include <pagoda/kernel/start/memory.h>
#include <pagoda/mm/pt/change.h>

/* A reservation over the image is somebody's mistake: the image stays, and the report says so. */
static bool image_reserved(const struct memory_map *map, const struct image *image)
{
	u64 start = image->pa.value, end = start + image->size;

	for (u32 i = map->first[MEMORY_RAM + 1]; i < map->count; i++) {
		const struct memory_range *range = &map->range[i];

		if (range->start.value < end && start < range->end.value)
			return true;
	}
	return false;
}

/*
 * The list in order, cut to what is allowed and can be reached. The image runs, so there is RAM
 * under it, whatever the FDT or mem= say.
 */
static void memory_collect(struct kernel *kernel, const struct boot_handoff *handoff)
{
	const struct boot_facts *facts = &handoff->facts;
	const struct regime *regime = &handoff->plan.kernel;
	u64 limit = handoff->options.memory_limit, granule = regime_granule(regime);
	struct memory_fate *fate = &kernel->memory_fate;
	struct memory_map *map = memory_list(kernel);

	kernel->memory = map;
	fate->overlaps = memory_normalise(map, granule);
	fate->image_reserved = image_reserved(map, &facts->image);
	fate->unreachable = memory_cut(map, 0, regime_pa_end(regime));
	if (facts->usable.end != 0)
		fate->others = memory_cut(map, facts->usable.start, facts->usable.end);
	fate->limited = limit != 0 ? memory_limit(map, limit) : 0;
	memory_add_own(map, facts->image.pa.value, facts->image.size, MEMORY_RAM);
	memory_add_own(map, facts->image.pa.value, facts->image.size, MEMORY_IMAGE);
	memory_add_own(map, facts->entry.fdt, facts->fdt.tree.total_size, MEMORY_FDT);
}

static void linear_choose(struct kernel *kernel, struct boot_handoff *handoff)
{
	const struct boot_plan *plan = &handoff->plan;
	struct memory_map *map = kernel->memory;

	kernel->linear = linear_place(&plan->kernel, &plan->layout.region[LAYOUT_LINEAR], map,
				      &handoff->facts.image, handoff->seed.linear);
	secret_wipe(&handoff->seed, sizeof(handoff->seed));
	kernel->memory_fate.outside =
		memory_cut(map, kernel->linear.start.value, kernel->linear.end.value);
}

/* Memory for the tables of the linear map, where the identity map can show it. */
static struct stop tables_place(struct kernel *kernel, struct memory_range *tables)
{
	const struct regime *regime = &kernel->kernel_space.regime;
	u64 granule = regime_granule(regime), largest;
	u64 size = granule * linear_tables(regime, &kernel->linear, kernel->memory,
					   &kernel->handoff->facts.image);
	struct memory_request request = { size, granule, BIT(kernel->idmap_space.regime.va_bits) };

	if (!memory_find(kernel->memory, &request, &tables->start, &largest))
		return (struct stop){ STOP_MEMORY, size, largest, memory_total(kernel->memory) };
	tables->end = paddr_add(tables->start, size);
	memory_add_own(kernel->memory, tables->start.value, size, MEMORY_TABLES);
	return stop_none();
}

static struct stop stop_map(enum map_result result, vaddr_t va, paddr_t pa)
{
	if (result == MAP_OK)
		return stop_none();
	return (struct stop){ STOP_MAP, result, va.value, pa.value };
}

/*
 * The tables in use: those of the pool, from its front, in pieces of 64 KiB from there: the next
 * part of the image begins at one. So 4K pages can be contiguous runs, each cleared like one page.
 */
static paddr_t tables_end(const struct table_pool *pool)
{
	u64 used = paddr_diff(pool->next, pool->start);

	return paddr_add(pool->start, align_up(used, GRANULE_SIZE_MAX));
}

static struct map_request window_make(paddr_t start, paddr_t end)
{
	return (struct map_request){ .start = vaddr(start.value),
				     .end = vaddr(end.value),
				     .pa = start,
				     .attr = { PROT_READ_WRITE, MEM_NORMAL } };
}

/*
 * The linear map, its tables written through the identity map and from then on read through itself.
 * linear_tables() has counted what it can need, and the pool gives what was added to it first: of
 * the rest it is the tables in use that are read and written.
 */
static struct stop linear_build(struct kernel *kernel, const struct memory_range *tables)
{
	struct space *space = &kernel->kernel_space, *idmap = &kernel->idmap_space;
	struct map_request used = window_make(space->pool->start, tables_end(space->pool));
	struct map_request window = window_make(tables->start, tables->end);
	enum map_result result = map_range(idmap, &used);

	if (result != MAP_OK)
		return stop_map(result, used.start, used.pa);
	result = map_range(idmap, &window);
	if (result != MAP_OK)
		return stop_map(result, window.start, window.pa);
	tables_publish();
	space->phys_offset = idmap->phys_offset = 0;
	pool_add(space, tables->start, tables->end);
	result = linear_map(space, &kernel->linear, kernel->memory, &kernel->handoff->facts.image);
	tables_publish();
	space->phys_offset = idmap->phys_offset = kernel->linear.offset;
	if (result != MAP_OK)
		return stop_map(result, vaddr(kernel->linear.offset), kernel->linear.start);
	/* Tables stay in the identity map, empty; to find that out costs more than a page each. */
	result = pt_clear(idmap, used.start, used.end);
	if (result == MAP_OK)
		result = pt_clear(idmap, window.start, window.end);
	return stop_map(result, window.start, window.pa);
}

struct stop memory_init(struct kernel *kernel, struct boot_handoff *handoff)
{
	struct memory_range tables = { .kind = MEMORY_TABLES };
	struct stop stop;

	memory_collect(kernel, handoff);
	linear_choose(kernel, handoff);
	stop = tables_place(kernel, &tables);
	if (stop.code == STOP_NONE)
		stop = linear_build(kernel, &tables);
	return stop;
}

/* After the pool comes the gap below the stack, which nobody uses: of that, too, what is needed. */
enum map_result memory_close_pool(struct kernel *kernel)
{
	const struct table_pool *pool = kernel->kernel_space.pool;
	paddr_t end = paddr_align_up(pool->end, GRANULE_SIZE_MAX);
	u64 size = paddr_diff(end, pool->start);
	vaddr_t start = vaddr_add(kernel->handoff->plan.image_va,
				  paddr_diff(pool->start, kernel->handoff->facts.image.pa));
	enum map_result result = pt_clear(&kernel->kernel_space, start, vaddr_add(start, size));

	tables_publish();
	return result;
}

enum map_result memory_release_init(struct kernel *kernel)
{
	const struct image *image = &kernel->handoff->facts.image;
	u64 start = image->segment[SEGMENT_INIT_TEXT].start;
	u64 end = image->segment[SEGMENT_INIT_DATA].end;
	vaddr_t va = kernel->handoff->plan.image_va;
	paddr_t first = paddr_add(image->pa, start), last = paddr_add(image->pa, end);
	struct map_request request = { .start = linear_va(&kernel->linear, first),
				       .end = linear_va(&kernel->linear, last),
				       .pa = first,
				       .attr = { PROT_READ_WRITE, MEM_NORMAL } };
	struct space *space = &kernel->kernel_space;
	enum map_result result;

	result = pt_clear(space, vaddr_add(va, start), vaddr_add(va, end));
	if (result == MAP_OK)
		result = map_range(space, &request);
	tables_publish();
	if (result != MAP_OK)
		return result;
	memory_take_out(kernel->memory, first.value, last.value, MEMORY_IMAGE);
	return MAP_OK;
}
