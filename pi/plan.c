// SPDX-License-Identifier: MIT
/*
 * The decisions of the boot: page size, address sizes, features, layout, register values.
 * A pure function of facts and options. Runs with the MMU off, .bss clear, image not relocated;
 * also on the host. May not use: absolute addresses, pointers in static data, .bss, registers, I/O.
 */
#include <pagoda/kernel/handoff/plan.h>
#include <pagoda/lib/errata.h>
#include <pagoda/lib/features.h>

/* The page size that was chosen, and what the CPU has for it. */
struct granule {
	unsigned shift;
	struct cpu_granule has;
};

/*
 * With FEAT_VHE a kernel that was entered at EL2 stays there: its registers and tables are what
 * they would be at EL1. @had: the ID registers before overrides.
 */
static void choose_level(struct boot_plan *plan, u64 entry_el, const u64 had[SYSREG_FACT_COUNT],
			 const u64 id[SYSREG_FACT_COUNT])
{
	plan->el = 1;
	if (entry_el == 1) {
		plan->el_reason = EL_REASON_ENTRY;
	} else if (cpu_has_vhe(id)) {
		plan->el = 2;
		plan->el_reason = EL_REASON_VHE;
	} else if (cpu_has_vhe(had)) {
		plan->el_reason = EL_REASON_VHE_OFF;
	} else {
		plan->el_reason = EL_REASON_NO_VHE;
	}
}

/* The page size asked for, or the smallest there is. */
static struct stop choose_granule(const u64 id[SYSREG_FACT_COUNT], unsigned asked,
				  struct granule *granule)
{
	struct stop stop = { STOP_PAGE_SIZE, asked, 0, 0 };

	for (unsigned shift = GRANULE_SHIFT_4K; shift <= GRANULE_SHIFT_64K; shift += 2) {
		*granule = (struct granule){ shift, cpu_granule(id, shift) };
		if (!granule->has.present)
			continue;
		if (asked == 0 || asked == shift)
			return stop_none();
		stop.x2 |= BIT(shift);
	}
	return stop;
}

/* Every size that each page size has, as a set of bit numbers. */
static u64 va_bits_possible(const struct granule *granule)
{
	u64 wide = granule->has.va_bits == 52 ? BIT(52) : 0;

	switch (granule->shift) {
	case GRANULE_SHIFT_4K:
		return BIT(39) | BIT(48) | wide;
	case GRANULE_SHIFT_16K:
		return BIT(36) | BIT(47) | BIT(48) | wide;
	case GRANULE_SHIFT_64K:
		return BIT(42) | BIT(48) | wide;
	}
	return 0;
}

/* 16K falls back to 47 bits: 48 would cost another level for a root table of two entries. */
static unsigned va_bits_default(const struct granule *granule)
{
	bool narrow = granule->has.va_bits != 52;

	return narrow && granule->shift == GRANULE_SHIFT_16K ? 47 : granule->has.va_bits;
}

static struct stop choose_va_bits(struct boot_plan *plan, const struct granule *granule,
				  const struct boot_options *options, unsigned *va_bits)
{
	bool lva = granule->shift == GRANULE_SHIFT_64K;

	*va_bits = va_bits_default(granule);
	if (options->va_bits != 0) {
		*va_bits = options->va_bits;
		plan->va_reason = VA_REASON_ASKED;
		if (!(va_bits_possible(granule) & BIT(*va_bits)))
			return (struct stop){ STOP_VA_BITS, *va_bits, granule->shift,
					      va_bits_possible(granule) };
	} else if (granule->has.va_bits == 52) {
		plan->va_reason = lva ? VA_REASON_LVA : VA_REASON_LPA2;
	} else if (options->nolva) {
		plan->va_reason = VA_REASON_NOLVA;
	} else {
		plan->va_reason = lva ? VA_REASON_NO_LVA : VA_REASON_NO_LPA2;
	}
	return stop_none();
}

/*
 * The two regimes. TCR_EL1.DS is one bit for both halves: 4K and 16K kernels use the wide
 * descriptors exactly when they have 52-bit addresses, and so does their identity map. Without them
 * the output size is 48 bits at most, whatever PARange says: IPS = 52 with DS = 0 is reserved.
 */
static struct stop choose_regimes(struct boot_plan *plan, const struct boot_facts *facts,
				  const u64 id[SYSREG_FACT_COUNT], const struct granule *granule,
				  unsigned va_bits)
{
	u64 image_end = facts->image.pa.value + facts->image.size;
	u64 fdt_end = facts->entry.fdt + facts->fdt.tree.total_size;
	bool wide = granule->has.wide_pa && (granule->shift == GRANULE_SHIFT_64K || va_bits == 52);
	unsigned pa_bits = min_u64(cpu_pa_bits(id[SYSREG_ID_AA64MMFR0_EL1]), wide ? 52 : 48);
	unsigned idmap_bits = 48;

	if (image_end > BIT(idmap_bits) && granule->has.va_bits == 52 && wide)
		idmap_bits = 52;
	if (image_end > BIT(min_u64(idmap_bits, pa_bits)))
		return (struct stop){ STOP_IMAGE_UNREACHABLE, image_end,
				      min_u64(idmap_bits, pa_bits), 0 };
	/* The kernel could not read it, and so would have no console to say that on. */
	if (fdt_end > BIT(pa_bits))
		return (struct stop){ STOP_FDT_UNREACHABLE, fdt_end, pa_bits, 0 };
	plan->kernel = regime_make(granule->shift, va_bits, pa_bits, wide);
	plan->idmap = regime_make(granule->shift, idmap_bits, pa_bits, wide);
	plan->idmap.whose = WHOSE_KERNEL_LOW;
	return stop_none();
}

static void choose_features(struct boot_plan *plan, const u64 id[SYSREG_FACT_COUNT])
{
	u64 software = id[SYSREG_ARM64_SW];
	bool rodata_off = SYSREG_GET(ARM64_SW_RODATAOFF, software) != 0;

	plan->bti = cpu_feature_level(id, CPU_BTI) != 0;
	plan->pac = cpu_feature_level(id, CPU_PAC) != 0;
	plan->pan = cpu_feature_level(id, CPU_PAN) != 0;
	plan->e0pd = cpu_feature_level(id, CPU_E0PD) != 0;
	/* Text that is writable would not be executable under WXN: rodata=off needs it off. */
	plan->wxn = SYSREG_GET(ARM64_SW_NOWXN, software) == 0 && !rodata_off;
	plan->policy = (struct map_policy){ .guarded = plan->bti, .text_writable = rodata_off };
}

static enum kpti kpti_needed(const struct boot_plan *plan, const u64 id[SYSREG_FACT_COUNT])
{
	if (!cpu_keeps_el0_out(id))
		return KPTI_HIDES_CONTENT;
	return plan->e0pd || !kaslr_has_seed(plan->kaslr_source) ? KPTI_NO_NEED : KPTI_HIDES_PLACE;
}

/*
 * Where the kernel's mappings are to be of one ASID each, they are from the first one on. On a core
 * that cannot have that, KASLR would be a secret that EL0 can time.
 */
static void choose_kpti(struct boot_plan *plan, const u64 id[SYSREG_FACT_COUNT], u8 asked)
{
	plan->kpti = asked == KPTI_AUTO ? kpti_needed(plan, id) : (enum kpti)asked;
	if (!kpti_is_on(plan->kpti))
		return;
	if (errata_not_global(id[SYSREG_MIDR_EL1])) {
		plan->kpti = KPTI_NEVER;
		if (kaslr_has_seed(plan->kaslr_source))
			plan->kaslr_source = KASLR_OFF_IN_SIGHT;
		return;
	}
	plan->policy.not_global = plan->kpti != KPTI_LATE;
}

/* The image keeps its physical offset within 2 MiB, so that blocks and runs line up. */
static void place_image(struct boot_plan *plan, const struct image *image)
{
	plan->image_va = vaddr(layout_kimage_base(&plan->layout).value + plan->kaslr_offset +
			       (image->pa.value & (MIB(2) - 1)));
}

/* TG0 and TG1 number the granules differently. */
static u64 tcr_granule(unsigned shift)
{
	switch (shift) {
	case GRANULE_SHIFT_16K:
		return SYSREG_PUT(TCR_EL1_TG0, TCR_EL1_TG0_16K) |
		       SYSREG_PUT(TCR_EL1_TG1, TCR_EL1_TG1_16K);
	case GRANULE_SHIFT_64K:
		return SYSREG_PUT(TCR_EL1_TG0, TCR_EL1_TG0_64K) |
		       SYSREG_PUT(TCR_EL1_TG1, TCR_EL1_TG1_64K);
	}
	return SYSREG_PUT(TCR_EL1_TG0, TCR_EL1_TG0_4K) | SYSREG_PUT(TCR_EL1_TG1, TCR_EL1_TG1_4K);
}

static u64 tcr_output_size(unsigned pa_bits)
{
	switch (pa_bits) {
	case 32:
		return TCR_EL1_IPS_32;
	case 36:
		return TCR_EL1_IPS_36;
	case 40:
		return TCR_EL1_IPS_40;
	case 42:
		return TCR_EL1_IPS_42;
	case 44:
		return TCR_EL1_IPS_44;
	case 48:
		return TCR_EL1_IPS_48;
	}
	return TCR_EL1_IPS_52;
}

/* Hardware management of the access flag stays off: several cores have errata in it. */
static u64 tcr_value(const struct boot_plan *plan)
{
	u64 tcr = tcr_granule(plan->kernel.granule_shift);

	tcr |= SYSREG_PUT(TCR_EL1_T0SZ, 64 - plan->idmap.va_bits);
	tcr |= SYSREG_PUT(TCR_EL1_T1SZ, 64 - plan->kernel.va_bits);
	tcr |= SYSREG_PUT(TCR_EL1_IPS, tcr_output_size(plan->kernel.pa_bits));
	tcr |= SYSREG_PUT(TCR_EL1_DS, plan->kernel.format == DESC_LPA2);
	/* Another root with another ASID, in one store: the upper half has the ASID. */
	tcr |= SYSREG_PUT(TCR_EL1_A1, plan->policy.not_global);
	/* Table walks are cacheable and coherent; under DS these SH fields serve the leaves too. */
	tcr |= SYSREG_PUT(TCR_EL1_SH0, TCR_EL1_SH0_INNER) |
	       SYSREG_PUT(TCR_EL1_ORGN0, TCR_EL1_ORGN0_WBWA) |
	       SYSREG_PUT(TCR_EL1_IRGN0, TCR_EL1_IRGN0_WBWA);
	tcr |= SYSREG_PUT(TCR_EL1_SH1, TCR_EL1_SH1_INNER) |
	       SYSREG_PUT(TCR_EL1_ORGN1, TCR_EL1_ORGN1_WBWA) |
	       SYSREG_PUT(TCR_EL1_IRGN1, TCR_EL1_IRGN1_WBWA);
	/* EL0 gets a fault in constant time for upper addresses, mapped or not. */
	tcr |= SYSREG_PUT(TCR_EL1_E0PD1, plan->e0pd);
	return tcr;
}

static u64 sctlr_value(const struct boot_plan *plan)
{
	/* RES1 where the feature that gives the bit a meaning is missing; "as before" where not. */
	u64 sctlr = SCTLR_EL1_LSMAOE_MASK | SCTLR_EL1_NTLSMD_MASK | SCTLR_EL1_EIS_MASK |
		    SCTLR_EL1_TSCXT_MASK | SCTLR_EL1_EOS_MASK;

	sctlr |= SCTLR_EL1_M_MASK | SCTLR_EL1_C_MASK | SCTLR_EL1_I_MASK | SCTLR_EL1_SA_MASK;
	sctlr |= SYSREG_PUT(SCTLR_EL1_WXN, plan->wxn);
	sctlr |= SYSREG_PUT(SCTLR_EL1_ENIA, plan->pac);
	sctlr |= SYSREG_PUT(SCTLR_EL1_BT1, plan->bti);
	/* SPAN clear: every exception sets PSTATE.PAN. RES1 without FEAT_PAN. */
	sctlr |= SYSREG_PUT(SCTLR_EL1_SPAN, !plan->pan);
	return sctlr;
}

struct stop plan_make(struct boot_plan *plan, const struct boot_facts *facts,
		      const u64 id[SYSREG_FACT_COUNT], const struct boot_options *options,
		      enum kaslr_source entropy)
{
	bool nokaslr = SYSREG_GET(ARM64_SW_NOKASLR, id[SYSREG_ARM64_SW]) != 0;
	struct granule granule;
	unsigned va_bits;
	struct stop stop;

	if (facts->entry.el != 1 && facts->entry.el != 2)
		return (struct stop){ STOP_ENTRY_EL, facts->entry.el, 0, 0 };
	stop = choose_granule(id, options->granule_shift, &granule);
	if (stop.code == STOP_NONE)
		stop = choose_va_bits(plan, &granule, options, &va_bits);
	if (stop.code == STOP_NONE)
		stop = choose_regimes(plan, facts, id, &granule, va_bits);
	if (stop.code != STOP_NONE)
		return stop;
	if (!is_aligned(facts->image.pa.value, BIT(granule.shift)))
		return (struct stop){ STOP_IMAGE_MISALIGNED, facts->image.pa.value,
				      BIT(granule.shift), 0 };
	choose_level(plan, facts->entry.el, facts->id, id);
	plan->page_size_asked = options->granule_shift != 0;
	choose_features(plan, id);
	plan->layout = layout_make(&plan->kernel, STRUCT_PAGE_SIZE);
	plan->kaslr_source = nokaslr ? KASLR_OFF_ASKED : entropy;
	choose_kpti(plan, id, options->kpti);
	place_image(plan, &facts->image);
	plan->pac_secret = plan->pac && kaslr_has_seed(entropy);
	plan->registers.mair = mem_type_mair();
	plan->registers.tcr = tcr_value(plan);
	plan->registers.sctlr = sctlr_value(plan);
	return stop_none();
}

void plan_move_image(struct boot_plan *plan, const struct image *image, u64 number)
{
	struct layout_region room = plan->layout.region[LAYOUT_VMALLOC];

	plan->kaslr_offset = kaslr_offset(room, image->size, number);
	place_image(plan, image);
}
