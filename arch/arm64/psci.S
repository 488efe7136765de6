// SPDX-License-Identifier: MIT
//
// Calls to PSCI firmware through HVC or SMC. Any time. Source: Arm DEN 0022 (PSCI), DEN 0028
// (SMCCC).

#include <pagoda/asm.h>

	.text

// In: x0 function, x1 to x3 arguments. Out: x0 result. Clobbers what C allows a call to clobber.
routine psci_call_hvc
	hvc	#0
	ret
routine_end psci_call_hvc

routine psci_call_smc
	smc	#0
	ret
routine_end psci_call_smc
