// SPDX-License-Identifier: MIT
/*
 * The decisions of the boot: page size, address sizes, features, layout.
 * A pure function of facts and options. Runs with the MMU off, .bss clear, image not relocated;
 * also on the host. May not use: absolute addresses, pointers in static data, .bss, registers, I/O.
 */
#include <pagoda/kernel/handoff/plan.h>
#include <pagoda/lib/errata.h>
#include <pagoda/lib/features.h>
#include <pagoda/pi/early.h>

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
	plan_registers(plan);
	return stop_none();
}

void plan_move_image(struct boot_plan *plan, const struct image *image, u64 number)
{
	struct layout_region room = plan->layout.region[LAYOUT_VMALLOC];

	plan->kaslr_offset = kaslr_offset(room, image->size, number);
	place_image(plan, image);
}
