/* SPDX-License-Identifier: MIT */
/*
 * Registers and instructions of sysreg.tbl from C, by encoding, so that an old assembler need not
 * know their names: a system instruction is written as a register is. For arch/arm64 only.
 */
#ifndef ARM64_REGISTERS_H
#define ARM64_REGISTERS_H

#include <pagoda/lib/sysreg.h>

#define STRINGIFY_(text) #text
#define STRINGIFY(text) STRINGIFY_(text)

#define READ_REGISTER(name)                                                              \
	({                                                                               \
		u64 value_;                                                              \
		asm volatile("mrs %0, " STRINGIFY(SYS_##name) : "=r"(value_)::"memory"); \
		value_;                                                                  \
	})

#define WRITE_REGISTER(name, value) \
	asm volatile("msr " STRINGIFY(SYS_##name) ", %x0" ::"rZ"((u64)(value)) : "memory")

#endif /* ARM64_REGISTERS_H */
