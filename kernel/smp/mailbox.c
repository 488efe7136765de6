// SPDX-License-Identifier: MIT
/*
 * The boot CPU's side of a mailbox: what the other one reads is cleaned to the point of coherency,
 * and what it has written is read from there.
 * Runs in the kernel, MMU on, and on the host.
 *
 * A line of the half that the other CPU writes is never dirty here: it is written once, before that
 * CPU is called, and cleaned at once, and DC CIVAC leaves none behind. So to invalidate it later
 * loses nothing, and whatever a prefetch brings back meanwhile is dropped before each look. Why the
 * halves share no line: include/pagoda/arch/secondary.h. QEMU shows nothing of this; the discipline
 * check does (C5).
 */
#include <pagoda/arch/arch.h>
#include <pagoda/lib/string.h>

#include "parts.h"

/* In the order given: nobody must find a mailbox that is his with what was in it before. */
static void tell_word(u64 *word, u64 value, u64 line)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
	dcache_clean(word, sizeof(*word), line);
}

static u64 off_way(const struct device_psci *psci)
{
	if (psci->cpu_off == 0 || psci->conduit == PSCI_NONE)
		return OFF_PARK;
	return psci->conduit == PSCI_HVC ? OFF_HVC : OFF_SMC;
}

void mailbox_open(struct mailbox *mailbox, u64 mpidr, const struct device_psci *psci, u64 line)
{
	memset(&mailbox->said, 0, sizeof(mailbox->said));
	dcache_clean(&mailbox->said, MAILBOX_HALF, line);
	memset(&mailbox->told, 0, sizeof(mailbox->told));
	mailbox->told.mpidr = (u64)MPIDR_NOBODY;
	mailbox->told.off = off_way(psci);
	mailbox->told.off_function = psci->cpu_off;
	dcache_clean(&mailbox->told, sizeof(mailbox->told), line);
	tell_word(&mailbox->told.mpidr, mpidr, line);
}

/*
 * What stands beside the state was stored before it; so it must be dropped here after it is seen.
 * And only the state that was seen before is good: looked at again, it may be a later one.
 */
u64 mailbox_hear(struct mailbox *mailbox, u64 line)
{
	struct said *said = &mailbox->said;
	u64 state;

	dcache_invalidate(&said->state, sizeof(said->state), line);
	state = __atomic_load_n(&said->state, __ATOMIC_ACQUIRE);
	if (state != SAID_NOTHING)
		dcache_invalidate(said, sizeof(*said), line);
	return state;
}

/* The CPU looks all the time: before the rest is there, nothing may even pass as a verdict. */
void mailbox_tell(struct mailbox *mailbox, const struct told *told, u64 line)
{
	struct told *own = &mailbox->told;
	struct told all = *told;

	all.mpidr = own->mpidr;
	all.off = own->off;
	all.off_function = own->off_function;
	all.verdict = VERDICT_NONE;
	*own = all;
	secret_wipe(all.key, sizeof(all.key));
	dcache_clean(&mailbox->told, sizeof(mailbox->told), line);
	tell_word(&mailbox->told.verdict, told->verdict, line);
	event_send();
}

void mailbox_withdraw(struct mailbox *mailbox, u64 line)
{
	secret_wipe(mailbox->told.key, sizeof(mailbox->told.key));
	dcache_clean(mailbox->told.key, sizeof(mailbox->told.key), line);
	tell_word(&mailbox->told.verdict, VERDICT_REFUSED, line);
	event_send();
}

void mailbox_close(struct mailbox *mailbox, u64 line)
{
	secret_wipe(&mailbox->told, sizeof(mailbox->told));
	mailbox->told.mpidr = (u64)MPIDR_NOBODY;
	dcache_clean(&mailbox->told, sizeof(mailbox->told), line);
}
