/* SPDX-License-Identifier: MIT */
/*
 * The live page tables on the console: as text, as JSON, and one walk level by level. MMU on, after
 * console_init(). Reads the tables only; safe while others map.
 */
#ifndef PAGODA_DUMP_H
#define PAGODA_DUMP_H

#include <pagoda/kernel/proc/process.h>

/*
 * One line a run of equal descriptors, in the columns of Linux's kernel_page_tables but for the
 * level by number and the physical address; region markers from the layout; an audit at the end.
 */
void dump_kernel(const struct kernel *kernel);
void dump_idmap(const struct kernel *kernel);
void dump_program(const struct process *process);

/* dump_el0() - the upper half as EL0 sees it: where there is KPTI. */
void dump_el0(const struct kernel *kernel);

/* Which runs of which map to show, and how. */
struct dump_filter {
	bool kernel, idmap, el0; /* maps */
	const struct process *program; /* and this one's, or null */
	bool json; /* after the report, in one document: docs/report.schema.json */
	bool has_range;
	vaddr_t start, end; /* multiples of the page size; end 0 means 2^64 */
	bool has_level;
	int level;
	bool writable_executable; /* only what is both */
	bool has_permissions;
	bool write, execute; /* exactly these */
};

/* dump_filtered() - the runs that @filter lets through, and how many they are. */
void dump_filtered(const struct kernel *kernel, const struct dump_filter *filter);

/*
 * dump_walk() - show how @va translates: every descriptor on the way, and what comes out; with
 * @fields, each descriptor field by field too.
 * Any @va, canonical or not, mapped or not: fault handlers call this. Tables outside RAM are
 * not followed, so a damaged tree ends the walk and not the kernel.
 */
void dump_walk(const struct kernel *kernel, vaddr_t va, bool fields);

/* dump_walk_program() - the same in the addresses of @process, with fields. */
void dump_walk_program(const struct process *process, vaddr_t va);

/* dump_fields() - the fields of a descriptor of @regime, from the highest bit to the lowest. */
void dump_fields(const struct regime *regime, pte_t pte, enum pte_kind kind);

#endif /* PAGODA_DUMP_H */
