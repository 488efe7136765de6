// SPDX-License-Identifier: MIT
/*
 * The first and only process on the kernel that Pagoda is compared with: writes that kernel's page
 * tables to its console, then a line to wait for, and turns the machine off.
 * Runs as /init of a Linux built by peer_linux.py, at EL0. No C library: what it needs of Linux is
 * six system calls, declared here.
 */
#define SYS_MOUNT 40
#define SYS_OPENAT 56
#define SYS_READ 63
#define SYS_WRITE 64
#define SYS_REBOOT 142

#define AT_FDCWD -100
#define REBOOT_MAGIC1 0xfee1deadL
#define REBOOT_MAGIC2 0x28121969L
#define REBOOT_POWER_OFF 0x4321fedcL
#define CONSOLE 1

static long call(long number, long a, long b, long c, long d)
{
	register long x8 asm("x8") = number;
	register long x0 asm("x0") = a;
	register long x1 asm("x1") = b;
	register long x2 asm("x2") = c;
	register long x3 asm("x3") = d;
	register long x4 asm("x4") = 0;

	asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}

static void say(const char *text)
{
	long length = 0;

	while (text[length] != '\0')
		length++;
	call(SYS_WRITE, CONSOLE, (long)text, length, 0);
}

void _start(void)
{
	static char buffer[65536];
	long file, size;

	call(SYS_MOUNT, (long)"debugfs", (long)"/debug", (long)"debugfs", 0);
	file = call(SYS_OPENAT, AT_FDCWD, (long)"/debug/kernel_page_tables", 0, 0);
	if (file < 0)
		say("peer: no /debug/kernel_page_tables\n");
	while (file >= 0 && (size = call(SYS_READ, file, (long)buffer, sizeof(buffer), 0)) > 0)
		call(SYS_WRITE, CONSOLE, (long)buffer, size, 0);
	say("peer: end of the dump\n");
	call(SYS_REBOOT, REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_POWER_OFF, 0);
	for (;;)
		continue;
}
