/* SPDX-License-Identifier: MIT */
/*
 * The console of a machine on which no UART works: output only. MMU on, in two steps, since
 * consoles are looked for before there is memory, and these take some.
 */
#ifndef PAGODA_CONSOLE_FALLBACK_H
#define PAGODA_CONSOLE_FALLBACK_H

#include <pagoda/kernel/kernel.h>

/*
 * console_fallbacks_find() - note what the FDT has, where the console that kernel->console is calls
 * for it: there is none, or stdout-path names something that is no UART. Right after it was chosen.
 */
void console_fallbacks_find(const struct kernel *kernel);

/*
 * console_fallback() - make the first of them that works the console, and note it in @kernel: one
 * that stdout-path names, or where there is no console any. What is given up is printed. After
 * alloc_init().
 */
void console_fallback(struct kernel *kernel);

#endif /* PAGODA_CONSOLE_FALLBACK_H */
