/* SPDX-License-Identifier: MIT */
/*
 * What self tests need that all CPUs take part in. MMU on, on the boot CPU where nothing else is
 * said.
 */
#ifndef PAGODA_OTHERS_H
#define PAGODA_OTHERS_H

#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/kernel/smp/smp.h>

/* others_exist() - a CPU beside this one runs; where not, the test is skipped. */
bool others_exist(struct selftest *test);

/*
 * others_start() - all CPUs but this one do @work, each with the same context. others_wait() -
 * until they have: a check for each.
 */
void others_start(const struct smp *smp, struct cpu_work *work);
void others_wait(struct selftest *test);

/* What CPUs have said; they only add. */
struct verdict {
	u32 asked, wrong;
	u64 first; /* what was wrong first */
};

/* verdict_add() - on any CPU, about @value. verdict_check() - @what, if one of them was wrong. */
void verdict_add(struct verdict *verdict, bool holds, u64 value);
void verdict_check(struct selftest *test, const struct verdict *verdict, const char *what);

#endif /* PAGODA_OTHERS_H */
