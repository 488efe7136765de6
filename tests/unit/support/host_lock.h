/* SPDX-License-Identifier: MIT */
/*
 * Locks on the host: a thread is a CPU, and what is taken while something else is held is noted, so
 * that an order that could end in a deadlock is found without one. Host only.
 */
#ifndef TESTS_HOST_LOCK_H
#define TESTS_HOST_LOCK_H

#include <pagoda/arch/lock.h>

/*
 * host_lock_ordered() - whether @second was ever taken by who had @first. The other way round ends
 * the program when it happens, as does taking a lock twice, or more locks than there is room for.
 */
bool host_lock_ordered(const struct lock *first, const struct lock *second);

#endif /* TESTS_HOST_LOCK_H */
