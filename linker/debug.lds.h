/* SPDX-License-Identifier: MIT */
/*
 * What is linked for debuggers, and is in no memory: for linker scripts, which say what a
 * DEBUG_SECTION() is.
 */
#define DEBUG_SECTIONS                 \
	DEBUG_SECTION(.debug_info)     \
	DEBUG_SECTION(.debug_abbrev)   \
	DEBUG_SECTION(.debug_aranges)  \
	DEBUG_SECTION(.debug_frame)    \
	DEBUG_SECTION(.debug_line)     \
	DEBUG_SECTION(.debug_line_str) \
	DEBUG_SECTION(.debug_loclists) \
	DEBUG_SECTION(.debug_rnglists) \
	DEBUG_SECTION(.debug_str)      \
	DEBUG_SECTION(.symtab)         \
	DEBUG_SECTION(.strtab)         \
	DEBUG_SECTION(.shstrtab)
