/* SPDX-License-Identifier: MIT */
/* What CPUs that exist have in their ID registers. Host only. */
#ifndef FAKE_CPU_H
#define FAKE_CPU_H

#include <pagoda/lib/sysreg.h>

/* CPUs of QEMU 7.2, as `-cpu` names them. */
enum fake_cpu {
	FAKE_CPU_MAX,
	FAKE_CPU_MAX_LPA2_OFF, /* max,lpa2=off */
	FAKE_CPU_CORTEX_A53,
	FAKE_CPU_CORTEX_A57,
	FAKE_CPU_CORTEX_A72,
	FAKE_CPU_CORTEX_A76,
	FAKE_CPU_NEOVERSE_N1,
	FAKE_CPU_A64FX,
	FAKE_CPU_COUNT,
};

/* The ID registers of @cpu, by enum sysreg. */
const u64 *fake_cpu_id(enum fake_cpu cpu);
const char *fake_cpu_str(enum fake_cpu cpu);

#endif /* FAKE_CPU_H */
