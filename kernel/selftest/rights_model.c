// SPDX-License-Identifier: MIT
/*
 * The model of permissions.
 * Runs in the kernel, MMU on, and on the host. May not use: what mm/pt knows of descriptors.
 */
#include <pagoda/kernel/selftest/rights_model.h>

#define AP_EL0 1
#define AP_READ_ONLY 2
#define AP_TABLE_NO_EL0 1
#define AP_TABLE_NO_WRITE 2

/* What one of two privileges may. */
struct may {
	bool read, write, execute;
};

static bool is_el0(enum rights_access access)
{
	switch (access) {
	case RIGHTS_EL0_READ:
	case RIGHTS_EL0_WRITE:
	case RIGHTS_EL0_FETCH:
	case RIGHTS_UNPRIVILEGED_READ:
	case RIGHTS_UNPRIVILEGED_WRITE:
	case RIGHTS_AT_S1E0R:
	case RIGHTS_AT_S1E0W:
		return true;
	case RIGHTS_EL1_READ:
	case RIGHTS_EL1_WRITE:
	case RIGHTS_EL1_FETCH:
	case RIGHTS_AT_S1E1R:
	case RIGHTS_AT_S1E1W:
	case RIGHTS_AT_S1E1RP:
	case RIGHTS_AT_S1E1WP:
		break;
	}
	return false;
}

/*
 * PSTATE.PAN is for EL1's own loads and stores, and for the two AT that ask about them: not for
 * fetches, nor for an access with EL0's rights, nor for the other AT.
 */
static bool minds_pan(enum rights_access access)
{
	return access == RIGHTS_EL1_READ || access == RIGHTS_EL1_WRITE ||
	       access == RIGHTS_AT_S1E1RP || access == RIGHTS_AT_S1E1WP;
}

static void base(const struct rights *rights, struct may *el1, struct may *el0)
{
	unsigned tables = rights->hpd ? 0 : rights->ap_table;

	*el1 = (struct may){ .read = true, .write = !(rights->ap & AP_READ_ONLY) };
	*el0 = (struct may){ .read = rights->ap & AP_EL0, .write = rights->ap == AP_EL0 };
	if (tables & AP_TABLE_NO_EL0)
		el0->read = el0->write = false;
	if (tables & AP_TABLE_NO_WRITE)
		el1->write = el0->write = false;
	/* What EL0 can write is never EL1's to execute. */
	el1->execute = !rights->pxn && (rights->hpd || !rights->pxn_table) && !el0->write;
	el0->execute = !rights->uxn && (rights->hpd || !rights->uxn_table);
}

static bool is_allowed(struct may may, enum rights_access access)
{
	switch (access) {
	case RIGHTS_EL1_READ:
	case RIGHTS_EL0_READ:
	case RIGHTS_UNPRIVILEGED_READ:
	case RIGHTS_AT_S1E1R:
	case RIGHTS_AT_S1E0R:
	case RIGHTS_AT_S1E1RP:
		return may.read;
	case RIGHTS_EL1_WRITE:
	case RIGHTS_EL0_WRITE:
	case RIGHTS_UNPRIVILEGED_WRITE:
	case RIGHTS_AT_S1E1W:
	case RIGHTS_AT_S1E0W:
	case RIGHTS_AT_S1E1WP:
		return may.write;
	case RIGHTS_EL1_FETCH:
	case RIGHTS_EL0_FETCH:
		break;
	}
	return may.execute;
}

bool rights_allow(const struct rights *rights, enum rights_access access)
{
	struct may el1, el0, may;

	base(rights, &el1, &el0);
	/* With EPAN (FEAT_PAN3), what EL0 can only execute is kept from EL1 as well. */
	if (rights->pan && minds_pan(access) && (el0.read || (rights->epan && el0.execute)))
		el1.read = el1.write = false;
	may = is_el0(access) ? el0 : el1;
	if (rights->wxn && may.write)
		may.execute = false;
	return is_allowed(may, access);
}
