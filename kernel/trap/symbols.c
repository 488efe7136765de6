// SPDX-License-Identifier: MIT
/*
 * The image's own table of functions, which scripts/gen-symbols makes.
 * Runs in the kernel, MMU on. Not built for the host.
 */
#include <pagoda/kernel/trap/backtrace.h>

/* linker/pagoda.lds.S: only their addresses mean anything. */
extern u8 _text_start[], _text_end[];

/* scripts/gen-symbols */
extern const u32 symbol_count, symbol_offsets[];
extern const char symbol_names[];

struct symbols symbols_get(void)
{
	return (struct symbols){ .text_start = (uintptr_t)_text_start,
				 .text_end = (uintptr_t)_text_end,
				 .count = symbol_count,
				 .offsets = symbol_offsets,
				 .names = symbol_names };
}
