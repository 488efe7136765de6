// SPDX-License-Identifier: MIT
/*
 * The tables: an identity map to turn the MMU on in, and the kernel's map, both final.
 * Runs with the MMU off, .bss clear, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 *
 * Tables come from a pool inside the image; linker/pagoda.lds.S has the sum of what is needed.
 */
#include <pagoda/mm/check/kasan.h>
#include <pagoda/mm/pt/shared.h>
#include <pagoda/pi/early.h>

static enum mem_prot segment_prot(enum segment segment)
{
	switch (segment) {
	case SEGMENT_RODATA:
	case SEGMENT_INIT_DATA:
		return PROT_READ_ONLY;
	case SEGMENT_TEXT:
	case SEGMENT_INIT_TEXT:
		return PROT_READ_EXECUTE;
	case SEGMENT_DATA:
	case SEGMENT_COUNT:
		break;
	}
	return PROT_READ_WRITE;
}

static struct stop stop_map(const struct space *space, enum map_result result,
			    const struct map_request *request)
{
	const struct table_pool *pool = space->pool;
	u64 granule = regime_granule(&space->regime);
	u64 total = pool_total(pool, granule);

	if (result == MAP_OK)
		return stop_none();
	if (result == MAP_NO_TABLES)
		return (struct stop){ STOP_POOL, pool_used(pool, granule), total, granule };
	return (struct stop){ STOP_MAP, result, request->start.value, request->pa.value };
}

/*
 * What a range of @size bytes can be mapped with that is larger than a page, at most: 16 pages of
 * 4K in a contiguous run, and from 2 MiB on a block of theirs, 128 pages of 16K, 32 of 64K.
 */
static u64 unit_most(u64 size)
{
	return size < MIB(2) ? KIB(64) : MIB(2);
}

/* The last of the segments from @first on that can be mapped as one, the first byte at @base. */
static int segments_alike(const struct image *image, int first, u64 base)
{
	u64 start = image->segment[first].start;
	int last = first;

	while (last + 1 < SEGMENT_COUNT && segment_prot(last + 1) == segment_prot(first) &&
	       image->segment[last + 1].start == image->segment[last].end &&
	       is_aligned(base + image->segment[last].end,
			  unit_most(image->segment[last + 1].end - start)))
		last++;
	return last;
}

/*
 * Every segment of the image, its first byte at @base. A range costs as much as sixty pages, so
 * segments that are mapped alike are one; but not where a block or a contiguous run could cross
 * from one to the next, since each is unmapped alone.
 */
static struct stop map_image(struct space *space, const struct image *image, u64 base)
{
	struct map_request request = { .attr.type = MEM_NORMAL };
	enum map_result result = pt_space_create(space);
	int last;

	for (int i = 0; i < SEGMENT_COUNT && result == MAP_OK; i = last + 1) {
		last = segments_alike(image, i, base);
		request.start = vaddr(base + image->segment[i].start);
		request.end = vaddr(base + image->segment[last].end);
		request.pa = paddr_add(image->pa, image->segment[i].start);
		request.attr.prot = segment_prot(i);
		result = map_range(space, &request);
	}
	return stop_map(space, result, &request);
}

/*
 * The identity map: what is executed at its physical address with the MMU on, which is the code
 * that is kept for it, whole pages of it, and nothing else. mmu_flip() has read its argument before
 * the MMU is on, and has its next instructions from here; nobody who runs here uses memory. The
 * code is the first of a segment, so it begins where a page of any size does.
 */
static struct stop map_entry(struct space *space, const struct image *image)
{
	u64 granule = regime_granule(&space->regime);
	paddr_t start = paddr_add(image->pa, image->entry.start);
	paddr_t end = paddr_align_up(paddr_add(image->pa, image->entry.end), granule);
	struct map_request request = { .start = vaddr(start.value),
				       .end = vaddr(end.value),
				       .pa = start,
				       .attr = { PROT_READ_EXECUTE, MEM_NORMAL } };
	enum map_result result = pt_space_create(space);

	if (result == MAP_OK)
		result = map_range(space, &request);
	return stop_map(space, result, &request);
}

/*
 * From a multiple of what data is mapped with, so that the kernel can unmap it without what is
 * before. What that costs where the image is not aligned so, only 64K pages would need: there it
 * is.
 */
static struct table_pool pool_make(const struct image *image, u64 granule)
{
	paddr_t start = paddr_align_up(paddr_add(image->pa, image->pool.start), GRANULE_SIZE_MAX);
	paddr_t end = paddr_align_down(paddr_add(image->pa, image->pool.end), granule);

	if (end.value < start.value)
		end = start;
	return (struct table_pool){ .start = start, .next = start, .end = end };
}

/* All of KASAN's shadow is one page of zeroes for now, so that checked code finds some. */
static struct stop map_shadow(struct space *space, const struct layout *layout)
{
	struct layout_region region = layout->region[LAYOUT_KASAN];
	struct map_request request = { .start = region.start, .end = region.end };
	enum map_result result = pt_share(space, region.start, region.end);

	request.pa = space->root;
	kasan_offset = layout_kasan_offset(layout);
	return stop_map(space, result, &request);
}

struct stop map_kernel(struct boot_handoff *handoff, u64 phys_offset)
{
	const struct image *image = &handoff->facts.image;
	const struct boot_plan *plan = &handoff->plan;
	struct space idmap = { .regime = plan->idmap,
			       .phys_offset = phys_offset,
			       .pool = &handoff->pool };
	struct space kernel = { .regime = plan->kernel,
				.policy = plan->policy,
				.phys_offset = phys_offset,
				.pool = &handoff->pool };
	struct stop stop;

	handoff->pool = pool_make(image, regime_granule(&plan->kernel));
	stop = map_entry(&idmap, image);
	if (stop.code == STOP_NONE)
		stop = map_image(&kernel, image, plan->image_va.value);
	if (KASAN && stop.code == STOP_NONE)
		stop = map_shadow(&kernel, &plan->layout);
	handoff->idmap_root = idmap.root;
	handoff->kernel_root = kernel.root;
	handoff->ttbr0 = ttbr_encode(&idmap.regime, idmap.root);
	handoff->ttbr1 = ttbr_encode(&kernel.regime, kernel.root);
	return stop;
}
