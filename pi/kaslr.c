// SPDX-License-Identifier: MIT
/*
 * Entropy, and what is made of it: places in the virtual address space, and the key for pointer
 * authentication. Each is a number of a keyed one-way function, so that those that are printed tell
 * nothing of those that are not.
 * Runs with the MMU off, .bss clear, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/lib/features.h>
#include <pagoda/lib/string.h>
#include <pagoda/pi/early.h>

/*
 * The image moves in steps of 2 MiB, the largest alignment in which physical and virtual address
 * agree: so a 4K kernel can be mapped as it lies.
 */
#define KASLR_STEP MIB(2)

/* What numbers are for; others follow from enum secret_place. */
#define LABEL_PAC_LOW 0x10
#define LABEL_PAC_HIGH 0x11

/* SipHash-2-4: rounds after each word of the message, and at the end. */
#define ROUNDS_WORD 2
#define ROUNDS_END 4

static u64 rotate(u64 word, unsigned left)
{
	return word << left | word >> (64 - left);
}

static void mix(u64 v[4], unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32) + v[3];
		v[2] += v[1];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

static void take_word(u64 v[4], u64 word)
{
	v[3] ^= word;
	mix(v, ROUNDS_WORD);
	v[0] ^= word;
}

/* "somepseudorandomlygeneratedbytes", says the paper of these four. */
u64 siphash(const u64 key[2], const u8 *message, size_t size)
{
	u64 v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		     key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };
	u64 word = 0;

	for (size_t i = 0; i < size; i++) {
		word |= (u64)message[i] << i % 8 * 8;
		if (i % 8 != 7)
			continue;
		take_word(v, word);
		word = 0;
	}
	take_word(v, word | (u64)size << 56);
	v[2] ^= 0xff;
	mix(v, ROUNDS_END);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

u64 secret_number(const u64 key[2], u8 label)
{
	return siphash(key, &label, sizeof(label));
}

static bool random_take(const u64 id[SYSREG_FACT_COUNT], u64 *number)
{
	return cpu_feature_level(id, CPU_RNDR) != 0 && random_read(number);
}

void seed_take(struct seed *seed, struct boot_handoff *handoff)
{
	u64 *given = &handoff->seed.kaslr;

	seed->word = *given;
	secret_wipe(given, sizeof(*given));
	if (seed->word != 0)
		seed->source = handoff->facts.efi.seed ? KASLR_EFI : KASLR_FDT;
	else
		seed->source = random_take(handoff->id, &seed->word) ? KASLR_RNDR :
								       KASLR_OFF_NO_ENTROPY;
	if (!random_take(handoff->id, &seed->more))
		seed->more = handoff->facts.entry.counter;
}

/* The report tells where things are: that shall say nothing of the rest of a key's entropy. */
u64 secret_place(const struct seed *seed, enum secret_place place)
{
	u64 key[2] = { seed->word, 0 };

	return secret_number(key, (u8)place);
}

bool secret_pac_key(const struct seed *seed)
{
	u64 key[2] = { seed->word, seed->more };

	return pac_key_set(secret_number(key, LABEL_PAC_LOW), secret_number(key, LABEL_PAC_HIGH));
}

/*
 *      |<--- a quarter --->|<------- the middle half ------->|<--- a quarter --->|
 *    start                 first        image                last               end
 *
 * The outer quarters stay free for vmalloc, so that it always finds room on either side.
 */
u64 kaslr_offset(struct layout_region vmalloc, u64 image_size, u64 number)
{
	u64 quarter = (vmalloc.end.value - vmalloc.start.value) / 4;
	u64 first = align_up(quarter, KASLR_STEP);
	/* The image keeps its offset within a step, so it may reach into one more. */
	u64 last = align_down(3 * quarter - image_size - KASLR_STEP, KASLR_STEP);
	u64 places = (last - first) / KASLR_STEP + 1;

	return first + (u64)((unsigned __int128)number * places >> 64) * KASLR_STEP;
}
