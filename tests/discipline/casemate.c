// SPDX-License-Identifier: MIT
/*
 * The steps that concern tables as a trace that the checker of rems-project/casemate reads: one
 * s-expression each, with its number and its thread. What that model has no words for is left out
 * and counted at the end, in a comment's place: nowhere, since the format has none.
 */
#include <stdio.h>
#include <stdlib.h>

#include "judge.h"

static FILE *out;
static unsigned long steps;

void casemate_open(const char *path)
{
	out = fopen(path, "w");
	if (out == NULL)
		cannot_judge("%s cannot be written", path);
}

static bool begin(const char *what)
{
	if (out != NULL)
		fprintf(out, "(%s (id %lu) (tid 0)", what, steps++);
	return out != NULL;
}

/* Where from: an offset in the Image. */
static void end(void)
{
	fprintf(out, " (src \"+0x%lx\"))\n", (unsigned long)(now.place - report.base));
}

void casemate_write(u64 pa, u64 value, bool release)
{
	if (!begin("mem-write"))
		return;
	fprintf(out, " (mem-order %s) (address 0x%lx) (value 0x%lx)", release ? "release" : "plain",
		(unsigned long)pa, (unsigned long)value);
	end();
}

/* A page that holds a table from now on; the owner is known by its root. */
void casemate_table(u64 pa, u64 size, u64 root)
{
	if (!begin("mem-init"))
		return;
	fprintf(out, " (address 0x%lx) (size 0x%lx)", (unsigned long)pa, (unsigned long)size);
	end();
	begin("hint");
	fprintf(out, " (kind %s) (location 0x%lx) (value 0x%lx)",
		pa == root ? "set_root_lock" : "set_owner_root", (unsigned long)pa,
		(unsigned long)root);
	end();
}

void casemate_barrier(const struct insn *insn)
{
	static const char *const kinds[4][4] = {
		[1] = { [3] = "nsh" },
		[2] = { [2] = "ishst", [3] = "ish" },
		[3] = { [3] = "sy" },
	};
	const char *kind = kinds[insn->domain][insn->types];

	if (insn->barrier == BARRIER_DMB || (insn->barrier == BARRIER_DSB && kind == NULL))
		return;
	if (!begin("barrier"))
		return;
	if (insn->barrier == BARRIER_ISB)
		fprintf(out, " isb");
	else
		fprintf(out, " dsb (kind %s)", kind);
	end();
}

static const char *tlbi_name(u32 operation)
{
	switch (operation & 0x3fff) {
	case SYSREG(0, 0, 8, 3, 0):
		return "vmalle1is";
	case SYSREG(0, 0, 8, 7, 0):
		return "vmalle1";
	case SYSREG(0, 4, 8, 3, 0):
		return "alle2is";
	case SYSREG(0, 4, 8, 3, 1):
		return "vae2is";
	case SYSREG(0, 4, 8, 7, 1):
		return "vae2";
	case SYSREG(0, 4, 8, 3, 5):
		return "vale2is";
	case SYSREG(0, 4, 8, 3, 4):
		return "alle1is";
	case SYSREG(0, 4, 8, 3, 6):
		return "vmalls12e1is";
	case SYSREG(0, 4, 8, 7, 6):
		return "vmalls12e1";
	case SYSREG(0, 4, 8, 0, 1):
		return "ipas2e1is";
	}
	return NULL;
}

void casemate_tlbi(u32 operation, u64 operand)
{
	const char *name = tlbi_name(operation);
	bool all = (operation & 7) == 0 || (operation & 7) == 4 || (operation & 7) == 6;

	if (name == NULL || !begin("tlbi"))
		return;
	fprintf(out, " %s", name);
	if (!all)
		fprintf(out, " (value 0x%lx)", (unsigned long)operand);
	end();
}

void casemate_register(const char *name, u64 value)
{
	if (!begin("sysreg-write"))
		return;
	fprintf(out, " (sysreg %s) (value 0x%lx)", name, (unsigned long)value);
	end();
}

void casemate_close(void)
{
	if (out != NULL)
		fclose(out);
	out = NULL;
}
