/* SPDX-License-Identifier: MIT */
/*
 * The console's command prompt. MMU on, after console_init().
 */
#ifndef PAGODA_SHELL_H
#define PAGODA_SHELL_H

#include <pagoda/kernel/kernel.h>

/*
 * shell_run() - run what pagoda.run= asks for, then read commands for ever. The interrupt
 * controller is for those, and first touched then: whatever a strange one does, the report is out.
 */
void shell_run(const struct kernel *kernel) __attribute__((noreturn));

/* shell_work() - from now on @function is called while the prompt waits: console_wait_working(). */
void shell_work(bool (*function)(void));

#endif /* PAGODA_SHELL_H */
