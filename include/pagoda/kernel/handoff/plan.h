/* SPDX-License-Identifier: MIT */
/*
 * The plan: every decision of the boot, made before a table is built. A pure function of the facts
 * and options: no registers, no I/O, no state.
 */
#ifndef PAGODA_PLAN_H
#define PAGODA_PLAN_H

#include <pagoda/kernel/handoff/facts.h>
#include <pagoda/mm/layout/layout.h>
#include <pagoda/kernel/handoff/options.h>
#include <pagoda/mm/pt/pagetable.h>

/* What mmu_flip() writes. The layouts are those of EL1, and of EL2 with HCR_EL2.E2H set. */
struct mmu_registers {
	u64 mair, tcr, sctlr;
};

enum kaslr_source {
	KASLR_OFF_ASKED, /* nokaslr, arm64_sw.nokaslr=1 */
	KASLR_OFF_NO_ENTROPY,
	KASLR_OFF_IN_SIGHT, /* nothing on this CPU can hide from EL0 where it is: see KPTI_NEVER */
	KASLR_FDT, /* /chosen/kaslr-seed */
	KASLR_EFI, /* the same, put there by the EFI stub: from EFI_RNG_PROTOCOL */
	KASLR_RNDR, /* FEAT_RNG */
};

/* "off: nokaslr", "off: no entropy", "fdt", "efi", "rndr", and so on. */
const char *kaslr_source_str(enum kaslr_source source);

/* kaslr_has_seed() - there is a seed, and it may be used: the one place that says for which. */
static inline bool kaslr_has_seed(enum kaslr_source source)
{
	switch (source) {
	case KASLR_OFF_ASKED:
	case KASLR_OFF_NO_ENTROPY:
	case KASLR_OFF_IN_SIGHT:
		return false;
	case KASLR_FDT:
	case KASLR_EFI:
	case KASLR_RNDR:
		return true;
	}
	return false;
}

/* Why the address size is what it is. */
enum va_reason {
	VA_REASON_LPA2, /* 4K, 16K: 52 bits, the CPU has FEAT_LPA2 */
	VA_REASON_LVA, /* 64K: 52 bits, the CPU has FEAT_LVA */
	VA_REASON_NO_LPA2, /* the CPU lacks it */
	VA_REASON_NO_LVA,
	VA_REASON_NOLVA, /* overridden */
	VA_REASON_ASKED, /* pagoda.va_bits= */
};

const char *va_reason_str(enum va_reason reason);

/* Why the kernel runs at the exception level it runs at. */
enum el_reason {
	EL_REASON_VHE, /* entered at EL2, the CPU has FEAT_VHE */
	EL_REASON_NO_VHE, /* entered at EL2, but the CPU lacks it */
	EL_REASON_VHE_OFF, /* overridden */
	EL_REASON_ENTRY, /* entered at EL1 */
};

const char *el_reason_str(enum el_reason reason);

struct boot_plan {
	u8 el; /* of the kernel: 1, or 2 with HCR_EL2.E2H and TGE set */
	enum el_reason el_reason;
	struct regime kernel; /* upper half, TTBR1 */
	struct regime idmap; /* lower half, TTBR0: the same page size, 48 bits or more */
	enum va_reason va_reason;
	bool page_size_asked;
	struct map_policy policy; /* of the kernel's tables */
	bool wxn, bti, pac, pan, e0pd;
	enum kpti kpti;
	struct layout layout;
	vaddr_t image_va;
	u64 kaslr_offset; /* of image_va from where nokaslr would put it */
	enum kaslr_source kaslr_source;
	bool pac_secret; /* the key of @pac is made of entropy; or else of the time alone */
	struct mmu_registers registers; /* those that are not addresses of tables */
};

/*
 * plan_make() - decide everything, but for where KASLR moves the image. @id: the ID registers after
 * overrides. @entropy: where it is from, or KASLR_OFF_NO_ENTROPY. Returns a stop with code
 * STOP_NONE and fills in @plan, or why the boot cannot go on. MMU off; .bss clear.
 */
struct stop plan_make(struct boot_plan *plan, const struct boot_facts *facts,
		      const u64 id[SYSREG_FACT_COUNT], const struct boot_options *options,
		      enum kaslr_source entropy);

/*
 * plan_move_image() - put the image where @number, of 64 random bits, says. For plans in which
 * kaslr_has_seed(); without it the image is where plan_make() has put it: as low as can be.
 */
void plan_move_image(struct boot_plan *plan, const struct image *image, u64 number);

/*
 * kaslr_offset() - how far from the lowest place to put an image of @image_size in @vmalloc: in
 * the middle half of the region, a multiple of 2 MiB, uniform over @number.
 */
u64 kaslr_offset(struct layout_region vmalloc, u64 image_size, u64 number);

#endif /* PAGODA_PLAN_H */
