// SPDX-License-Identifier: MIT
/*
 * Windows in the fixmap.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/dev/window.h>
#include <pagoda/mm/pt/change.h>

enum map_result window_open(const struct kernel *kernel, vaddr_t slot, struct window *window)
{
	struct space space = kernel->kernel_space;
	u64 granule = regime_granule(&space.regime), offset = window->pa.value % granule;
	vaddr_t start = vaddr_align_down(slot, granule);
	struct map_request request = {
		.start = start,
		.end = vaddr_align_up(vaddr_add(start, offset + window->size), granule),
		.pa = paddr_align_down(window->pa, granule),
		.attr = window->attr,
	};
	enum map_result result = pt_map(&space, &request);

	tables_publish();
	window->va = result == MAP_OK ? vaddr_add(start, offset) : vaddr(0);
	return result;
}

void window_close(const struct kernel *kernel, struct window *window)
{
	struct space space = kernel->kernel_space;
	u64 granule = regime_granule(&space.regime);
	vaddr_t va = window->va;

	window->va = vaddr(0);
	if (va.value != 0)
		(void)pt_clear(&space, vaddr_align_down(va, granule),
			       vaddr_align_up(vaddr_add(va, window->size), granule));
}
