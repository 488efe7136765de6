// SPDX-License-Identifier: MIT
/*
 * Relocation of the image for the virtual address it will run at, applied at its physical address.
 * Runs once, with the MMU off, .bss clear; also on the host. May not use: absolute addresses,
 * pointers in static data, .bss, and of course nothing that a relocation has yet to fill in.
 * Source: ELF for the Arm 64-bit Architecture, relocation code R_AARCH64_RELATIVE.
 */
#include <pagoda/pi/early.h>

#define R_AARCH64_RELATIVE 1027

/* Elf64_Rela. */
struct rela {
	u64 offset; /* link-time address of the word */
	u64 info; /* the relocation's type; no symbol */
	u64 addend; /* link-time value of the word */
};

struct stop relocate_image(const struct image *image, vaddr_t image_va, u64 phys_offset,
			   struct memory_range *touched)
{
	u64 base = image->pa.value + phys_offset;
	u64 delta = image_va.value - image->link_va;
	u64 link_va = image->link_va, last = (image->size - sizeof(u64)) / sizeof(u64);
	const struct rela *rela = (const struct rela *)(uintptr_t)(base + image->rela.start);
	const struct rela *end = (const struct rela *)(uintptr_t)(base + image->rela.end);
	u64 lowest = image->size, highest = 0;

	for (; rela < end; rela++) {
		u64 offset = rela->offset - link_va;
		/* In words; what is left over of one lands in the high bits, beyond any image. */
		u64 word = offset >> 3 | offset << 61;

		if (rela->info != R_AARCH64_RELATIVE || word > last)
			return (struct stop){ STOP_RELOCATION, rela->info, rela->offset, 0 };
		*(u64 *)(uintptr_t)(base + offset) = rela->addend + delta;
		lowest = min_u64(lowest, offset);
		if (highest < offset)
			highest = offset;
	}
	if (lowest < image->size)
		highest += sizeof(u64);
	else
		lowest = 0;
	touched->start = paddr_add(image->pa, lowest);
	touched->end = paddr_add(image->pa, highest);
	return stop_none();
}
