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
	u64 start = align_down(slot.value, granule);
	struct map_request request = { .start = vaddr(start),
				       .end = vaddr(
					       align_up(start + offset + window->size, granule)),
				       .pa = paddr(window->pa.value - offset),
				       .attr = window->attr };
	enum map_result result = map_range(&space, &request);

	tables_publish();
	window->va = vaddr(result == MAP_OK ? start + offset : 0);
	return result;
}

void window_close(const struct kernel *kernel, struct window *window)
{
	struct space space = kernel->kernel_space;
	u64 granule = regime_granule(&space.regime), va = window->va.value;

	window->va = vaddr(0);
	if (va != 0)
		(void)pt_clear(&space, vaddr(align_down(va, granule)),
			       vaddr(align_up(va + window->size, granule)));
}
