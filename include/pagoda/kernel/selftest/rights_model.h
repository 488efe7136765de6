/* SPDX-License-Identifier: MIT */
/*
 * What a translation of stage 1 allows whom, computed from the manual's words alone and nothing of
 * mm/pt: the model that self tests compare a CPU with. Direct permissions; no permission indirection
 * (FEAT_S1PIE). Pure: any world, and the host.
 * Source: DDI 0487 D8.4 (Memory access control), AArch64.S1DirectBasePermissions().
 */
#ifndef PAGODA_RIGHTS_MODEL_H
#define PAGODA_RIGHTS_MODEL_H

#include <pagoda/types.h>

/* Who does what. UNPRIVILEGED: LDTR and STTR at EL1. AT_: instructions that only ask. */
enum rights_access {
	RIGHTS_EL1_READ,
	RIGHTS_EL1_WRITE,
	RIGHTS_EL1_FETCH,
	RIGHTS_EL0_READ,
	RIGHTS_EL0_WRITE,
	RIGHTS_EL0_FETCH,
	RIGHTS_UNPRIVILEGED_READ,
	RIGHTS_UNPRIVILEGED_WRITE,
	RIGHTS_AT_S1E1R,
	RIGHTS_AT_S1E1W,
	RIGHTS_AT_S1E0R,
	RIGHTS_AT_S1E0W,
	RIGHTS_AT_S1E1RP,
	RIGHTS_AT_S1E1WP,
};

/* Bits of the leaf, of the tables above it, and of the CPU's state, each 0 or 1 but for these: */
struct rights {
	u8 ap; /* AP[2:1]: bit 1 is read-only, bit 0 is EL0's */
	u8 ap_table; /* APTable: bit 1 takes writing, bit 0 takes all of EL0 */
	bool pxn, uxn, pxn_table, uxn_table;
	bool hpd; /* TCR.HPD: what tables say does not count (FEAT_HPDS) */
	bool wxn, pan, epan;
};

/* rights_allow() - @access is allowed; or else it is a permission fault. */
bool rights_allow(const struct rights *rights, enum rights_access access);

#endif /* PAGODA_RIGHTS_MODEL_H */
