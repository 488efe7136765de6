// SPDX-License-Identifier: MIT
/*
 * Backtraces from frame records (AAPCS64 6.4.6): x29 points to the caller's x29 and x30, and so on
 * up to a null.
 * Runs in the kernel, MMU on, in exception handlers: it believes no frame, and reads only what lies
 * on the stack.
 */
#include <pagoda/kernel/trap/backtrace.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/lib/string.h>

#define LINES_MAX 32

/*
 * From where a call returns to back to the call. Behind one that does not return may be nothing
 * more of its function: the next one begins there.
 */
#define CALL_SIZE 4

const char *symbols_find(const struct symbols *symbols, u64 address, u64 *offset)
{
	const char *name = symbols->names;
	u32 low = 0, high = symbols->count;

	if (address < symbols->text_start || address >= symbols->text_end)
		return NULL;
	address -= symbols->text_start;
	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (symbols->offsets[middle] <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	*offset = address - symbols->offsets[low - 1];
	while (--low > 0)
		name += strlen(name) + 1;
	return name;
}

static bool frame_is_sound(struct stack stack, u64 frame)
{
	return frame != 0 && is_aligned(frame, 2 * sizeof(u64)) && frame >= stack.start &&
	       frame < stack.end && stack.end - frame >= 2 * sizeof(u64);
}

/*
 * A function that calls none keeps its return address in x30 only. In one that does, x30 is what is
 * in the frame already, or, after a call, points back into the function itself.
 */
static bool lr_is_a_caller(const struct symbols *symbols, const struct place *place, u64 lr,
			   u64 caller)
{
	u64 offset;
	const char *name = symbols_find(symbols, lr - CALL_SIZE, &offset);

	return name && lr != caller && name != symbols_find(symbols, place->pc, &offset);
}

/*
 * The return address in the frame record at @frame; 0 at the end of the chain. The outermost
 * function's frame has none above it, and its return address means nothing, though it is signed.
 */
static u64 frame_caller(struct stack stack, u64 frame, unsigned va_bits)
{
	const u64 *record = (const u64 *)(uintptr_t)frame;

	if (!frame_is_sound(stack, frame) || record[0] == 0)
		return 0;
	return address_strip(record[1], va_bits);
}

/* The frame above; 0 where there is none. Stacks grow down: callers are at higher addresses. */
static u64 frame_above(u64 frame)
{
	u64 above = *(const u64 *)(uintptr_t)frame;

	return above > frame ? above : 0;
}

/* "ADDRESS  NAME+0x10", with the name of the function that is @back bytes before. */
static void print_call(const struct symbols *symbols, u64 address, unsigned back)
{
	u64 offset;
	const char *name = symbols_find(symbols, address - back, &offset);

	print("  0x%016lx", address);
	if (name)
		print("  %s+%#lx", name, offset + back);
	print("\n");
}

void backtrace_print(const struct symbols *symbols, struct stack stack, const struct place *place,
		     unsigned va_bits)
{
	u64 frame = place->frame, last = 0, repeated = 0, caller;
	u64 lr = address_strip(place->lr, va_bits);

	print_call(symbols, place->pc, 0);
	if (lr_is_a_caller(symbols, place, lr, frame_caller(stack, frame, va_bits)))
		print_call(symbols, lr, CALL_SIZE);
	for (unsigned lines = 0; lines < LINES_MAX; frame = frame_above(frame)) {
		caller = frame_caller(stack, frame, va_bits);
		if (caller == last && caller != 0) {
			repeated++;
			continue;
		}
		if (repeated > 0)
			print("  the same %lu times more\n", repeated);
		repeated = 0;
		if (caller == 0)
			return;
		print_call(symbols, caller, CALL_SIZE);
		last = caller;
		lines++;
	}
	print("  and more\n");
}
