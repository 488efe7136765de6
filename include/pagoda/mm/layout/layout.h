/* SPDX-License-Identifier: MIT */
/*
 * The upper half's address space as run-time values. Pure: any world, MMU on or off, and the host.
 *
 *     -2^va_bits        linear      all RAM, or as much as fits
 *     -2^(vmin-1)       modules     2 GiB, reserved
 *                       vmalloc     and the image, somewhere in it
 *                       (8 MiB)
 *                       vmemmap     exactly one struct page for each page of the linear map
 *     -1 GiB            (8 MiB)
 *                       pci_io      16 MiB
 *                       fixmap      ends 8 MiB below the top, and grows down
 *     -8 MiB
 *
 * vmin is what the address size falls back to: 48, or 47 with 16K pages; va_bits where that is
 * less.
 *
 * In the KASAN build the linear map gives up its end, an eighth of the upper half: the region
 * kasan, up to where modules begin, has a byte for every eight of all that stands here. Nothing
 * else moves.
 */
#ifndef PAGODA_LAYOUT_H
#define PAGODA_LAYOUT_H

#include <pagoda/mm/pt/regime.h>

enum layout_region_name {
	LAYOUT_LINEAR,
	LAYOUT_MODULES,
	LAYOUT_VMALLOC,
	LAYOUT_VMEMMAP,
	LAYOUT_PCI_IO,
	LAYOUT_FIXMAP,
	LAYOUT_KASAN, /* only in the KASAN build */
};

#define LAYOUT_COUNT (LAYOUT_KASAN + KASAN)

/* "linear", "modules" and so on: the names that reports use. */
const char *layout_region_str(enum layout_region_name name);

struct layout_region {
	vaddr_t start, end; /* end exclusive */
};

struct layout {
	struct layout_region region[LAYOUT_KASAN + 1]; /* LAYOUT_COUNT of them are there */
};

/* One byte of the region kasan stands for 2^this bytes. */
#define KASAN_SHIFT 3

/*
 * layout_kasan_offset() - add it to an address of the upper half shifted right by KASAN_SHIFT,
 * modulo 2^64, for the address of its byte: that of the last one is the region's last.
 */
static inline u64 layout_kasan_offset(const struct layout *layout)
{
	return layout->region[LAYOUT_KASAN].end.value - BIT(64 - KASAN_SHIFT);
}

/* sizeof(struct page): 64 bytes, as in Linux. */
#define STRUCT_PAGE_SIZE 64

/*
 * layout_make() - the layout for an upper half translated by @regime. @page_struct_size: bytes of
 * metadata for a page, from 1 to 128 (more would not fit beside a 52-bit linear map of 4K
 * pages); need not be a power of two.
 */
struct layout layout_make(const struct regime *regime, unsigned page_struct_size);

/* The lowest address at which an image may be placed: where modules end. */
static inline vaddr_t layout_kimage_base(const struct layout *layout)
{
	return layout->region[LAYOUT_MODULES].end;
}

enum fixmap_slot {
	FIXMAP_CONSOLE,
	FIXMAP_EFI_MAP_END, /* slots count from the top down: a window of two begins at the next */
	FIXMAP_EFI_MAP,
	FIXMAP_GIC_DISTRIBUTOR,
	FIXMAP_GIC_CPU_END,
	FIXMAP_GIC_CPU,
	FIXMAP_TRAMPOLINE,
	FIXMAP_SLOT_COUNT,
};

/*
 * layout_fixmap() - where @slot is mapped: slots are 64 KiB apart, whatever the page size, so that
 * a device keeps its virtual address from one page size to the next.
 */
vaddr_t layout_fixmap(const struct layout *layout, enum fixmap_slot slot);

/*
 * layout_fixmap_fdt() - where an FDT at @pa, of at most 2 MiB, is mapped: in the first 4 MiB of the
 * fixmap, equal to @pa modulo 2 MiB.
 */
vaddr_t layout_fixmap_fdt(const struct layout *layout, paddr_t pa);

#endif /* PAGODA_LAYOUT_H */
