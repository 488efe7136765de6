// SPDX-License-Identifier: MIT
/*
 * What an A64 instruction does beyond registers: which memory it loads or stores, which barrier,
 * system register or system instruction it is. Source: DDI 0487 C4.1 (A64 instruction encodings).
 *
 * Of what is not here the judge says that it cannot judge, so nothing is guessed.
 */
#include "judge.h"

static void memory_set(struct insn *insn, unsigned access, unsigned bytes, unsigned count)
{
	insn->kind = KIND_MEMORY;
	insn->access = access;
	insn->bytes = bytes;
	insn->count = count;
}

/* C4.1.88: compare and swap, exclusives, load-acquire, store-release. */
static void decode_exclusive(u32 word, struct insn *insn)
{
	unsigned size = bits(word, 31, 30), bytes = 1u << size;
	bool load = bits(word, 22, 22), o2 = bits(word, 23, 23), o1 = bits(word, 21, 21);
	bool o0 = bits(word, 15, 15);

	if (o2 && o1) {
		memory_set(insn, ACCESS_LOAD | ACCESS_STORE | ACCESS_COMPARE, bytes, 1);
		if (o0)
			insn->access |= ACCESS_RELEASE;
	} else if (o2) {
		memory_set(insn, load ? ACCESS_LOAD | ACCESS_ACQUIRE : ACCESS_STORE, bytes, 1);
		if (o0 && !load)
			insn->access |= ACCESS_RELEASE;
	} else if (o1 && size < 2) {
		/* CASP: what is stored is not followed. */
		memory_set(insn, ACCESS_LOAD | ACCESS_STORE | ACCESS_VECTOR, 4u << size, 2);
	} else {
		memory_set(insn, load ? ACCESS_LOAD : ACCESS_STORE | ACCESS_EXCLUSIVE, bytes,
			   o1 ? 2 : 1);
		if (o0)
			insn->access |= load ? ACCESS_ACQUIRE : ACCESS_RELEASE;
	}
}

static void decode_literal(const struct step *step, u32 word, struct insn *insn)
{
	unsigned opc = bits(word, 31, 30);
	bool vector = bits(word, 26, 26);

	insn->address = step->pc + (u64)(sign_extend(bits(word, 23, 5), 19) * 4);
	if (vector)
		memory_set(insn, ACCESS_LOAD | ACCESS_VECTOR, 4u << opc, 1);
	else if (opc < 3)
		memory_set(insn, ACCESS_LOAD, opc == 1 ? 8 : 4, 1);
	else
		insn->kind = KIND_OTHER; /* PRFM */
	if (vector && opc == 3)
		insn->kind = KIND_UNKNOWN;
}

static void decode_pair(u32 word, struct insn *insn)
{
	unsigned opc = bits(word, 31, 30), bytes = opc == 2 ? 8 : 4;
	bool vector = bits(word, 26, 26), load = bits(word, 22, 22);
	bool post = bits(word, 24, 23) == 1;

	if (opc == 3 || (opc == 1 && !vector && !load)) {
		insn->kind = KIND_UNKNOWN; /* STGP: tags */
		return;
	}
	if (vector)
		bytes = 4u << opc;
	memory_set(insn, (load ? ACCESS_LOAD : ACCESS_STORE) | (vector ? ACCESS_VECTOR : 0), bytes,
		   2);
	if (!post)
		insn->address += (u64)(sign_extend(bits(word, 21, 15), 7) * (s64)bytes);
}

/* Loads and stores of one register: size and opc say which. */
static void decode_single(u32 word, struct insn *insn)
{
	unsigned size = bits(word, 31, 30), opc = bits(word, 23, 22), bytes = 1u << size;

	if (bits(word, 26, 26)) {
		bytes = opc & 2 ? 16 : 1u << size;
		memory_set(insn, (opc & 1 ? ACCESS_LOAD : ACCESS_STORE) | ACCESS_VECTOR, bytes, 1);
		if ((opc & 2) && size != 0)
			insn->kind = KIND_UNKNOWN;
	} else if (size == 3 && opc == 2) {
		insn->kind = KIND_OTHER; /* PRFM */
	} else if (size >= 2 && opc == 3) {
		insn->kind = KIND_UNKNOWN;
	} else {
		memory_set(insn, opc == 0 ? ACCESS_STORE : ACCESS_LOAD, bytes, 1);
	}
}

/* C4.1.88: atomic memory operations, SWP, LDAPR. */
static void decode_atomic(u32 word, struct insn *insn)
{
	unsigned opc = bits(word, 14, 12), bytes = 1u << bits(word, 31, 30);
	bool o3 = bits(word, 15, 15);

	if (bits(word, 26, 26) || (o3 && opc != 0 && opc != 4)) {
		insn->kind = KIND_UNKNOWN;
		return;
	}
	if (o3 && opc == 4) {
		memory_set(insn, ACCESS_LOAD | ACCESS_ACQUIRE, bytes, 1);
		return;
	}
	memory_set(insn, ACCESS_LOAD | ACCESS_STORE | ACCESS_ATOMIC, bytes, 1);
	insn->operation = o3 ? 8 : opc;
	if (bits(word, 22, 22))
		insn->access |= ACCESS_RELEASE;
}

static u64 extended(const struct step *step, u32 word)
{
	u64 value = step_register(step, bits(word, 20, 16), false);

	switch (bits(word, 15, 13)) {
	case 2:
		return (u32)value;
	case 6:
		return (u64)(s64)(int32_t)value;
	}
	return value;
}

static void decode_register(const struct step *step, u32 word, struct insn *insn)
{
	unsigned how = bits(word, 11, 10);

	if (bits(word, 24, 24)) {
		decode_single(word, insn);
		insn->address += bits(word, 21, 10) * insn->bytes;
		return;
	}
	if (bits(word, 21, 21) == 0) {
		decode_single(word, insn);
		if (how != 1)
			insn->address += (u64)sign_extend(bits(word, 20, 12), 9);
		if (how == 2)
			insn->access |= ACCESS_USER;
	} else if (how == 2) {
		decode_single(word, insn);
		insn->address += extended(step, word)
				 << (bits(word, 12, 12) ? __builtin_ctz(insn->bytes | 256) : 0);
	} else if (how == 0) {
		decode_atomic(word, insn);
	} else {
		insn->kind = KIND_UNKNOWN; /* LDRAA */
	}
}

static unsigned structure_bytes(u32 word)
{
	unsigned scale = bits(word, 15, 14), bytes = 1u << scale;

	if (scale == 3)
		bytes = 1u << bits(word, 11, 10);
	else if (scale == 2 && bits(word, 10, 10))
		bytes = 8;
	return bytes * ((bits(word, 13, 13) << 1 | bits(word, 21, 21)) + 1);
}

static void decode_structures(u32 word, struct insn *insn)
{
	static const u8 registers[16] = {
		[0] = 4, [2] = 4, [4] = 3, [6] = 3, [7] = 1, [8] = 2, [10] = 2
	};
	unsigned bytes;

	if (bits(word, 24, 24))
		bytes = structure_bytes(word);
	else
		bytes = registers[bits(word, 15, 12)] * (bits(word, 30, 30) ? 16u : 8u);
	memory_set(insn, (bits(word, 22, 22) ? ACCESS_LOAD : ACCESS_STORE) | ACCESS_VECTOR, bytes,
		   1);
	if (bytes == 0)
		insn->kind = KIND_UNKNOWN;
}

static void decode_memory(const struct step *step, u32 word, struct insn *insn)
{
	insn->rt = bits(word, 4, 0);
	insn->rt2 = bits(word, 14, 10);
	insn->rs = bits(word, 20, 16);
	insn->address = step_register(step, bits(word, 9, 5), true);
	if (bits(word, 29, 24) == 0x08)
		decode_exclusive(word, insn);
	else if (bits(word, 29, 27) == 3 && bits(word, 25, 24) == 0)
		decode_literal(step, word, insn);
	else if (bits(word, 29, 27) == 5 && bits(word, 25, 25) == 0)
		decode_pair(word, insn);
	else if (bits(word, 29, 27) == 7 && bits(word, 25, 25) == 0)
		decode_register(step, word, insn);
	else if (bits(word, 31, 31) == 0 && (bits(word, 29, 24) & 0x3e) == 0x0c)
		decode_structures(word, insn);
	else if (bits(word, 29, 24) == 0x19 && bits(word, 21, 21) == 0 && bits(word, 11, 10) == 0) {
		decode_single(word, insn); /* LDAPUR, STLUR */
		insn->address += (u64)sign_extend(bits(word, 20, 12), 9);
		insn->access |= insn->access & ACCESS_STORE ? ACCESS_RELEASE : ACCESS_ACQUIRE;
	} else {
		insn->kind = KIND_UNKNOWN;
	}
}

static void decode_barrier(u32 word, struct insn *insn)
{
	unsigned op2 = bits(word, 7, 5), crm = bits(word, 11, 8);

	insn->kind = KIND_BARRIER;
	insn->domain = crm >> 2;
	insn->types = crm & 3;
	switch (op2) {
	case 4:
		insn->barrier = BARRIER_DSB;
		break;
	case 5:
		insn->barrier = BARRIER_DMB;
		break;
	case 6:
		insn->barrier = BARRIER_ISB;
		break;
	case 1: /* DSB nXS: everything as far as the rules go */
		insn->barrier = BARRIER_DSB;
		insn->types = 3;
		break;
	case 2: /* CLREX */
	case 7: /* SB */
		insn->kind = KIND_OTHER;
		break;
	default:
		insn->kind = KIND_UNKNOWN;
	}
	/* SSBB and PSSBB: DSBs that order nothing here. */
	if (insn->barrier == BARRIER_DSB && op2 == 4 && (crm == 0 || crm == 4))
		insn->kind = KIND_OTHER;
}

static void decode_hint(u64 hint, struct insn *insn)
{
	insn->kind = KIND_OTHER;
	if (hint >= 1 && hint <= 3) /* YIELD, WFE, WFI */
		insn->kind = KIND_WAIT;
	else if (hint == 4)
		insn->kind = KIND_EVENT;
}

static void decode_system(u32 word, struct insn *insn)
{
	unsigned op0 = bits(word, 20, 19), crn = bits(word, 15, 12);
	bool read = bits(word, 21, 21);

	insn->rt = bits(word, 4, 0);
	insn->sysreg = bits(word, 20, 5);
	if (op0 >= 2)
		insn->kind = read ? KIND_MRS : KIND_MSR;
	else if (op0 == 1)
		insn->kind = read ? KIND_OTHER : KIND_SYS;
	else if (crn == 3)
		decode_barrier(word, insn);
	else if (crn == 2)
		decode_hint(bits(word, 11, 5), insn);
	else if (crn == 4 || (crn == 1 && read == 0))
		insn->kind = bits(word, 11, 5) == 0 && crn == 1 ? KIND_WAIT : KIND_OTHER;
	else
		insn->kind = KIND_UNKNOWN;
}

static void decode_branch(u32 word, struct insn *insn)
{
	insn->kind = KIND_BRANCH;
	if (bits(word, 30, 26) == 5)
		insn->is_link = bits(word, 31, 31);
	else if (bits(word, 31, 24) == 0xd4)
		insn->kind = KIND_CALL_OUT;
	else if (bits(word, 31, 22) == 0x354)
		decode_system(word, insn);
	else if (bits(word, 31, 25) == 0x6b && bits(word, 24, 21) == 4)
		insn->kind = KIND_ERET;
	else if (bits(word, 31, 25) == 0x6b)
		insn->is_link = (bits(word, 24, 21) & 7) == 1;
}

void decode(const struct step *step, u32 word, struct insn *insn)
{
	unsigned group = bits(word, 28, 25);

	*insn = (struct insn){ .kind = KIND_OTHER };
	if ((group & 5) == 4)
		decode_memory(step, word, insn);
	else if ((group & 0xe) == 0xa)
		decode_branch(word, insn);
	else if ((group & 0xe) == 8 || (group & 7) == 5 || (group & 7) == 7)
		insn->kind = KIND_OTHER;
	else
		insn->kind = KIND_UNKNOWN; /* SVE, SME, reserved */
}
