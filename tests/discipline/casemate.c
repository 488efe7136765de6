// SPDX-License-Identifier: MIT
/*
 * The steps that concern tables as a trace that the checker of rems-project/casemate reads: one
 * s-expression each, with its number, its thread and where in the Image it was executed. Tables
 * that were built before a root was in use are written when it is. That model is of EL2's own
 * tables and of stage 2: docs/discipline.md says what it makes of others.
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
		fprintf(out, "(%s (id %lu) (tid %u)", what, steps++, now.cpu);
	return out != NULL;
}

/* Where from: a file and a line there, an offset in the Image here. */
static void end(void)
{
	fprintf(out, " (src \"Image:%lu\"))\n", (unsigned long)(now.place - report.base));
}

void casemate_write(u64 pa, u64 value, bool release)
{
	if (!begin("mem-write"))
		return;
	fprintf(out, " (mem-order %s) (address 0x%lx) (value 0x%lx)", release ? "release" : "plain",
		(unsigned long)pa, (unsigned long)value);
	end();
}

/*
 * Memory that holds a table from now on. One CPU runs, so it holds the lock of every root, whose
 * address is the root's, all the time.
 */
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
	if (pa != root)
		return;
	begin("lock");
	fprintf(out, " (address 0x%lx)", (unsigned long)root);
	end();
}

/* NULL: none of those that a trace has. */
static const char *dsb_name(const struct insn *insn)
{
	if (insn->domain == 2 && insn->types == 2)
		return "ishst";
	if (insn->types != 3)
		return NULL;
	return insn->domain == 1 ? "nsh" :
	       insn->domain == 2 ? "ish" :
	       insn->domain == 3 ? "sy" :
				   NULL;
}

void casemate_barrier(const struct insn *insn)
{
	const char *kind = dsb_name(insn);

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

/* The manual's name of a TLBI, by op1, CRm and op2; false: none of those that a trace has. */
static bool tlbi_name(u32 operation, char name[32])
{
	static const char *const names[2][8] = {
		{ "vmalle1", "vae1", "aside1", "vaae1", NULL, "vale1", NULL, "vaale1" },
		{ "alle2", "vae2", NULL, NULL, "alle1", "vale2", "vmalls12e1", NULL },
	};
	unsigned op1 = operation >> 11 & 7, crm = operation >> 3 & 15, op2 = operation & 7;
	bool range = crm == 2 || crm == 5 || crm == 6;
	const char *base = names[op1 == 4][op2];
	const char *who = crm == 2 || crm == 3 ? "is" : crm == 1 || crm == 5 ? "os" : "";

	if (op1 == 4 && (crm == 0 || crm == 4)) {
		base = op2 == 1 ? "ipas2e1" : NULL;
		who = crm == 0 ? "is" : "";
	}
	if (base == NULL)
		return false;
	snprintf(name, 32, "%s%s%s", range ? "r" : "", base, who);
	return true;
}

void casemate_tlbi(u32 operation, u64 operand)
{
	bool all = (operation & 7) == 0 || (operation & 7) == 4 || (operation & 7) == 6;
	char name[32];

	if (!tlbi_name(operation, name) || !begin("tlbi"))
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
