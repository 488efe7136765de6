// SPDX-License-Identifier: MIT
/*
 * ASIDs and their generations.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/proc/asid.h>

#define GENERATION_SHIFT 16

void asids_init(struct asids *asids, unsigned bits)
{
	*asids = (struct asids){ .bits = bits, .generation = 1, .next = ASID_NONE + 1 };
}

static bool is_current(const struct asids *asids, asid_t asid)
{
	return asid.value >> GENERATION_SHIFT == asids->generation;
}

static asid_t make(const struct asids *asids, u64 number)
{
	return (asid_t){ asids->generation << GENERATION_SHIFT | number };
}

/* Whose @asid a CPU was using may go on with the number; its owner is the only one who asks. */
static bool keep(struct asids *asids, asid_t *asid)
{
	for (unsigned i = 0; asid->value != ASID_NONE && i < ASID_CPUS_MAX; i++) {
		if (asids->kept[i].value != asid->value)
			continue;
		*asid = make(asids, asid_number(*asid));
		asids->kept[i] = *asid;
		return true;
	}
	return false;
}

static bool is_kept(const struct asids *asids, u64 number)
{
	for (unsigned i = 0; i < ASID_CPUS_MAX; i++)
		if (asids->kept[i].value != ASID_NONE && asid_number(asids->kept[i]) == number)
			return true;
	return false;
}

static void roll_over(struct asids *asids)
{
	asids->generation++;
	asids->next = ASID_NONE + 1;
	for (unsigned i = 0; i < ASID_CPUS_MAX; i++)
		asids->kept[i] = asids->active[i];
}

void asids_limit(struct asids *asids, unsigned bits)
{
	asids->bits = bits;
	roll_over(asids);
}

bool asid_take(struct asids *asids, unsigned cpu, asid_t had, asid_t *asid)
{
	bool rolled = false;

	*asid = had;
	if (!is_current(asids, had) && !keep(asids, asid)) {
		while (asids->next >> asids->bits != 0 || is_kept(asids, asids->next)) {
			if (asids->next >> asids->bits == 0) {
				asids->next++;
				continue;
			}
			roll_over(asids);
			rolled = true;
		}
		*asid = make(asids, asids->next++);
	}
	asids->active[cpu] = *asid;
	return rolled;
}

void asid_leave(struct asids *asids, unsigned cpu)
{
	asids->active[cpu] = (asid_t){ ASID_NONE };
}
