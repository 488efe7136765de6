/* SPDX-License-Identifier: MIT */
/*
 * Memory that programs have: pages, whoever maps them where. Areas are windows on it, and so are
 * files of memfd_create(). MMU on, after alloc_init().
 */
#ifndef PAGODA_PROC_MEMORY_H
#define PAGODA_PROC_MEMORY_H

#include <pagoda/kernel/kernel.h>
#include <pagoda/mm/alloc/alloc.h>

#define MEMORY_NONE (~(u64)0) /* no page is there: 0 is one like others */

struct memory {
	u32 owners; /* areas and files */
	bool whole; /* a file's: its pages stay, whoever maps them, until it goes */
	u64 count; /* pages */
	paddr_t *page; /* MEMORY_NONE: nobody has asked for it yet */
};

/* memory_create() - @count pages, none there yet, for one owner; null where there is no room. */
struct memory *memory_create(struct alloc *alloc, u64 count);

/* memory_resize() - @count pages; those that are no longer in it are in no area. */
bool memory_resize(struct alloc *alloc, struct memory *memory, u64 count);

/*
 * memory_fill() - have pages [@first, @first + @count) there, those that come to be cleared; false,
 * and nothing has come to be, where RAM does not suffice.
 */
bool memory_fill(const struct kernel *kernel, struct memory *memory, u64 first, u64 count);

/* memory_put() - copy to its byte @at and on, where pages are and nobody maps them yet. */
void memory_put(const struct kernel *kernel, const struct memory *memory, u64 at, const void *from,
		u64 size);

/* memory_drop() - give back pages [@first, @first + @count), which nobody maps any more. */
void memory_drop(struct alloc *alloc, struct memory *memory, u64 first, u64 count);

/* memory_leave() - one owner less; with the last it goes, and all its pages. */
void memory_leave(struct alloc *alloc, struct memory *memory);

#endif /* PAGODA_PROC_MEMORY_H */
