// SPDX-License-Identifier: MIT
//
// Calls to PSCI firmware through HVC or SMC. Any time. Source: Arm DEN 0022 (PSCI), DEN 0028
// (SMCCC).

#include <pagoda/arch/asm.h>

#define PSCI_NOT_SUPPORTED -1

	.text

// In: x0 function, x1 to x3 arguments. Out: x0 result. Clobbers what C allows a call to clobber.
routine psci_call_hvc
	mrs	x9, CurrentEL
	cmp	x9, #2 << 2
	b.eq	1f				// firmware above EL2 does not see HVC: we would
	hvc	#0
	ret
1:	mov	x0, #PSCI_NOT_SUPPORTED
	ret
routine_end psci_call_hvc

routine psci_call_smc
	smc	#0
	ret
routine_end psci_call_smc
