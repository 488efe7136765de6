/* SPDX-License-Identifier: MIT */
/*
 * Which console the kernel has: the one that was chosen at boot, if anything answers there, or else
 * the next. MMU on.
 */
#ifndef PAGODA_CONSOLE_CHOICE_H
#define PAGODA_CONSOLE_CHOICE_H

#include <pagoda/kernel/kernel.h>

/*
 * console_choose() - map the console and turn it on. Where it cannot be one, take the next in its
 * place; note in @kernel which it is, which was given up, and why.
 */
void console_choose(struct kernel *kernel);

#endif /* PAGODA_CONSOLE_CHOICE_H */
