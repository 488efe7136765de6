// SPDX-License-Identifier: MIT
/*
 * Shadow call stacks, patched in: what to patch is read from the unwind tables.
 * Runs where the CPU cannot sign return addresses, with the MMU off, .bss clear, at the image's
 * physical address; also on the host. May not use: absolute addresses, pointers in static data,
 * .bss, and, before shadow_begin(), no function that it patches. pi/ has none, but a compiler that
 * copies or clears a structure may call memcpy() or memset(), which are.
 *
 * The compiler begins a function that saves its return address with PACIASP and ends it with
 * AUTIASP, for a debugger's sake notes both in .eh_frame (DW_CFA_AARCH64_negate_ra_state), and
 * there says which of a function's instructions run with the address signed. That is the proof:
 * a word that only looks like PACIASP is never touched, and every path that pushes also pops. A
 * function is patched as a whole or not at all: what was exchanged before something turned out
 * not to fit is put back by the same walk.
 *
 * Each byte comes from memory, past the caches, so .eh_frame is read once, in words.
 *
 * Sources: DWARF 5, 6.4.1 and 7.24; Linux Standard Base 5.0, 10.6 (.eh_frame); DWARF for the Arm
 * 64-bit Architecture, 4.5.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/kernel/cpu/shadow.h>
#include <pagoda/pi/scs.h>

/* Call-frame instructions; the first three have an operand in their lower six bits. */
#define CFA_ADVANCE_LOC 0x40
#define CFA_OFFSET 0x80
#define CFA_RESTORE 0xc0
#define CFA_OPERAND 0x3f
#define CFA_NOP 0x00
#define CFA_ADVANCE_LOC1 0x02
#define CFA_ADVANCE_LOC2 0x03
#define CFA_ADVANCE_LOC4 0x04
#define CFA_REMEMBER_STATE 0x0a
#define CFA_RESTORE_STATE 0x0b
#define CFA_DEF_CFA 0x0c
#define CFA_DEF_CFA_REGISTER 0x0d
#define CFA_DEF_CFA_OFFSET 0x0e
#define CFA_NEGATE_RA_STATE 0x2d

/* States remembered at a time, as bits of a u32 beside the present one. */
#define REMEMBERED_MAX 31

/* Instructions after which the next one is not executed. */
#define B_OPCODE 5 /* in its upper six bits */
#define RET 0xd65f03c0

/* linker/pagoda.lds.S: they stand behind the relocations, and a zero behind them. */
#define FRAMES_ALIGN 8

/* Length, and what leads from an FDE to its CIE, or is 0 in that. */
#define ENTRY_HEADER 8

/* Where an FDE has what it has. With the encoding that the CIE below names, words. */
#define FDE_START 8
#define FDE_SIZE 12
#define FDE_AUGMENTATION 16
#define FDE_INSTRUCTIONS 17

/*
 * The one CIE that is known, after its header, as words: version 1, "zR", code in units of 4, data
 * of -8, return address in x30, FDEs with 32-bit offsets from where they stand, and, before all
 * instructions of theirs: the frame's address is SP.
 */
static const u32 known_cie[] = { 0x00527a01, 0x011e7804, 0x001f0c1b };

/* Bytes in order, up to a multiple of 4. */
struct reader {
	const u8 *base;
	u32 at, end;
	u32 word; /* what is left of the one that is being read */
	bool overrun;
};

/* One walk over a function's call-frame instructions. */
struct walk {
	struct reader reader;
	u32 *code; /* the function's first instruction */
	u32 size, at; /* in instructions; @at: where the tables are */
	u32 state; /* bit 0: the return address is signed; above it, states remembered */
	u32 remembered;
	u32 exchanged;
};

/* Words by what they do, and what else does it. */
struct exchange {
	u32 sign, check; /* there, */
	u32 new_sign, new_check; /* and instead */
};

static const struct exchange to_shadow = { SCS_PACIASP, SCS_AUTIASP, SCS_PUSH, SCS_POP };
static const struct exchange to_signed = { SCS_PUSH, SCS_POP, SCS_PACIASP, SCS_AUTIASP };

static u32 word_at(const u8 *base, u32 offset)
{
	return *(const u32 *)(const void *)(base + offset);
}

static u32 next_byte(struct reader *reader)
{
	u32 byte;

	if (reader->at >= reader->end) {
		reader->overrun = true;
		return 0;
	}
	if (reader->at % sizeof(u32) == 0)
		reader->word = word_at(reader->base, reader->at);
	byte = reader->word & 0xff;
	reader->word >>= 8;
	reader->at++;
	return byte;
}

static u32 next_number(struct reader *reader, unsigned bytes)
{
	u32 number = 0;

	for (unsigned i = 0; i < bytes; i++)
		number |= next_byte(reader) << 8 * i;
	return number;
}

/* An unsigned LEB128, of which only the end matters. */
static void skip_number(struct reader *reader)
{
	while (next_byte(reader) & 0x80)
		;
}

static bool advance(struct walk *walk, u32 instructions)
{
	if (instructions > walk->size - walk->at)
		return false;
	walk->at += instructions;
	return true;
}

static bool remember(struct walk *walk)
{
	if (walk->remembered == REMEMBERED_MAX)
		return false;
	walk->remembered++;
	walk->state = walk->state << 1 | (walk->state & 1);
	return true;
}

static bool restore(struct walk *walk)
{
	if (walk->remembered == 0)
		return false;
	walk->remembered--;
	walk->state >>= 1;
	return true;
}

/* B or RET: what is behind it is reached from elsewhere. */
static bool goes_away(u32 instruction)
{
	return instruction >> 26 == B_OPCODE || instruction == RET;
}

/*
 * The instruction before this place is the one that signed, or checked. Or it goes away, and this
 * only says how it is with those who come here.
 */
static bool negate(struct walk *walk, const struct exchange *exchange)
{
	bool is_signed = walk->state & 1;
	u32 *place = walk->code + walk->at - 1;

	if (walk->at == 0)
		return false;
	walk->state ^= 1;
	if (*place != (is_signed ? exchange->check : exchange->sign))
		return goes_away(*place);
	*place = is_signed ? exchange->new_check : exchange->new_sign;
	walk->exchanged++;
	return true;
}

/* One instruction without an operand in itself. False where it is not known, or does not fit. */
static bool step_plain(struct walk *walk, u32 instruction, const struct exchange *exchange)
{
	struct reader *reader = &walk->reader;

	switch (instruction) {
	case CFA_NOP:
		return true;
	case CFA_ADVANCE_LOC1:
		return advance(walk, next_number(reader, 1));
	case CFA_ADVANCE_LOC2:
		return advance(walk, next_number(reader, 2));
	case CFA_ADVANCE_LOC4:
		return advance(walk, next_number(reader, 4));
	case CFA_REMEMBER_STATE:
		return remember(walk);
	case CFA_RESTORE_STATE:
		return restore(walk);
	case CFA_DEF_CFA:
		skip_number(reader);
		skip_number(reader);
		return true;
	case CFA_DEF_CFA_REGISTER:
	case CFA_DEF_CFA_OFFSET:
		skip_number(reader);
		return true;
	case CFA_NEGATE_RA_STATE:
		return negate(walk, exchange);
	}
	return false;
}

static bool step(struct walk *walk, const struct exchange *exchange)
{
	u32 instruction = next_byte(&walk->reader);

	switch (instruction & ~CFA_OPERAND) {
	case CFA_ADVANCE_LOC:
		return advance(walk, instruction & CFA_OPERAND);
	case CFA_OFFSET:
		skip_number(&walk->reader);
		return true;
	case CFA_RESTORE:
		return true;
	}
	return step_plain(walk, instruction, exchange);
}

/*
 * The FDE at @fde, which ends at @end, from its first instruction to its last, or until @exchanged
 * words were exchanged, which then is how many were. False where it is about no text, or has
 * something that is not known or does not fit. All that it works with is in registers: the stack is
 * as slow as any memory.
 */
static bool walk_function(const struct scs_image *image, u32 fde, u32 end,
			  const struct exchange *exchange, u32 *exchanged)
{
	u32 start = fde + FDE_START + word_at(image->base, fde + FDE_START);
	u32 size = word_at(image->base, fde + FDE_SIZE), most = *exchanged;
	struct walk walk = {
		.reader = { .base = image->base, .at = fde + FDE_AUGMENTATION, .end = end },
		.code = (u32 *)(void *)(image->base + start),
		.size = size / sizeof(u32),
	};
	bool fits = (start | size) % sizeof(u32) == 0 && start >= image->text.start &&
		    start <= image->text.end && size <= image->text.end - start &&
		    next_byte(&walk.reader) == 0;

	while (fits && walk.reader.at < end && walk.exchanged < most)
		fits = step(&walk, exchange);
	*exchanged = walk.exchanged;
	return fits && !walk.reader.overrun;
}

static void patch_function(struct scs_counts *counts, const struct scs_image *image, u32 fde,
			   u32 end)
{
	u32 exchanged = ~(u32)0;

	if (end - fde >= FDE_INSTRUCTIONS &&
	    walk_function(image, fde, end, &to_shadow, &exchanged)) {
		counts->patched += exchanged != 0;
		return;
	}
	counts->left++;
	if (end - fde >= FDE_INSTRUCTIONS && exchanged != 0)
		walk_function(image, fde, end, &to_signed, &exchanged);
}

static bool is_known_cie(const struct scs_image *image, u32 cie, u32 end)
{
	if (end - cie != ENTRY_HEADER + sizeof(known_cie))
		return false;
	for (u32 i = 0; i < ARRAY_SIZE(known_cie); i++, cie += sizeof(u32))
		if (word_at(image->base, cie + ENTRY_HEADER) != known_cie[i])
			return false;
	return true;
}

struct scs_counts scs_patch(const struct scs_image *image)
{
	struct scs_counts counts = { 0, 0 };
	u32 cie = 0, end; /* no CIE is at offset 0, where an image begins */

	for (u32 at = image->frames.start; at < image->frames.end; at = end) {
		u32 room = image->frames.end - at;
		u32 length = word_at(image->base, at), id;

		if (length == 0)
			break;
		if (length % sizeof(u32) != 0 || room < ENTRY_HEADER ||
		    length > room - sizeof(u32)) {
			counts.left++;
			break;
		}
		end = at + sizeof(u32) + length;
		id = word_at(image->base, at + sizeof(u32));
		if (id == 0)
			cie = is_known_cie(image, at, end) ? at : 0;
		else if (cie != 0 && at + sizeof(u32) - id == cie)
			patch_function(&counts, image, at, end);
		else
			counts.left++;
	}
	return counts;
}

void scs_apply(struct boot_handoff *handoff, u64 phys_offset)
{
	const struct boot_facts *facts = &handoff->facts;
	const struct image *image = &facts->image;
	u8 *base = (u8 *)(uintptr_t)(image->pa.value + phys_offset);
	const struct scs_image all = {
		.base = base,
		.text = { image->segment[SEGMENT_TEXT].start,
			  image->segment[SEGMENT_INIT_TEXT].end },
		.frames = { (u32)align_up(image->rela.end, FRAMES_ALIGN),
			    image->segment[SEGMENT_INIT_DATA].end },
	};

	handoff->scs = scs_patch(&all);
	dcache_invalidate(base + all.text.start, all.text.end - all.text.start,
			  dcache_line_size(facts->id[SYSREG_CTR_EL0]));
	shadow_begin(boot_shadows.stack);
}
