// SPDX-License-Identifier: MIT
/*
 * What the allocators' answers are called.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/mm/alloc/vmalloc.h>

const char *buddy_result_str(enum buddy_result result)
{
	switch (result) {
	case BUDDY_OK:
		return "ok";
	case BUDDY_EXHAUSTED:
		return "out of memory";
	case BUDDY_BAD_ORDER:
		return "no block is that large";
	case BUDDY_UNALIGNED:
		return "not the address of a page";
	case BUDDY_NOT_RAM:
		return "not memory of the page allocator";
	case BUDDY_DOUBLE_FREE:
		return "is free already";
	case BUDDY_NOT_A_BLOCK:
		return "not the beginning of a block";
	case BUDDY_WRONG_ORDER:
		return "a block of another size";
	case BUDDY_OVERLAP:
		return "overlaps memory of the page allocator";
	case BUDDY_NO_ROOM:
		return "too many ranges";
	}
	return "unknown result";
}

const char *vmalloc_kind_str(enum vmalloc_kind kind)
{
	switch (kind) {
	case VMALLOC_IMAGE:
		return "image";
	case VMALLOC_PAGES:
		return "pages";
	case VMALLOC_DEVICE:
		return "device";
	}
	return "unknown";
}

const char *vmalloc_result_str(enum vmalloc_result result)
{
	switch (result) {
	case VMALLOC_OK:
		return "ok";
	case VMALLOC_BAD_SIZE:
		return "size zero or beyond the end of the address space";
	case VMALLOC_NO_SPACE:
		return "no hole in the vmalloc region is that large";
	case VMALLOC_NO_MEMORY:
		return "out of memory";
	case VMALLOC_UNREACHABLE:
		return "physical address beyond the output size";
	case VMALLOC_IS_RAM:
		return "is RAM, not a device";
	case VMALLOC_NOT_AN_AREA:
		return "not the address of an area";
	case VMALLOC_BAD_TABLES:
		return "page tables do not agree";
	}
	return "unknown result";
}
