/* SPDX-License-Identifier: MIT */
/*
 * The steps of the early runtime, in the order in which pi/start.c takes them. All run with the MMU
 * off, .bss clear, the image not yet relocated; all but those in pi/start.c also on the host.
 * @phys_offset: add it to a physical address, modulo 2^64, to get a pointer: 0 on the machine.
 */
#ifndef PAGODA_EARLY_H
#define PAGODA_EARLY_H

#include <pagoda/kernel/handoff/handoff.h>

/* A key for pointer authentication, derived from what entropy there was. */
struct pac_key {
	u64 low, high;
};

/* The Image's first byte: linker/pagoda.lds.S. */
extern u8 _text[];

/*
 * image_offset() - how far from there what @symbol points to is. image_describe() - @image from the
 * linker's symbols. On the machine only.
 */
static inline u32 image_offset(const void *symbol)
{
	return (u32)((const u8 *)symbol - _text);
}

void image_describe(struct image *image);

/*
 * boot_prepare() - the early runtime as one function: from @handoff->facts.entry, .id and .image to
 * tables in memory, an image relocated in place, and a complete handoff. Everything else in
 * @handoff is zero. What needs the machine goes through arch.h, which the host tests fake.
 */
struct stop boot_prepare(struct boot_handoff *handoff, u64 phys_offset, struct pac_key *key);

/*
 * entropy_take() - @seed, the FDT's, which is forgotten there, and which may be @efi's; or else,
 * where it is 0, one from RNDR where @id has it. entropy_next() - another number from the same
 * state, as unpredictable as the seed.
 */
struct entropy entropy_take(u64 *seed, bool efi, const u64 id[SYSREG_FACT_COUNT]);
u64 entropy_next(struct entropy *entropy);

/*
 * map_kernel() - both sets of tables, from the plan: the identity map (the entry code that is
 * kept, read-only and executable, and nothing else) and the image's segments at their virtual
 * addresses. Sets the pool, the roots and the two TTBR values in @handoff.
 */
struct stop map_kernel(struct boot_handoff *handoff, u64 phys_offset);

/*
 * relocate_image() - apply the image's relocations for the virtual address in the plan, in place,
 * once. @touched: the physical range that was written; empty where there was nothing to write.
 */
struct stop relocate_image(const struct image *image, vaddr_t image_va, u64 phys_offset,
			   struct memory_range *touched);

/* caches_publish() - see pi/publish.c. The last thing before the flip. */
void caches_publish(const struct boot_handoff *handoff, const struct memory_range *relocated,
		    u64 phys_offset);

#endif /* PAGODA_EARLY_H */
