// SPDX-License-Identifier: MIT
/*
 * Faults on purpose: to see that what the tables forbid does not happen, and what a report says.
 * Runs in the kernel, MMU on. Not built for the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/selftest/selftest.h>
#include <pagoda/kernel/show/inspect.h>

#include "kasan.h"

#define FRAME_WORDS 64
#define DEPTH_MAX BIT(32) /* of frames: far more than any stack has room for */
#define DATA_SIZE KIB(4)

/* bti c; ret: harmless, were it ever executed. */
#define CODE_BTI 0xd503245f
#define CODE_RET 0xd65f03c0

static u32 data_page[DATA_SIZE / sizeof(u32)]
	__attribute__((section(".noinit"), aligned(DATA_SIZE)));

/*
 * Frames that the compiler can neither merge nor drop: each has an array of its own that somebody
 * else, as far as it knows, looks at.
 */
/* NOLINTNEXTLINE(misc-no-recursion): this is what it is for */
u64 use_stack(u64 depth)
{
	volatile u64 frame[FRAME_WORDS];

	frame[0] = depth;
	if (depth < DEPTH_MAX)
		frame[0] += use_stack(depth + 1);
	return frame[0];
}

static void exec_data(void)
{
	data_page[0] = CODE_BTI;
	data_page[1] = CODE_RET;
	touch_bare(TOUCH_RUN, pointer_va(data_page));
}

static void fault_shadow(const struct boot_handoff *handoff)
{
	enum return_addresses what = handoff_return_addresses(handoff);

	if (what == RETURN_SHADOW)
		shadow_fill();
	print("there is no shadow call stack: return addresses: %s\n", return_addresses_str(what));
}

/* One word that says all. */
static bool fault_plain(const struct kernel *kernel, const struct arguments *arguments)
{
	if (argument_is(arguments, 0, "stack"))
		print("%lu frames fitted\n", use_stack(0));
	else if (argument_is(arguments, 0, "shadow"))
		fault_shadow(kernel->handoff);
	else if (argument_is(arguments, 0, "recursion"))
		exception_fault_in_report();
	else
		return false;
	return true;
}

#if KASAN
#define KASAN_USAGE " | kasan heap|page|vmalloc|global|stack|uaf|double-free"
#define KASAN_WORDS " kasan heap page vmalloc global uaf double-free"
#else
#define KASAN_USAGE
#define KASAN_WORDS
#endif

COMMAND(180, fault, "read|write|exec ADDR | exec data | stack | shadow | recursion" KASAN_USAGE,
	"make the kernel fault, and end as panic= says", "fault read 0xfff0000000000000",
	"read write exec data stack shadow recursion" KASAN_WORDS);

static void command_fault(const struct kernel *kernel, const struct arguments *arguments)
{
	u64 va;

	if (!argument_count(arguments, 1, 2))
		return;
	if (arguments->count == 1) {
		if (!fault_plain(kernel, arguments))
			argument_refuse(arguments, 0, "is not complete; see help fault");
		return;
	}
	if (KASAN && argument_is(arguments, 0, "kasan")) {
		if (!fault_kasan(kernel, arguments, 1)) {
			argument_refuse(arguments, 1, "is no kind of fault; see help fault");
			return;
		}
	} else if (argument_is(arguments, 0, "exec") && argument_is(arguments, 1, "data"))
		exec_data();
	else if (!argument_number(arguments, 1, &va))
		return;
	else if (argument_is(arguments, 0, "read"))
		touch_bare(TOUCH_LOAD_BYTE, vaddr(va));
	else if (argument_is(arguments, 0, "write")) {
		if (is_table_alias(kernel, arguments, vaddr(va)))
			return;
		touch_bare(TOUCH_STORE_BYTE, vaddr(va));
	} else if (argument_is(arguments, 0, "exec"))
		touch_bare(TOUCH_RUN, vaddr(va));
	else {
		argument_refuse(arguments, 0, "is no kind of fault; see help fault");
		return;
	}
	print("fault: there was none: this is allowed\n");
}
