// SPDX-License-Identifier: MIT
/*
 * Does one thing that it must not, by number. The kernel says what that was, and goes on.
 */
#include "user.h"

#define SIZE 0x10000
#define KERNEL 0xfffffffffff00000 /* an address of the upper half */
#define HOLE 0x0008000000000000 /* of neither, where addresses have fewer than 52 bits */

static const long constant = 42;

static void load(unsigned long address)
{
	(void)*(volatile long *)address;
}

static void store(unsigned long address)
{
	*(volatile long *)address = 1;
}

static void jump(unsigned long address)
{
	((void (*)(void))address)();
}

/* Down the stack, and on. */
static void overflow(void)
{
	__asm__ volatile("1:\tstr xzr, [sp, #-256]!\n\tb 1b");
}

static long sign(long pointer)
{
	register long x30 __asm__("x30") = pointer;

	__asm__ volatile("hint #25" : "+r"(x30));
	return x30;
}

static void instruction(unsigned long number)
{
	switch (number) {
	case 8:
		__asm__ volatile("mrs x0, sctlr_el1" ::: "x0");
		break;
	case 9:
		__asm__ volatile("msr daifset, #0xf");
		break;
	case 10:
		__asm__ volatile(".inst 0");
		break;
	case 11:
		__asm__ volatile("brk #1");
		break;
	case 12: /* SVE: RDVL X0, #1 */
		__asm__ volatile(".inst 0x04bf5020" ::: "x0");
		break;
	case 13:
		__asm__ volatile("adr x0, 1f\n\tadd x0, x0, #2\n\tbr x0\n1:" ::: "x0");
		break;
	case 14: /* into the middle of a guarded function */
		__asm__ volatile("adr x9, 1f\n\tbr x9\n1:\tnop" ::: "x9");
		break;
	case 15:
		__asm__ volatile("hvc #0");
		break;
	case 16:
		__asm__ volatile("smc #0");
		break;
	case 17:
		__asm__ volatile("tlbi vmalle1");
		break;
	}
}

int main(int count, char **argument)
{
	unsigned long number = count > 1 ? read_number(argument[1]) : 0;
	long page = map(0, SIZE, READ | WRITE, 0), closed = map(0, SIZE, 0, 0);

	*(volatile uint32_t *)page = 0xd65f03c0; /* RET */
	switch (number) {
	case 0:
		load(0);
		break;
	case 1:
		store((unsigned long)&constant);
		break;
	case 2:
		store((unsigned long)(uintptr_t)main);
		break;
	case 3:
		jump((unsigned long)page);
		break;
	case 4:
		load(KERNEL);
		break;
	case 5:
		jump(KERNEL);
		break;
	case 6:
		load((unsigned long)closed);
		break;
	case 7:
		overflow();
		break;
	case 18:
		load(HOLE << 4);
		break;
	case 19:
		call3(SYS_MUNMAP, page, SIZE, 0);
		store((unsigned long)page);
		break;
	case 20: /* PACIASP must sign nothing: the key would be the kernel's */
		write_text(sign(page) == page ? "not signed\n" : "signed\n");
		break;
	default:
		instruction(number);
	}
	write_text("still here\n");
	return 0;
}
