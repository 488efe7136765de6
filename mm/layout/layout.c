// SPDX-License-Identifier: MIT
/*
 * Where everything goes in the upper half: arithmetic on the regime, nothing else.
 * Runs in the early runtime with the MMU off, in the kernel, and on the host. May not use: absolute
 * addresses, .bss, instructions a host compiler cannot build.
 */
#include <pagoda/mm/layout/layout.h>

#define MODULES_SIZE GIB(2)
#define GUARD MIB(8)
#define PCI_IO_SIZE MIB(16)
#define FIXMAP_SIZE MIB(6)

#define VMEMMAP_END (-GIB(1))
#define FIXMAP_END (-MIB(8))

const char *layout_region_str(enum layout_region_name name)
{
	switch (name) {
	case LAYOUT_LINEAR:
		return "linear";
	case LAYOUT_MODULES:
		return "modules";
	case LAYOUT_VMALLOC:
		return "vmalloc";
	case LAYOUT_VMEMMAP:
		return "vmemmap";
	case LAYOUT_PCI_IO:
		return "pci_io";
	case LAYOUT_FIXMAP:
		return "fixmap";
	case LAYOUT_KASAN:
		if (KASAN)
			return "kasan";
		break;
	}
	return "unknown region";
}

/*
 * The size that everything above the linear map is laid out for: the one a page size falls back to
 * without 52-bit addresses, so that those addresses do not depend on the CPU.
 */
static unsigned va_bits_min(const struct regime *regime)
{
	unsigned fallback = regime->granule_shift == GRANULE_SHIFT_16K ? 47 : 48;

	return regime->va_bits < fallback ? regime->va_bits : fallback;
}

static struct layout_region region(u64 start, u64 end)
{
	return (struct layout_region){ vaddr(start), vaddr(end) };
}

/* A byte for every eight of the upper half; @end: where the region ends. */
static struct layout_region shadow_region(const struct regime *regime, u64 end)
{
	return region(end - BIT(regime->va_bits - KASAN_SHIFT), end);
}

struct layout layout_make(const struct regime *regime, unsigned page_struct_size)
{
	u64 linear = regime_upper_start(regime);
	u64 modules = -BIT(va_bits_min(regime) - 1);
	u64 pages = (modules - linear) >> regime->granule_shift;
	u64 vmemmap = align_down(VMEMMAP_END - pages * page_struct_size, regime_granule(regime));
	struct layout layout;

	layout.region[LAYOUT_LINEAR] = region(linear, modules);
	layout.region[LAYOUT_MODULES] = region(modules, modules + MODULES_SIZE);
	layout.region[LAYOUT_VMALLOC] = region(modules + MODULES_SIZE, vmemmap - GUARD);
	layout.region[LAYOUT_VMEMMAP] = region(vmemmap, VMEMMAP_END);
	layout.region[LAYOUT_PCI_IO] =
		region(VMEMMAP_END + GUARD, VMEMMAP_END + GUARD + PCI_IO_SIZE);
	layout.region[LAYOUT_FIXMAP] = region(FIXMAP_END - FIXMAP_SIZE, FIXMAP_END);
	if (KASAN) {
		layout.region[LAYOUT_KASAN] = shadow_region(regime, modules);
		layout.region[LAYOUT_LINEAR].end = layout.region[LAYOUT_KASAN].start;
	}
	return layout;
}

vaddr_t layout_fixmap_fdt(const struct layout *layout, paddr_t pa)
{
	return vaddr(layout->region[LAYOUT_FIXMAP].start.value + (pa.value & (MIB(2) - 1)));
}

vaddr_t layout_fixmap(const struct layout *layout, enum fixmap_slot slot)
{
	u64 end = layout->region[LAYOUT_FIXMAP].end.value;

	return vaddr(end - (slot + 1) * GRANULE_SIZE_MAX);
}
