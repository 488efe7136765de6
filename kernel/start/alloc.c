// SPDX-License-Identifier: MIT
/*
 * Memory for the kernel's use, once the linear map stands: page allocator, heap, vmalloc, and the
 * window for PCI's ports.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/start/alloc.h>
#include <pagoda/kernel/start/kasan.h>
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/cpu/shadow.h>

/*
 * The allocators' own state, most of it room for the list of ranges: from the first free RAM that
 * holds it, since .bss is cleared with the MMU off, at every boot.
 */
static bool state_place(struct kernel *kernel, struct memory_range *state)
{
	u64 granule = regime_granule(&kernel->kernel_space.regime);
	u64 size = align_up(sizeof(struct alloc), granule), largest;
	struct memory_request request = { size, granule, ~(u64)0 };

	if (!memory_find(kernel->memory, &request, &state->start, &largest))
		return false;
	state->end = paddr_add(state->start, size);
	kernel->alloc = linear_pointer(&kernel->linear, state->start);
	return true;
}

/* All RAM that nothing lies in, but for @state. What does not fit the list is not used. */
static void ranges_add(struct alloc *alloc, const struct memory_map *map,
		       const struct memory_range *state)
{
	struct memory_range piece;
	u32 bank = 0;

	for (u64 from = 0; memory_step(map, &bank, from, &piece); from = piece.end.value) {
		if (piece.kind != MEMORY_RAM)
			continue;
		if (piece.start.value == state->start.value)
			piece.start = state->end;
		alloc->ranges_refused += buddy_add(&alloc->buddy, piece.start, piece.end) !=
					 BUDDY_OK;
	}
}

static void pages_init(struct kernel *kernel, const struct memory_range *state)
{
	const struct layout *layout = &kernel->handoff->plan.layout;
	struct table_pool *pool = kernel->kernel_space.pool;
	u64 granule = regime_granule(&kernel->kernel_space.regime);
	struct alloc *alloc = kernel->alloc;
	struct vmemmap vmemmap = vmemmap_make(&kernel->kernel_space, layout, STRUCT_PAGE_SIZE,
					      kernel->linear.offset);

	buddy_init(&alloc->buddy, &vmemmap, kernel->linear.offset, alloc->ranges, ALLOC_RANGES_MAX);
	if (pool_total(pool, granule) <= ALLOC_EARLY_MAX)
		pool_count_early(pool, alloc->early_counts);
	alloc->ranges_refused = 0;
	ranges_add(alloc, kernel->memory, state);
	heap_init(&alloc->heap, &alloc->buddy);
}

static void areas_init(struct kernel *kernel)
{
	const struct boot_plan *plan = &kernel->handoff->plan;
	const struct image *image = &kernel->handoff->facts.image;
	struct vmalloc *vmalloc = &kernel->alloc->vmalloc;

	vmalloc->space = &kernel->kernel_space;
	vmalloc->heap = &kernel->alloc->heap;
	vmalloc->memory = kernel->memory;
	vmalloc_init(vmalloc, plan->layout.region[LAYOUT_VMALLOC], plan->image_va, image->pa,
		     image->size);
}

static enum pci_result pci_init(struct kernel *kernel)
{
	const struct pci_io *io = &kernel->handoff->facts.pci_io;
	enum pci_result result;

	if (!io->found)
		return PCI_NO_BRIDGE;
	result = pci_io_map(&kernel->kernel_space, &kernel->handoff->plan.layout, kernel->memory,
			    io);
	tables_publish();
	return result;
}

void alloc_init(struct kernel *kernel)
{
	struct memory_range state;
	struct kasan_place shadow;
	bool checks = KASAN && kasan_place(kernel, &shadow);

	if (!state_place(kernel, &state))
		return;
	if (checks)
		kasan_start(kernel, &shadow, &state);
	pages_init(kernel, &state);
	areas_init(kernel);
	kernel->pci_result = pci_init(kernel);
	if (handoff_return_addresses(kernel->handoff) == RETURN_SHADOW)
		kernel->shadow_result = shadow_init(&kernel->alloc->vmalloc);
}
