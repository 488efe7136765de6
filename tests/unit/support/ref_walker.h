/* SPDX-License-Identifier: MIT */
/*
 * A reference translation table walker: stage 1 of the EL1&0 regime as DDI 0487 D8 describes it,
 * for the host's tests to compare Pagoda with. Host only. It includes none of Pagoda's headers and
 * shares no name, type or formula with them, so that one mistake cannot be made twice.
 */
#ifndef REF_WALKER_H
#define REF_WALKER_H

#include <stdbool.h>
#include <stdint.h>

/* What TCR_EL1 and the CPU say about one half of the address space. */
struct ref_tcr {
	unsigned granule_bits; /* TGx: 12, 14 or 16 */
	unsigned input_bits; /* 64 - TxSZ */
	unsigned output_bits; /* IPS */
	unsigned sh; /* SHx */
	bool upper; /* translated through TTBR1_EL1 */
	bool ds; /* TCR_EL1.DS; 4K and 16K */
	bool lpa; /* FEAT_LPA; 64K */
};

/* Physical memory: one 64-bit word, or false where there is none. */
struct ref_memory {
	bool (*read)(void *context, uint64_t pa, uint64_t *word);
	void *context;
};

enum ref_fault {
	REF_NO_FAULT,
	REF_TRANSLATION,
	REF_ADDRESS_SIZE,
	REF_ACCESS_FLAG,
	REF_EXTERNAL, /* synchronous external abort on the walk */
};

/* With a fault only fault, level, steps and table_attributes mean anything. */
struct ref_result {
	enum ref_fault fault;
	int level; /* of the fault, or of the block or page */
	unsigned steps; /* descriptors read */
	uint64_t pa; /* of the very byte */
	uint64_t size; /* of the block or page */
	bool contiguous;
	bool el1_write, el1_execute, el0_read, el0_write, el0_execute;
	bool guarded, global;
	unsigned attr_index;
	unsigned sh; /* SH of the descriptor, or of TCR_EL1 with DS */
	uint64_t table_attributes; /* bits 63:59 of the table descriptors, ORed */
};

struct ref_result ref_walk(const struct ref_tcr *tcr, uint64_t ttbr,
			   const struct ref_memory *memory, uint64_t va);

/*
 * All tables that walks can pass, each once, however many descriptors lead to it: a table may be
 * shared, and what hangs below TTBR then is a graph without circles, and no tree.
 */
#define REF_TABLES_MAX 512

struct ref_tables {
	unsigned count;
	struct {
		uint64_t pa;
		int level;
		unsigned links; /* descriptors that lead there; the root has none */
		bool uniform; /* all of its descriptors are the same, and valid */
	} table[REF_TABLES_MAX];
};

/* False where there are more, memory is missing, or one table is used at two levels. */
bool ref_tables(const struct ref_tcr *tcr, uint64_t ttbr, const struct ref_memory *memory,
		struct ref_tables *tables);

#endif /* REF_WALKER_H */
