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

/*
 * console_find() - the same; and where @stop says that the tree cannot be used, and there is no
 * console, once more with what a search finds that forgives the tree more.
 */
void console_find(struct kernel *kernel, struct boot_handoff *handoff, const struct stop *stop);

#endif /* PAGODA_CONSOLE_CHOICE_H */
