/* SPDX-License-Identifier: MIT */
/*
 * The seams between assembly and C at boot: who calls whom, and with what.
 */
#ifndef PAGODA_START_H
#define PAGODA_START_H

/* What the image is linked at. Where it runs is decided at boot; 4K without KASLR comes closest. */
#define IMAGE_LINK_VA 0xffff800080000000

#ifndef __ASSEMBLER__

#include <pagoda/arch/entry.h>
#include <pagoda/kernel/start/main.h>

/* Called by head.S. MMU off, on the boot stack, .bss clear. */
void early_main(u64 fdt, u64 el, u64 sctlr, u64 hcr, u64 counter) __attribute__((noreturn));

/* Gets the first exception before the flip, on an empty boot stack, by way of early_fault. */
void early_exception(u64 esr, u64 elr, u64 far) __attribute__((noreturn));

/*
 * boot_fail() - say why on the console, where one is known, and stop with the code and values of
 * @stop in registers; of the first one, where it has been called before. MMU off. @phys_offset as
 * in early.h.
 */
void boot_fail(struct boot_handoff *handoff, const struct stop *stop, u64 phys_offset)
	__attribute__((noreturn));

#endif /* __ASSEMBLER__ */
#endif /* PAGODA_START_H */
