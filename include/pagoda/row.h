/* SPDX-License-Identifier: MIT */
/*
 * Rows of tables to which any file adds its own: commands, self tests. A table is a section; the
 * linker joins what all files put there, and names its ends __start_TABLE and __stop_TABLE. So who
 * reads a table need not know who is in it.
 *
 * A row has no pointers: each would be a relocation, and cost the boot. It has offsets of functions
 * and text, each from where it stands itself. C has no constant expression for those: hence the
 * assembly. Valid everywhere, and on the host.
 */
#ifndef PAGODA_ROW_H
#define PAGODA_ROW_H

#include <pagoda/types.h>

/*
 * Between ROW_BEGIN(table) and ROW_END, in the order of the row's struct: s32 for each. @function
 * is found by its name and not by C, so its definition says that it is used.
 */
#define ROW_BEGIN(table) "\t.pushsection " #table ", \"a\"\n\t.balign 4\n"
#define ROW_NUMBER(number) "\t.long " #number "\n"
#define ROW_FUNCTION(function) "\t.long " #function " - .\n"
#define ROW_TEXT(text)                                             \
	"\t.pushsection .rodata.row_text, \"aMS\", %progbits, 1\n" \
	"1:\t.ascii " #text "\n\t.byte 0\n"                        \
	"\t.popsection\n\t.long 1b - .\n"
#define ROW_END "\t.popsection\n"

/* row_target() - what @offset, where it stands in its row, leads to. */
static inline const void *row_target(const s32 *offset)
{
	return (const char *)offset + *offset;
}

static inline const char *row_text(const s32 *offset)
{
	return row_target(offset);
}

#endif /* PAGODA_ROW_H */
