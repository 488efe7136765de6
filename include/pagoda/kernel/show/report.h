/* SPDX-License-Identifier: MIT */
/*
 * What the CPU offers, what was decided and why, and what came of it: as text for people and as
 * JSON for programs, the same facts. MMU on, after console_init(). Never shows the KASLR seed.
 */
#ifndef PAGODA_REPORT_H
#define PAGODA_REPORT_H

#include <pagoda/lib/json.h>
#include <pagoda/kernel/kernel.h>

/*
 * report_text() - the report, at most 100 columns wide, but for the command line.
 * report_boot() - what is printed at boot: the report, or with `quiet` only what is wrong.
 */
void report_text(const struct kernel *kernel);
void report_boot(const struct kernel *kernel);

/* Every override on the command line with its fate, one a line. */
void report_overrides(const struct kernel *kernel);

/* Parts of it: the virtual address space by region; physical memory, and where it is mapped. */
void report_layout(const struct kernel *kernel);
void report_memory(const struct kernel *kernel);

/* One JSON document: docs/report.schema.json. */
void report_json(const struct kernel *kernel);

/*
 * report_json_members() - the members of that document. @document: its kind, "report" or "ptdump",
 * by which readers know whether `tables` follows.
 */
void report_json_members(const struct kernel *kernel, struct json *json, const char *document);

/* A control register, by the name that it has at the kernel's exception level. */
struct report_register {
	enum sysreg reg; /* which has EL1's name */
	char name[20];
	u64 value;
};

/* report_register() - the control registers, by @index from 0 on; false where there are no more. */
bool report_register(const struct kernel *kernel, unsigned index, struct report_register *reg);

/* WXN as SCTLR has it now. */
bool report_wxn(const struct kernel *kernel);

#endif /* PAGODA_REPORT_H */
