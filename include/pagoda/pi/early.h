/* SPDX-License-Identifier: MIT */
/*
 * The steps of the early runtime, in the order in which pi/start.c takes them. All run with the MMU
 * off, .bss clear, the image not yet relocated; all but those in pi/start.c also on the host.
 * @phys_offset: add it to a physical address, modulo 2^64, to get a pointer: 0 on the machine.
 */
#ifndef PAGODA_EARLY_H
#define PAGODA_EARLY_H

#include <pagoda/kernel/handoff/handoff.h>

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
 * @handoff is zero. What needs the machine goes through arch.h, which the host tests fake. The key
 * for pointer authentication is in its register by then, and nowhere else.
 */
struct stop boot_prepare(struct boot_handoff *handoff, u64 phys_offset);

/*
 * facts_read_chosen() - check the FDT's header, and fill in @facts from its /chosen: fdt, the
 * command line, and whether the seed is EFI's. Its kaslr-seed moves to @seed, which is 0. @facts is
 * zero but for entry, id, image and lists. What is wrong with the FDT after /chosen is for the
 * kernel to find.
 */
struct stop facts_read_chosen(struct boot_facts *facts, u64 *seed, u64 phys_offset);

/* seed_wipe() - clear @seed where it lies in the FDT. @line: bytes in a cache line. */
void seed_wipe(const struct fdt_value *seed, u64 line);

/* What secrets are made of. Whoever has one wipes it. */
struct seed {
	enum kaslr_source source;
	u64 word; /* the seed; 0 without entropy */
	u64 more; /* from RNDR, whatever the source; or else the counter at entry: no secret */
};

/* seed_take() - what entropy there is. The FDT's seed in @handoff is wiped. */
void seed_take(struct seed *seed, struct boot_handoff *handoff);

/*
 * secret_number() - number @label of those that the 128 bits of @key make: one tells nothing of
 * another, nor of @key. siphash() - SipHash-2-4 of @size bytes at @message (Aumasson and Bernstein,
 * 2012).
 */
u64 secret_number(const u64 key[2], u8 label);
u64 siphash(const u64 key[2], const u8 *message, size_t size);

/*
 * secret_place() - the number that places the image, or the linear map: the same for the same seed.
 * secret_pac_key() - make the key for pointer authentication, and put it into its register; false
 * where a higher level forbids that.
 */
enum secret_place {
	SECRET_IMAGE,
	SECRET_LINEAR,
};

u64 secret_place(const struct seed *seed, enum secret_place place);
bool secret_pac_key(const struct seed *seed);

/* plan_registers() - fill in what mmu_flip() is to write, from all else that is in @plan. */
void plan_registers(struct boot_plan *plan);

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

/*
 * scs_apply() - give functions shadow call stacks, where the CPU cannot sign return addresses: see
 * pagoda/pi/scs.h. Counted in @handoff; what the early runtime calls from here on has one, too.
 * What was written can be executed on return.
 */
void scs_apply(struct boot_handoff *handoff, u64 phys_offset);

/* caches_publish() - see pi/publish.c. The last thing before the flip. */
void caches_publish(const struct boot_handoff *handoff, const struct memory_range *relocated,
		    u64 phys_offset);

#endif /* PAGODA_EARLY_H */
