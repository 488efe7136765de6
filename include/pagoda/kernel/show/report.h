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

/* What UEFI firmware left behind: lines of the report, and a member of the document. */
void report_efi(const struct kernel *kernel);
void report_json_efi(const struct kernel *kernel, struct json *json);

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

/* What a user should know without asking. */
enum report_warning {
	WARNING_RODATA_OFF,
	WARNING_NOWXN,
	WARNING_WRITABLE_EXECUTABLE, /* and nobody asked for it */
	WARNING_NO_ENTROPY,
	WARNING_RAM_UNREACHABLE, /* beyond the output address */
	WARNING_RAM_OUTSIDE, /* beyond the linear map's window */
	WARNING_RAM_LIMITED, /* mem= */
	WARNING_RAM_OVERLAPS,
	WARNING_IMAGE_RESERVED,
	WARNING_MEMORY_DROPPED,
	WARNING_NO_CHOSEN,
	WARNING_COMMAND_LINE_CUT,
	WARNING_OVERRIDES_DROPPED,
	WARNING_NO_PSCI,
	WARNING_CONSOLE_LOST, /* another one is used, or none */
	WARNING_CONSOLE_UNNAMED, /* by stdout-path */
	WARNING_ENTRY_MMU, /* the loader left it on */
	WARNING_INIT_MAPPED, /* what only the early runtime needed */
	WARNING_NO_GUARD, /* below the stack */
	WARNING_COUNT,
};

#define WARNING_TEXT_MAX 160

/* report_warning() - true and the words in @text where @warning applies. */
bool report_warning(const struct kernel *kernel, enum report_warning warning,
		    char text[WARNING_TEXT_MAX]);

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
