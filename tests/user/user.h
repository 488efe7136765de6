/* SPDX-License-Identifier: MIT */
/*
 * What programs for tests share: Linux's calls for arm64, and printing. They know nothing of
 * Pagoda: under a Linux they would do the same, but for what the tests are about.
 */
#ifndef TESTS_USER_H
#define TESTS_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int main(int count, char **argument);

static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

static inline long call3(long number, long a, long b, long c)
{
	return call6(number, a, b, c, 0, 0, 0);
}

#define SYS_FTRUNCATE 46
#define SYS_WRITE 64
#define SYS_NANOSLEEP 101
#define SYS_YIELD 124
#define SYS_GETPID 172
#define SYS_MUNMAP 215
#define SYS_MMAP 222
#define SYS_MPROTECT 226
#define SYS_MEMFD_CREATE 279

#define READ 1
#define WRITE 2
#define EXEC 4
#define BTI 0x10
#define SHARED 1
#define PRIVATE 2
#define FIXED 0x10
#define ANONYMOUS 0x20

static inline long map(unsigned long hint, unsigned long size, int prot, int flags)
{
	return call6(SYS_MMAP, (long)hint, (long)size, prot, flags | PRIVATE | ANONYMOUS, -1, 0);
}

static inline void write_text(const char *text)
{
	size_t length = 0;

	while (text[length] != '\0')
		length++;
	call3(SYS_WRITE, 1, (long)text, (long)length);
}

/* @text, @number in hexadecimal, and the end of the line. */
static inline void say_hex(const char *text, unsigned long number)
{
	char line[20] = "0x", *at = line + 2;

	write_text(text);
	for (int shift = 60; shift >= 0; shift -= 4)
		*at++ = "0123456789abcdef"[number >> shift & 15];
	*at++ = '\n';
	*at = '\0';
	write_text(line);
}

/* The same in decimal, with its sign. */
static inline void say(const char *text, long number)
{
	char line[24], *at = line + sizeof(line);
	unsigned long left = number < 0 ? -(unsigned long)number : (unsigned long)number;

	write_text(text);
	*--at = '\0';
	*--at = '\n';
	do
		*--at = (char)('0' + left % 10);
	while ((left /= 10) != 0);
	if (number < 0)
		*--at = '-';
	write_text(at);
}

static inline unsigned long read_number(const char *text)
{
	unsigned long number = 0;

	while (*text >= '0' && *text <= '9')
		number = number * 10 + (unsigned long)(*text++ - '0');
	return number;
}

/* What is written by one name of it can be executed by another. */
static inline void publish_code(void *written, void *executed)
{
	__asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %1\n\tdsb ish\n\tisb" ::"r"(written),
			 "r"(executed)
			 : "memory");
}

#endif /* TESTS_USER_H */
