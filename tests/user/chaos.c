// SPDX-License-Identifier: MIT
/*
 * Makes calls at random, most of them about memory, with arguments that are near to sense and far
 * from it. Mostly it ends by unmapping what it stands on. The seed is its number and the second
 * argument; the first is how many calls.
 */
#include "user.h"

static unsigned long state;

static unsigned long next(void)
{
	unsigned long z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned long below(unsigned long limit)
{
	return next() % limit;
}

/* Of the few areas that it keeps using. */
static unsigned long place(void)
{
	return 0x100000000 + below(64) * 0x10000;
}

static long argument(void)
{
	static const long edges[] = {
		0,
		1,
		-1,
		3,
		4,
		8,
		0x1000,
		0xffff,
		0x10000,
		0x400000,
		1L << 39,
		(1L << 48) - 0x10000,
		1L << 48,
		(1L << 52) - 0x10000,
		1L << 52,
		1L << 55,
		1L << 56,
		1L << 62,
		(long)(1UL << 63),
		-4096,
		-0x10000,
	};

	switch (below(8)) {
	case 0:
		return (long)next();
	case 1:
		return (long)&state;
	case 2:
		return (long)(uintptr_t)next;
	case 3:
		return (long)below(64);
	case 4:
		return edges[below(sizeof(edges) / sizeof(edges[0]))];
	case 5:
		return (long)(below(8) * 0x10000);
	}
	return (long)place();
}

/* Not those that end it, wait, or print what is somewhere. */
static bool is_quiet(unsigned long number)
{
	return number != 63 && number != 64 && number != 66 && number != 93 && number != 94 &&
	       number != 101;
}

static void any_call(void)
{
	static const unsigned short about_memory[] = { 46,  57,	 113, 124, 172,
						       214, 215, 222, 226, 279 };
	unsigned long number = below(4) ? about_memory[below(10)] : below(512);

	if (is_quiet(number))
		call6((long)number, argument(), argument(), argument(), argument(), argument(),
		      argument());
}

static void sensible_call(void)
{
	unsigned long at = place(), size = (1 + below(4)) * 0x10000;

	switch (below(4)) {
	case 0:
		map(at, size, (int)below(8), below(2) ? FIXED : 0);
		break;
	case 1:
		call3(SYS_MUNMAP, (long)at, (long)size, 0);
		break;
	case 2:
		call3(SYS_MPROTECT, (long)at, (long)size, (long)below(8));
		break;
	default:
		call6(SYS_MMAP, (long)at, (long)size, (long)below(8),
		      SHARED | (below(2) ? FIXED : 0), (long)below(9), (long)(below(3) * 0x10000));
	}
}

int main(int count, char **argv)
{
	unsigned long calls = count > 1 ? read_number(argv[1]) : 1000;

	state = (unsigned long)call3(SYS_GETPID, 0, 0, 0) << 32;
	state += count > 2 ? read_number(argv[2]) : 0;
	for (unsigned long i = 0; i < calls; i++) {
		if (below(2))
			any_call();
		else
			sensible_call();
	}
	return 0;
}
