/* SPDX-License-Identifier: MIT */
/*
 * For console.c only. console_sleep() - with interrupts masked, while the console receives by them:
 * until a key is typed, or for a moment.
 */
#ifndef CONSOLE_RECEIVE_H
#define CONSOLE_RECEIVE_H

void console_sleep(void);

#endif /* CONSOLE_RECEIVE_H */
