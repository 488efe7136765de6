// SPDX-License-Identifier: MIT
/*
 * The console line: any bytes typed at the prompt, and any commands of pagoda.run=. Output is text
 * that a terminal takes for nothing else, memory is touched only where it is mapped so, and every
 * command ends soon after Ctrl-C. Host only.
 *
 *   input   page size, and bit 7: a line that is nearly full; how many bytes are pagoda.run=;
 *           those; what is typed
 */
#include <setjmp.h>
#include <stdarg.h>

#include <pagoda/arch/arch.h>
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/prompt/line.h>
#include <pagoda/kernel/dev/psci.h>
#include <pagoda/kernel/prompt/shell.h>
#include <pagoda/kernel/selftest/selftest.h>

#include "fuzz.h"
#include "support/sample_kernel.h"

#define INPUT_MAX 1024 /* each byte may be a line, and show kilobytes */
#define PRINT_MAX 512
#define PATIENCE KIB(64) /* of output: then somebody presses Ctrl-C */
#define LATE KIB(16) /* more after that is not the end */

static const char clear_screen[] = "\033[H\033[2J";

static struct sample sample;
static struct fuzz_input keys;
static jmp_buf typed_out;
static bool idle, watching;
static unsigned fill; /* characters typed before all else */
static size_t output; /* of one command, while it is watched */

/* ---- the console ---- */

/* What is sent is text, backspaces, and one sequence. */
void console_write(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		size_t clear = sizeof(clear_screen) - 1;

		if (text[i] == '\033') {
			FUZZ_CHECK(length - i >= clear &&
					   memcmp(text + i, clear_screen, clear) == 0,
				   "an escape sequence");
			i += clear - 1;
			continue;
		}
		FUZZ_CHECK((text[i] >= ' ' && text[i] <= '~') || text[i] == '\n' || text[i] == '\b',
			   "byte %#x is sent", (uint8_t)text[i]);
	}
	output += watching ? length : 0;
	FUZZ_CHECK(output < PATIENCE + LATE, "Ctrl-C does not end this");
}

void console_write_safe(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		console_write(text[i] >= ' ' && text[i] <= '~' ? &text[i] : "?", 1);
}

void print(const char *text, ...)
{
	char buffer[PRINT_MAX];
	va_list arguments;
	int length;

	va_start(arguments, text);
	length = vsnprintf(buffer, sizeof(buffer), text, arguments);
	va_end(arguments);
	FUZZ_CHECK(length < PRINT_MAX, "print() would have cut: %s", buffer);
	console_write(buffer, (size_t)length);
}

/* Some bytes come at once, as if pasted, and some after a while. */
int console_read(void)
{
	uint8_t byte;

	if (fill > 0) {
		fill--;
		return 'x';
	}
	if (keys.size == 0)
		longjmp(typed_out, 1);
	byte = keys.data[0];
	idle = !idle && byte % 2 == 0;
	return idle ? -1 : fuzz_byte(&keys);
}

int console_wait(void)
{
	int c;

	while ((c = console_read()) < 0)
		;
	return c;
}

int console_wait_working(bool (*work)(void))
{
	(void)work();
	return console_wait();
}

void console_watch_begin(unsigned page_rows)
{
	(void)page_rows;
	FUZZ_CHECK(!watching, "a command in a command");
	watching = true;
	output = 0;
}

bool console_watch_end(void)
{
	bool interrupted = console_interrupted();

	watching = false;
	output = 0;
	return interrupted;
}

bool console_interrupted(void)
{
	return output > PATIENCE;
}

bool console_receives(u32 *number, const char **why_not)
{
	*number = 33;
	*why_not = "ok";
	return true;
}

void console_receive_start(const struct kernel *kernel)
{
	(void)kernel;
}

void console_show_log(void)
{
}

/* ---- the machine ---- */

u64 counter_frequency(void)
{
	return 62500000;
}

u64 at_translate(vaddr_t va, bool write)
{
	(void)va;
	return write ? 0x809 : 0x40200000;
}

/* All of it is mapped, aligned, and for a store writable. */
static void check_access(vaddr_t va, unsigned size, bool write)
{
	const struct space *space = &sample.kernel.kernel_space;
	struct pt_entry entry;
	struct pte_info info;

	FUZZ_CHECK(size > 0 && size <= 8 && is_aligned(va.value, size), "%u bytes at %#lx", size,
		   va.value);
	FUZZ_CHECK(pt_contains(space, va), "%#lx is no address", va.value);
	entry = pt_find(space, va);
	FUZZ_CHECK(entry.kind == PTE_PAGE || entry.kind == PTE_BLOCK, "%#lx is not mapped",
		   va.value);
	info = pte_decode(&space->regime, entry.pte, entry.level, entry.table_bits);
	FUZZ_CHECK(info.write || !write, "%#lx is not writable", va.value);
}

u64 memory_load(vaddr_t va, unsigned size)
{
	check_access(va, size, false);
	return ~va.value;
}

void memory_store(vaddr_t va, unsigned size, u64 value)
{
	check_access(va, size, true);
	FUZZ_CHECK(size == 8 || value >> (8 * size) == 0, "%#lx is too large", value);
}

void psci_poweroff(enum psci_conduit conduit)
{
	FUZZ_CHECK(conduit == sample.handoff.facts.psci, "conduit %d", conduit);
}

void psci_reboot(enum psci_conduit conduit)
{
	FUZZ_CHECK(conduit == sample.handoff.facts.psci, "conduit %d", conduit);
}

/* Those that the tests of these commands run on a machine. */
static void noted(const struct kernel *kernel)
{
	FUZZ_CHECK(kernel == &sample.kernel, "another kernel");
}

COMMAND(180, fault, "", "", "", "read write exec data stack recursion");

static void command_fault(const struct kernel *kernel, const struct arguments *arguments)
{
	noted(kernel);
	FUZZ_CHECK(arguments->count <= ARGUMENTS_MAX, "%u arguments", arguments->count);
}

/* A shell with a console never comes to this. */
void cpu_halt(u64 code, u64 value, u64 limit, u64 extra)
{
	(void)code;
	(void)value;
	(void)limit;
	(void)extra;
	abort();
}

/* Nobody starts another CPU, so no cache holds anything of it. */
void dcache_clean(const void *start, u64 size, u64 line_size)
{
	(void)start;
	(void)size;
	(void)line_size;
}

void dcache_invalidate(const void *start, u64 size, u64 line_size)
{
	(void)start;
	(void)size;
	(void)line_size;
}

u64 counter_read(void)
{
	static u64 ticks;

	return ticks += 1000000; /* milliseconds go by */
}

void control_read(u64 registers[SYSREG_COUNT])
{
	memset(registers, 0xa5, SYSREG_COUNT * sizeof(u64));
}

void test_guarded(struct selftest *test, selftest_function *run)
{
	run(test);
}

SELFTEST_SUBJECT(10, vmalloc);
SELFTEST_COST("vmalloc.areas", 1000);
SELFTEST(vmalloc, areas, "as many as are typed");

static void vmalloc_areas(struct selftest *test)
{
	noted(test->kernel);
	test_check(test, test_count(test, 1) % 2, "an even number", test_random(test, 100));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t shapes[][2] = { { 12, 52 }, { 12, 48 }, { 14, 52 },
					     { 14, 47 }, { 16, 52 }, { 16, 48 } };
	char run[RUN_COMMANDS_MAX] = "";
	const uint8_t *shape;
	uint8_t first;

	keys = (struct fuzz_input){ data, size < INPUT_MAX ? size : INPUT_MAX };
	first = fuzz_byte(&keys);
	shape = shapes[first % 128 % ARRAY_SIZE(shapes)];
	fill = first >= 128 ? LINE_TEXT_MAX - 8 : 0;
	fuzz_take(&keys, run, fuzz_byte(&keys));
	sample_make(&sample, shape[0], shape[1]);
	memcpy(sample.handoff.options.run, run, sizeof(run));
	idle = watching = false;
	output = 0;
	if (setjmp(typed_out) == 0)
		shell_run(&sample.kernel);
	return 0;
}
