/* SPDX-License-Identifier: MIT */
/*
 * A walk of stage 1, from the manual's words alone and nothing of mm/pt: what a CPU must make of an
 * address, whatever stands in the tables. For self tests that write at random.
 * Pure: any world, and the host.
 * Source: DDI 0487 D8.2, D8.3, R_XCHFJ; AArch64.S1Walk().
 */
#ifndef PAGODA_WALK_MODEL_H
#define PAGODA_WALK_MODEL_H

#include <pagoda/kernel/selftest/rights_model.h>

/* How the lower half is walked, and what its root is. */
struct walk_model {
	unsigned granule_shift; /* 12, 14 or 16 */
	unsigned bits; /* of input address: 64 - T0SZ */
	unsigned output_bits; /* what TCR.IPS means */
	bool ds; /* TCR.DS */
	bool large_blocks; /* 64K: the CPU has 52-bit physical addresses */
	bool sets_flag; /* TCR.HA */
	bool hpd; /* TCR.HPD0 */
	u64 root;
	u64 memory; /* add it to a table's physical address for a pointer; mod 2^64 */
	u64 tables, tables_end; /* where tables may be: no other is looked into */
};

enum walk_kind {
	WALK_ADDRESS_SIZE, /* as enum fault_kind has them */
	WALK_TRANSLATION,
	WALK_ACCESS_FLAG,
	WALK_FINE, /* a leaf: @rights say the rest */
	WALK_LOST, /* a table that is none of ours: nothing is known */
};

struct walk_end {
	enum walk_kind kind;
	int level;
	u64 pa;
	struct rights rights; /* of the leaf and of the tables; not of the CPU */
};

/* walk_model() - how the walk of @va ends. */
struct walk_end walk_model(const struct walk_model *model, u64 va);

#endif /* PAGODA_WALK_MODEL_H */
