// SPDX-License-Identifier: MIT
/*
 * The root that EL0 has for the upper half, and the page in it.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/proc/kpti.h>
#include <pagoda/lib/string.h>
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/mm/pt/change.h>

/* Into three MOVKs, which have 16 bits each at bit 5. */
static void root_put(u8 *code, u64 ttbr)
{
	u32 *movk = (u32 *)(void *)code;

	for (unsigned i = 0; i < 3; i++)
		movk[i] |= (u32)(ttbr >> 16 * i & 0xffff) << 5;
}

/*
 * At its name in the linear map, where it can be written, as any program's code: but by nobody from
 * here on. All of the page is EL0's to guess at, so there is nothing else in it.
 */
static void trampoline_make(const struct kernel *kernel, paddr_t page)
{
	const struct space *space = &kernel->kernel_space, *el0 = &kernel->el0_space;
	u64 granule = regime_granule(&space->regime);
	u8 *code = linear_pointer(&kernel->linear, page);

	memset(code, 0, granule);
	memcpy(code, trampoline_code, TRAMPOLINE_SIZE);
	for (unsigned i = 0; i < TRAMPOLINE_VECTORS; i++)
		root_put(code + i * TRAMPOLINE_VECTOR_SIZE + TRAMPOLINE_VECTOR_ROOT,
			 ttbr_encode(&space->regime, space->root));
	root_put(code + TRAMPOLINE_EXIT + TRAMPOLINE_EXIT_ROOT,
		 ttbr_encode(&el0->regime, el0->root));
	code_publish(linear_va(&kernel->linear, page), granule);
}

static bool trampoline_map(struct space *space, vaddr_t va, paddr_t page)
{
	struct map_request request = { va,
				       vaddr_add(va, regime_granule(&space->regime)),
				       page,
				       { PROT_READ_EXECUTE, MEM_NORMAL } };

	return pt_map(space, &request) == MAP_OK;
}

/* At the same address in both, since TTBR1 changes while it is executed. */
static enum kpti_result el0_make(struct kernel *kernel)
{
	vaddr_t va = layout_fixmap(&kernel->handoff->plan.layout, FIXMAP_TRAMPOLINE);
	struct space el0 = kernel->kernel_space;
	struct buddy *buddy = &kernel->alloc->buddy;
	u64 tables = 2 * (u64)regime_levels(&el0.regime);
	paddr_t page;

	if (buddy_fill_pool(buddy, tables) != BUDDY_OK || buddy_alloc(buddy, 0, &page) != BUDDY_OK)
		return KPTI_NO_MEMORY;
	(void)pt_space_create(&el0);
	if (!trampoline_map(&el0, va, page) || !trampoline_map(&kernel->kernel_space, va, page))
		return KPTI_NO_MEMORY;
	kernel->el0_space = el0;
	trampoline_make(kernel, page);
	tables_publish();
	return KPTI_OK;
}

enum kpti_result kpti_start(struct kernel *kernel)
{
	enum kpti kpti = kernel->handoff->plan.kpti;
	enum kpti_result result = KPTI_OK;

	if (!kpti_is_on(kpti))
		return KPTI_OK;
	if (kernel->alloc == NULL)
		return KPTI_NO_MEMORY;
	if (kpti == KPTI_LATE)
		result = kpti_convert(kernel);
	return result == KPTI_OK ? el0_make(kernel) : result;
}
