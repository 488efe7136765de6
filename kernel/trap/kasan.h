/* SPDX-License-Identifier: MIT */
/*
 * KASAN's part of an exception's report, for kernel/trap only. In the ordinary build nobody calls
 * these. MMU on, on the exceptions' own stack.
 */
#ifndef TRAP_KASAN_H
#define TRAP_KASAN_H

#include <pagoda/kernel/cpu/cpu.h>

/* kasan_found() - the exception is kasan_stop()'s, and no fault that somebody waits for. */
bool kasan_found(const struct exception_frame *frame);

/* What stands before the calls that led there, and what behind them. */
void kasan_report_begin(const struct cpu *cpu, const struct exception_frame *frame);
void kasan_report_end(const struct cpu *cpu, const struct exception_frame *frame);

#endif /* TRAP_KASAN_H */
