// SPDX-License-Identifier: MIT
/*
 * What GCC has checked code call, by GCC's names: before each access, and of its globals at the
 * beginning. They are no names that a program of C may have, and so no header has them.
 * Runs in the kernel, MMU on, from the flip on.
 */
#include <pagoda/mm/check/kasan.h>

#define CALLER (uintptr_t) __builtin_return_address(0)

#define CHECKS(bytes)                                             \
	void __asan_load##bytes##_noabort(u64 address);           \
	void __asan_load##bytes##_noabort(u64 address)            \
	{                                                         \
		kasan_check(address, bytes, KASAN_READ, CALLER);  \
	}                                                         \
	void __asan_store##bytes##_noabort(u64 address);          \
	void __asan_store##bytes##_noabort(u64 address)           \
	{                                                         \
		kasan_check(address, bytes, KASAN_WRITE, CALLER); \
	}

CHECKS(1)
CHECKS(2)
CHECKS(4)
CHECKS(8)
CHECKS(16)

void __asan_loadN_noabort(u64 address, u64 size);
void __asan_loadN_noabort(u64 address, u64 size)
{
	kasan_check(address, size, KASAN_READ, CALLER);
}

void __asan_storeN_noabort(u64 address, u64 size);
void __asan_storeN_noabort(u64 address, u64 size)
{
	kasan_check(address, size, KASAN_WRITE, CALLER);
}

/* Before a call that does not return: who lands elsewhere sees to the stack, kernel/trap. */
void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
}

/* What GCC says of a global, and each file of all of its. */
struct global {
	u64 start, size, size_with_redzone;
	const char *name, *file;
	u64 dynamic;
	const void *location;
	u64 odr;
};

#define FILES_MAX 512

/* Those that do not fit are checked all the same, and have no name in a report. */
static struct file {
	const struct global *global;
	u64 count;
} files[FILES_MAX];
static unsigned file_count;

void __asan_register_globals(const struct global *global, u64 count);
void __asan_register_globals(const struct global *global, u64 count)
{
	if (file_count < FILES_MAX)
		files[file_count++] = (struct file){ global, count };
	for (; count > 0; count--, global++) {
		u64 end = align_up(global->size, KASAN_GRAIN);

		kasan_set_open(global->start, global->size);
		kasan_set_poison(global->start + end, global->size_with_redzone - end,
				 KASAN_GLOBAL);
	}
}

/* The kernel does not end. */
void __asan_unregister_globals(const struct global *global, u64 count);
void __asan_unregister_globals(const struct global *global, u64 count)
{
	(void)global;
	(void)count;
}

bool kasan_global_at(u64 address, struct kasan_global *found)
{
	for (unsigned i = 0; i < file_count; i++)
		for (u64 j = 0; j < files[i].count; j++) {
			const struct global *global = &files[i].global[j];

			if (address - global->start >= global->size_with_redzone)
				continue;
			*found = (struct kasan_global){ global->name, global->file, global->start,
							global->size };
			return true;
		}
	return false;
}
