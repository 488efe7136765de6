/* SPDX-License-Identifier: MIT */
/*
 * Overrides of ID registers: what one may do to a register, and what those on the command line make
 * of a CPU that does not boot. Pure; usable with the MMU off.
 */
#ifndef PAGODA_OVERRIDE_H
#define PAGODA_OVERRIDE_H

#include <pagoda/kernel/handoff/handoff.h>

/*
 * override_check() - may @content be put into @field of @reg, of a CPU that has @had? A content
 * that fits the field. @id: the same registers after overrides. REASON_NONE, REASON_RAISES,
 * REASON_E2H_STUCK.
 */
enum override_reason override_check(const u64 had[SYSREG_FACT_COUNT],
				    const u64 id[SYSREG_FACT_COUNT], enum sysreg reg,
				    const struct sysreg_field *field, unsigned content);

/*
 * override_apply_for_cpu() - @id, the ID registers of CPU @cpu, not 0, as it has them, become what
 * the kernel is to see: what was lowered of the CPU that boots is lowered to that here, too, where
 * it is above; and then what pagoda.cpu= says of this CPU counts, word by word. Their records,
 * which say until then that there is no such CPU, get what came of them. Once for each CPU that is
 * there.
 */
void override_apply_for_cpu(struct boot_handoff *handoff, unsigned cpu, u64 id[SYSREG_FACT_COUNT]);

#endif /* PAGODA_OVERRIDE_H */
