/* SPDX-License-Identifier: MIT */
/*
 * libfdt beside Pagoda's own reader and writer: its names for tokens are macros, and Pagoda's the
 * same words. Include this before <pagoda/fdt.h>. Host only.
 */
#ifndef SUPPORT_LIBFDT_H
#define SUPPORT_LIBFDT_H

#include <libfdt.h>

enum {
	LIBFDT_BEGIN_NODE = FDT_BEGIN_NODE,
	LIBFDT_END_NODE = FDT_END_NODE,
	LIBFDT_PROP = FDT_PROP,
	LIBFDT_NOP = FDT_NOP,
	LIBFDT_END = FDT_END,
};

#undef FDT_BEGIN_NODE
#undef FDT_END_NODE
#undef FDT_PROP
#undef FDT_NOP
#undef FDT_END
#undef FDT_MAGIC

#endif /* SUPPORT_LIBFDT_H */
