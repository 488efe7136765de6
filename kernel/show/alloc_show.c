// SPDX-License-Identifier: MIT
/*
 * The commands `buddy` and `vmalloc`: what the allocators have, in words.
 * Runs in the kernel, MMU on, after relocation, and on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/show/alloc_show.h>
#include <pagoda/lib/format.h>
#include <pagoda/mm/alloc/alloc.h>
#include <pagoda/mm/alloc/kasan.h>

static void show_bytes(const char *name, u64 bytes)
{
	print("  %-12s %10s\n", name, bytes == 0 ? "0" : size_text(bytes).text);
}

static void show_lists(const struct buddy *buddy, u64 granule)
{
	for (unsigned order = 0; order < BUDDY_ORDERS; order++) {
		if (buddy->free_blocks[order] == 0)
			continue;
		print("  order %2u     %10s x %lu\n", order, size_text(granule << order).text,
		      buddy->free_blocks[order]);
	}
}

static void show_ranges(const struct buddy *buddy, unsigned shift)
{
	for (u32 i = 0; i < buddy->range_count; i++) {
		const struct buddy_range *range = &buddy->ranges[i];
		u64 bytes = (range->end - range->first) << shift;

		print("  0x%016lx-0x%016lx %8s, handed over to 0x%016lx\n", range->first << shift,
		      range->end << shift, size_text(bytes).text, range->next << shift);
	}
}

/* What of the memory in use is shadow, which stays; and of all tables, how many are shadow's. */
static void show_shadow(const struct kernel *kernel)
{
	show_bytes("of it shadow", kasan_kept(&kernel->alloc->heap));
	print("  its tables   %10lu\n", alloc_kept_tables(kernel->kernel_space.pool));
}

void alloc_show_buddy(const struct kernel *kernel)
{
	unsigned shift = kernel->kernel_space.regime.granule_shift;
	struct buddy *buddy;
	struct buddy_usage usage;

	if (!kernel->alloc) {
		print("buddy: no free RAM\n");
		return;
	}
	buddy = &kernel->alloc->buddy;
	alloc_settle(kernel->alloc);
	usage = buddy_usage(buddy);
	print("buddy: %u ranges of RAM, %uK pages\n", buddy->range_count,
	      (unsigned)(BIT(shift) / KIB(1)));
	show_bytes("total", usage.total);
	show_bytes("waiting", usage.waiting);
	show_bytes("metadata", usage.metadata);
	show_bytes("used", usage.used);
	if (KASAN)
		show_shadow(kernel);
	show_bytes("free", usage.free);
	show_lists(buddy, BIT(shift));
	show_ranges(buddy, shift);
	if (kernel->alloc->ranges_refused != 0)
		print("  %u more ranges had no room in the list and are not used\n",
		      kernel->alloc->ranges_refused);
	print("  heap: %lu objects in use\n", kernel->alloc->heap.objects);
	print("  audit: %s\n", buddy_audit(buddy) ? "ok" : "BROKEN");
}

static void show_area(const struct vmalloc_area *area)
{
	print("  0x%016lx-0x%016lx %8s  %-7s", area->start.value, area->end.value,
	      size_text(vaddr_diff(area->end, area->start)).text, vmalloc_kind_str(area->kind));
	if (area->kind != VMALLOC_PAGES)
		print(" 0x%016lx", area->pa.value);
	print("\n");
}

static void show_pci(const struct kernel *kernel)
{
	u64 window = kernel->handoff->plan.layout.region[LAYOUT_PCI_IO].start.value;
	const struct pci_io *io = &kernel->handoff->facts.pci_io;

	if (kernel->pci_result == PCI_NO_BRIDGE)
		print("PCI I/O: %s\n", pci_result_str(kernel->pci_result));
	else
		print("PCI I/O: ports 0x%lx-0x%lx at 0x%016lx, physical 0x%016lx: %s\n", io->port,
		      io->port + io->size, window + io->port, io->pa.value,
		      pci_result_str(kernel->pci_result));
}

void alloc_show_vmalloc(const struct kernel *kernel)
{
	struct vmalloc_area area;
	struct vmalloc *vmalloc;

	if (!kernel->alloc) {
		print("vmalloc: no free RAM\n");
		return;
	}
	vmalloc = &kernel->alloc->vmalloc;
	print("vmalloc: 0x%016lx-0x%016lx\n", vmalloc->region.start.value,
	      vmalloc->region.end.value);
	for (vaddr_t at = vaddr(0); vmalloc_next(vmalloc, at, &area); at = area.end)
		show_area(&area);
	show_pci(kernel);
	print("  audit: %s\n", vmalloc_audit(vmalloc) ? "ok" : "BROKEN");
}
