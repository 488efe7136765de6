/* SPDX-License-Identifier: MIT */
/*
 * Whether another CPU can follow the decision that the first one made: the plan is of a whole
 * machine, and nobody decides twice. Pure: any world, and the host.
 */
#ifndef PAGODA_FOLLOW_H
#define PAGODA_FOLLOW_H

#include <pagoda/kernel/handoff/plan.h>

/* What one CPU brings along. */
struct cpu_facts {
	unsigned el; /* the exception level it was entered at */
	u64 frequency; /* CNTFRQ_EL0, Hz */
	const u64 *id; /* its ID registers after overrides, by enum sysreg */
};

/* What a CPU lacks that the plan, or the first CPU's way to act on it, counts on. */
enum follow_field {
	FOLLOW_OK,
	FOLLOW_LEVEL, /* entered at another exception level */
	FOLLOW_PAGE_SIZE, /* numbers are bytes; has 0 */
	FOLLOW_VA_BITS, /* FEAT_LPA2, FEAT_LVA */
	FOLLOW_WIDE_PA, /* descriptors of 52 bits: FEAT_LPA2, FEAT_LPA */
	FOLLOW_PA_BITS, /* PARange */
	FOLLOW_VHE,
	FOLLOW_BTI,
	FOLLOW_PAC, /* none, or of another algorithm: signatures would not agree */
	FOLLOW_PAN,
	FOLLOW_E0PD,
	FOLLOW_KPTI, /* this one would need it: FEAT_CSV3 is missing */
	FOLLOW_NOT_GLOBAL, /* this one cannot have it: errata_not_global() */
	FOLLOW_ASID_BITS,
	FOLLOW_VMID_BITS,
	FOLLOW_MTE,
	FOLLOW_BBM, /* changes of live tables leave out what this level allows */
	FOLLOW_TLBI_RANGE, /* operations that it would not know */
	FOLLOW_TTL, /* hints that it would take for address bits */
	FOLLOW_DATA_LINE, /* bytes; smaller lines: a loop by the first CPU's would pass some over */
	FOLLOW_CODE_LINE,
	FOLLOW_CODE_SYNC, /* CTR_EL0.IDC and DIC: caches that need more to be said */
	FOLLOW_FREQUENCY, /* Hz: time would not agree */
	FOLLOW_FIELD_COUNT,
};

/* "page size", "52-bit descriptors": what the field is called in reports. */
const char *follow_field_str(enum follow_field field);

/* The first thing that differs, what this CPU has and what it needs to have. */
struct follow {
	enum follow_field field;
	u64 has, needs;
};

/*
 * cpu_follows() - may @cpu turn its MMU on with the registers of @plan? @first: the CPU that the
 * plan was made on. A CPU that has more follows. FEAT_LPA2 and the like: DDI 0487 D19.2.
 */
struct follow cpu_follows(const struct boot_plan *plan, const struct cpu_facts *first,
			  const struct cpu_facts *cpu);

#endif /* PAGODA_FOLLOW_H */
