// SPDX-License-Identifier: MIT
/*
 * From what there is to print on without a UART to a console, over devices of every kind: which of
 * them becomes the console, and what is said of the others. Host only.
 */
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <pagoda/arch/arch.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/cpu/cpu.h>
#include <pagoda/kernel/start/console_fallback.h>
#include <pagoda/kernel/tree/fallback.h>
#include <pagoda/lib/virtio_console.h>
#include <pagoda/mm/alloc/alloc.h>

/* What is at an address: of the megabytes. */
enum thing {
	NOBODY = 1, /* the bus says so */
	RAM, /* no device */
	EMPTY, /* a place for a virtio device */
	DISK, /* or one with another */
	BROKEN, /* a virtio console that does not come to rest */
	STALLED, /* or that takes nothing */
	VIRTIO, /* or that works */
	SHORT, /* a frame buffer without its end */
	SCREEN,
};

#define AT(thing) ((u64)(thing) << 20)

static struct kernel kernel;
static struct boot_handoff handoff;
static struct alloc alloc;
static struct fallbacks in_tree;
static unsigned searches, windows, memory_given;
static u64 console; /* 0: none */
static char said[1000];

static enum thing thing_at(u64 address)
{
	return (enum thing)(address >> 20);
}

void fallbacks_find(const struct fdt *fdt, struct fallbacks *fallbacks)
{
	assert_ptr_equal(fdt, &kernel.fdt);
	searches++;
	*fallbacks = in_tree;
}

enum vmalloc_result vmalloc_ioremap_hidden(struct vmalloc *vmalloc, paddr_t pa, u64 size,
					   vaddr_t *va)
{
	assert_ptr_equal(vmalloc, &alloc.vmalloc);
	assert_true(size != 0);
	if (thing_at(pa.value) == RAM)
		return VMALLOC_IS_RAM;
	windows++;
	*va = vaddr(pa.value);
	return VMALLOC_OK;
}

enum vmalloc_result vmalloc_free(struct vmalloc *vmalloc, vaddr_t va)
{
	(void)vmalloc;
	(void)va;
	windows--;
	return VMALLOC_OK;
}

const char *vmalloc_result_str(enum vmalloc_result result)
{
	return result == VMALLOC_IS_RAM ? "ram" : "other";
}

enum heap_result heap_alloc(struct heap *heap, u64 size, void **pointer)
{
	static alignas(VIRTIO_MEMORY_ALIGN) u8 memory[VIRTIO_MEMORY_SIZE];

	assert_ptr_equal(heap, &alloc.heap);
	assert_int_equal(size, VIRTIO_MEMORY_SIZE);
	memory_given++;
	*pointer = memory;
	return HEAP_OK;
}

enum heap_result heap_free(struct heap *heap, void *pointer)
{
	(void)heap;
	(void)pointer;
	memory_given--;
	return HEAP_OK;
}

bool load_catch(vaddr_t va, unsigned size, u64 *value)
{
	assert_int_equal(size, 4);
	assert_int_equal(va.value % 4, 0);
	*value = 0;
	return thing_at(va.value) != NOBODY &&
	       (thing_at(va.value) != SHORT || va.value == AT(SHORT));
}

enum virtio_fault virtio_console_find(volatile void *registers)
{
	switch (thing_at((uintptr_t)registers)) {
	case EMPTY:
		return VIRTIO_ABSENT;
	case DISK:
		return VIRTIO_OTHER;
	default:
		return VIRTIO_OK;
	}
}

enum virtio_fault virtio_console_begin(struct virtio_console *virtio, volatile void *registers,
				       void *memory, u64 memory_pa)
{
	assert_int_equal(memory_pa, (uintptr_t)memory - kernel.linear.offset);
	virtio->registers = registers;
	return thing_at((uintptr_t)registers) == BROKEN ? VIRTIO_NO_RESET : VIRTIO_OK;
}

bool virtio_console_write(struct virtio_console *virtio, const char *text, size_t length)
{
	assert_int_equal(length, 1);
	assert_int_equal(text[0], '\r');
	return thing_at((uintptr_t)virtio->registers) != STALLED;
}

const char *virtio_fault_str(enum virtio_fault fault)
{
	static const char *const words[] = {
		[VIRTIO_ABSENT] = "absent",
		[VIRTIO_OTHER] = "other",
		[VIRTIO_NO_RESET] = "restless",
	};

	return words[fault];
}

u64 screen_mode_size(const struct screen_mode *mode)
{
	return (u64)mode->stride * mode->height;
}

void screen_begin(struct screen *screen, const struct screen_mode *mode, volatile void *pixels)
{
	screen->mode = *mode;
	screen->pixels = pixels;
}

void console_use_virtio(struct virtio_console *virtio)
{
	console = (uintptr_t)virtio->registers;
}

void console_use_screen(struct screen *screen)
{
	console = (uintptr_t)screen->pixels;
}

void print(const char *format, ...)
{
	size_t length = strlen(said);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(said + length, sizeof(said) - length, format, arguments);
	va_end(arguments);
}

/* ---- tests ---- */

static void add(enum thing thing, bool named)
{
	struct fallback *fallback = &in_tree.list[in_tree.count++];

	*fallback = (struct fallback){ thing >= SHORT ? FALLBACK_SCREEN : FALLBACK_VIRTIO,
				       named,
				       paddr(AT(thing)),
				       VIRTIO_REGISTERS_SIZE,
				       { 0 } };
	if (thing >= SHORT)
		fallback->mode = (struct screen_mode){ 320, 200, 640, { 2, 0 } };
}

/* @things, in the FDT's order; of them the one with this number is named, from 1 on. */
static void boot(enum console_source uart, bool has_path, const enum thing things[4],
		 unsigned named)
{
	memset(&kernel, 0, sizeof(kernel));
	memset(&handoff, 0, sizeof(handoff));
	memset(&in_tree, 0, sizeof(in_tree));
	searches = windows = memory_given = 0;
	console = 0;
	said[0] = '\0';
	kernel.handoff = &handoff;
	kernel.alloc = &alloc;
	kernel.fdt.blob = (const u8 *)said;
	kernel.linear.offset = 0x1000;
	kernel.console.source = uart;
	handoff.facts.fdt.has_stdout_path = has_path;
	for (unsigned i = 0; i < 4 && things[i] != 0; i++)
		add(things[i], i + 1 == named);
	console_fallbacks_find(&kernel);
	console_fallback(&kernel);
}

static void assert_console(u64 address, enum console_source source, enum fallback_type type)
{
	assert_int_equal(console, address);
	assert_int_equal(kernel.console.source, source);
	assert_int_equal(kernel.fallback, type);
	assert_int_equal(kernel.console.address.value, address);
	assert_int_equal(windows, address != 0);
}

static void the_first_that_works_is_the_console(void **state)
{
	static const struct {
		enum thing things[4];
		enum thing console; /* 0: none */
	} cases[] = {
		{ { VIRTIO, SCREEN }, VIRTIO },
		{ { SCREEN, VIRTIO }, SCREEN },
		{ { NOBODY, EMPTY, DISK, VIRTIO }, VIRTIO },
		{ { BROKEN, SHORT, STALLED, SCREEN }, SCREEN },
		{ { RAM, STALLED, VIRTIO }, VIRTIO },
		{ { RAM, STALLED, BROKEN, SHORT }, 0 },
		{ { EMPTY, DISK }, 0 },
		{ { 0 }, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		enum thing thing = cases[i].console;

		boot(CONSOLE_NONE, i % 2, cases[i].things, 0);
		assert_int_equal(searches, 1);
		assert_console(AT(thing), thing != 0 ? CONSOLE_NO_UART : CONSOLE_NONE,
			       thing == 0      ? FALLBACK_NONE :
			       thing == SCREEN ? FALLBACK_SCREEN :
						 FALLBACK_VIRTIO);
	}
}

static void what_cannot_be_used_is_said_unless_nobody_has_named_it(void **state)
{
	static const enum thing first[4] = { NOBODY, RAM, BROKEN, STALLED };
	static const enum thing quiet[4] = { EMPTY, DISK, SCREEN };

	(void)state;
	boot(CONSOLE_NONE, false, first, 0);
	assert_string_equal(said, "pagoda: no console on the virtio console at 0x100000: does not "
				  "answer\n"
				  "pagoda: no console on the virtio console at 0x200000: ram\n"
				  "pagoda: no console on the virtio console at 0x500000: restless\n"
				  "pagoda: no console on the virtio console at 0x600000: does not "
				  "take what it is given\n");
	assert_int_equal(memory_given, 1); /* who takes nothing may still read it */
	boot(CONSOLE_NONE, false, quiet, 0);
	assert_string_equal(said, "");
	boot(CONSOLE_NONE, true, quiet, 2);
	assert_string_equal(said, "pagoda: no console on the virtio console at 0x400000: other\n");
	boot(CONSOLE_NONE, false, (const enum thing[4]){ SHORT }, 0);
	assert_string_equal(said, "pagoda: no console on the frame buffer at 0x800000: does not "
				  "answer at its end\n");
}

static void the_one_that_is_named_goes_before_others_and_before_a_uart_that_is_not(void **state)
{
	static const enum thing things[4] = { SCREEN, VIRTIO };
	static const enum thing stalled[4] = { SCREEN, STALLED };

	(void)state;
	boot(CONSOLE_NONE, true, things, 2);
	assert_console(AT(VIRTIO), CONSOLE_STDOUT_PATH, FALLBACK_VIRTIO);
	boot(CONSOLE_FIRST_UART, true, things, 2);
	assert_console(AT(VIRTIO), CONSOLE_STDOUT_PATH, FALLBACK_VIRTIO);
	/* Where it is none, the UART stays; or the next is tried. */
	boot(CONSOLE_FIRST_UART, true, stalled, 2);
	assert_console(0, CONSOLE_FIRST_UART, FALLBACK_NONE);
	boot(CONSOLE_NONE, true, stalled, 2);
	assert_console(AT(SCREEN), CONSOLE_NO_UART, FALLBACK_SCREEN);
}

static void a_uart_that_is_named_or_the_only_one_asked_for_stays(void **state)
{
	static const enum thing things[4] = { VIRTIO, SCREEN };

	(void)state;
	boot(CONSOLE_STDOUT_PATH, true, things, 0);
	assert_console(0, CONSOLE_STDOUT_PATH, FALLBACK_NONE);
	assert_int_equal(searches, 0);
	boot(CONSOLE_EARLYCON, true, things, 1);
	assert_console(0, CONSOLE_EARLYCON, FALLBACK_NONE);
	assert_int_equal(searches, 0);
	boot(CONSOLE_FIRST_UART, false, things, 0);
	assert_console(0, CONSOLE_FIRST_UART, FALLBACK_NONE);
	assert_int_equal(searches, 0);
	boot(CONSOLE_FIRST_UART, true, things, 0);
	assert_console(0, CONSOLE_FIRST_UART, FALLBACK_NONE);
	assert_int_equal(searches, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_works_is_the_console),
		cmocka_unit_test(what_cannot_be_used_is_said_unless_nobody_has_named_it),
		cmocka_unit_test(
			the_one_that_is_named_goes_before_others_and_before_a_uart_that_is_not),
		cmocka_unit_test(a_uart_that_is_named_or_the_only_one_asked_for_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
