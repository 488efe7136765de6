// SPDX-License-Identifier: MIT
/*
 * The device tree, read through a window.
 * Runs in the kernel, MMU on, right after the flip: memory and consoles are what it is read for.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/dev/window.h>
#include <pagoda/kernel/start/efi_memory.h>
#include <pagoda/kernel/start/memory.h>
#include <pagoda/kernel/start/tree.h>
#include <pagoda/kernel/tree/rescue.h>
#include <pagoda/lib/string.h>
#include <pagoda/mm/pt/change.h>

/* The window stays: the FDT need not lie in RAM, and so in the linear map. */
static struct stop fdt_show(struct kernel *kernel)
{
	const struct boot_handoff *handoff = kernel->handoff;
	const struct fdt *tree = &handoff->facts.fdt.tree;
	struct window window = { .pa = paddr(handoff->facts.entry.fdt),
				 .size = tree->total_size,
				 .attr = { PROT_READ_ONLY, MEM_NORMAL } };
	vaddr_t slot = layout_fixmap_fdt(&handoff->plan.layout, window.pa);
	enum map_result result = window_open(kernel, slot, &window);

	if (result != MAP_OK)
		return (struct stop){ STOP_MAP, result, slot.value, window.pa.value };
	kernel->fdt = *tree;
	kernel->fdt.blob = vaddr_pointer(window.va);
	fdt_cut(&kernel->fdt);
	return stop_none();
}

static enum map_result fdt_protect(struct kernel *kernel, enum mem_prot prot)
{
	u64 granule = regime_granule(&kernel->kernel_space.regime);
	vaddr_t start = vaddr((uintptr_t)kernel->fdt.blob);
	vaddr_t end = vaddr_add(start, kernel->fdt.total_size);

	return pt_protect(&kernel->kernel_space, vaddr_align_down(start, granule),
			  vaddr_align_up(end, granule), prot);
}

/*
 * A seed that is not /chosen's: few trees have one, so the window is writable for just as long as
 * this takes. To memory, too, for whoever looks there past the caches.
 */
static void seed_clear(struct kernel *kernel, const struct fdt_value *seed)
{
	u64 line = dcache_line_size(kernel->handoff->facts.id[SYSREG_CTR_EL0]);

	if (fdt_protect(kernel, PROT_READ_WRITE) == MAP_OK) {
		secret_wipe((void *)(uintptr_t)seed->data, seed->size);
		dcache_clean(seed->data, seed->size, line);
	}
	(void)fdt_protect(kernel, PROT_READ_ONLY);
}

struct stop tree_take(struct kernel *kernel, struct boot_handoff *handoff)
{
	struct stop stop = fdt_show(kernel);
	struct fdt_value seed;
	struct scan scan;

	if (stop.code != STOP_NONE)
		return stop;
	tree_begin(&scan, &kernel->fdt, &handoff->facts, boot_lists_of(kernel));
	kernel->nodes = scan.nodes;
	kernel->cpus = &boot_lists_of(kernel)->cpus;
	while (tree_read(&scan, &seed))
		seed_clear(kernel, &seed);
	efi_memory_take(kernel);
	stop = tree_end(&scan);
	tree_list_consoles(&scan, boot_lists_of(kernel)->console);
	return stop;
}

bool tree_rescue(struct kernel *kernel, struct boot_handoff *handoff, bool by_header)
{
	struct boot_facts *facts = &handoff->facts;
	struct tree_rescue rescue;
	struct fdt_value seed;
	struct fdt fdt;

	if (kernel->fdt.blob == NULL ||
	    !fdt_rescue(&fdt, kernel->fdt.blob, kernel->fdt.total_size, by_header))
		return false;
	facts->console.address = paddr(0);
	tree_rescue_begin(&rescue, &fdt, facts);
	while (tree_rescue_read(&rescue, &seed))
		seed_clear(kernel, &seed);
	tree_list_consoles(&rescue.scan, boot_lists_of(kernel)->console);
	return facts->console.address.value != 0;
}
