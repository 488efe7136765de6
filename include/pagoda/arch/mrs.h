/* SPDX-License-Identifier: MIT */
/*
 * System registers from C by the names that the assembler has for them, in quotation marks. What
 * the kernel writes of sysreg.tbl goes by arch/arm64/cpu/registers.h. For what runs at EL1 or EL2.
 */
#ifndef PAGODA_MRS_H
#define PAGODA_MRS_H

#define READ(name)                                                      \
	({                                                              \
		u64 value_;                                             \
		asm volatile("mrs %0, " name : "=r"(value_)::"memory"); \
		value_;                                                 \
	})
#define WRITE(name, value) asm volatile("msr " name ", %x0" ::"rZ"((u64)(value)) : "memory")

#endif /* PAGODA_MRS_H */
