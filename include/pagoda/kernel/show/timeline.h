/* SPDX-License-Identifier: MIT */
/*
 * The boot's timeline as text. MMU on, after console_init().
 */
#ifndef PAGODA_TIMELINE_H
#define PAGODA_TIMELINE_H

#include <pagoda/kernel/kernel.h>

/* timeline_text() - a line for each stage: ticks, microseconds, share of the boot, a bar. */
void timeline_text(const struct kernel *kernel);

#endif /* PAGODA_TIMELINE_H */
