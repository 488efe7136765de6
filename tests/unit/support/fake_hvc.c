// SPDX-License-Identifier: MIT
/*
 * Nobody at EL2: for programs that could call. Host only.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/hyp/el2.h>

void hvc_call(u64 x[4])
{
	x[0] = STUB_REFUSED;
}
