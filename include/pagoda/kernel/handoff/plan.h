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
	KASLR_FDT, /* /chosen/kaslr-seed */
	KASLR_EFI, /* the same, put there by the EFI stub: from EFI_RNG_PROTOCOL */
	KASLR_RNDR, /* FEAT_RNG */
};

/* "off: nokaslr", "off: no entropy", "fdt", "efi", "rndr". */
const char *kaslr_source_str(enum kaslr_source source);

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
	struct layout layout;
	vaddr_t image_va;
	u64 kaslr_offset; /* of image_va from where nokaslr would put it */
	enum kaslr_source kaslr_source;
	struct mmu_registers registers; /* those that are not addresses of tables */
};

/* Entropy for the plan: where it comes from, and the number. */
struct entropy {
	enum kaslr_source source; /* KASLR_FDT, KASLR_EFI, KASLR_RNDR or KASLR_OFF_NO_ENTROPY */
	u64 seed;
};

/*
 * plan_make() - decide everything. @id: the ID registers after overrides. Returns a stop with code
 * STOP_NONE and fills in @plan, or why the boot cannot go on. MMU off; .bss clear.
 */
struct stop plan_make(struct boot_plan *plan, const struct boot_facts *facts,
		      const u64 id[SYSREG_FACT_COUNT], const struct boot_options *options,
		      struct entropy entropy);

/*
 * kaslr_offset() - how far from the lowest place to put an image of @image_size in @vmalloc: in
 * the middle half of the region, a multiple of 2 MiB, uniform over @seed.
 */
u64 kaslr_offset(struct layout_region vmalloc, u64 image_size, u64 seed);

#endif /* PAGODA_PLAN_H */
