// SPDX-License-Identifier: MIT
//
// The key for pointer authentication.
// Runs with the MMU off, while early_fault is the vector of every exception.

#include <pagoda/arch/asm.h>

#define APIAKEYLO_EL1 S3_0_C2_C1_0
#define APIAKEYHI_EL1 S3_0_C2_C1_1

	.section .entry.text, "ax"

// pac_key_set(low, high): see include/pagoda/arch/arch.h.
//   out: x0 1, or 0 where the registers are forbidden	clobbers: x1, x2
// SCR_EL3.APK, or HCR_EL2.APK for EL1, lets this level write them. Firmware that was made before
// the feature leaves it clear.
routine pac_key_set
	mov	x2, x0
	landing	1f
	msr	APIAKEYLO_EL1, x2
	msr	APIAKEYHI_EL1, x1
	isb
	msr	tpidr_el0, xzr
	mov	x0, #1
	ret
1:	msr	tpidr_el0, xzr
	mov	x0, xzr
	ret
routine_end pac_key_set
