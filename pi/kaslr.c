// SPDX-License-Identifier: MIT
/*
 * Entropy, and what it decides: where in the virtual address space the image goes.
 * Runs with the MMU off, .bss clear, image not relocated; also on the host. May not use: absolute
 * addresses, pointers in static data, .bss.
 */
#include <pagoda/arch/arch.h>
#include <pagoda/lib/features.h>
#include <pagoda/pi/early.h>

/*
 * The image moves in steps of 2 MiB, the largest alignment in which physical and virtual address
 * agree: so a 4K kernel can be mapped as it lies.
 */
#define KASLR_STEP MIB(2)

struct entropy entropy_take(u64 *seed, bool efi, const u64 id[SYSREG_FACT_COUNT])
{
	struct entropy entropy = { efi ? KASLR_EFI : KASLR_FDT, *seed };

	*seed = 0;
	if (entropy.seed != 0)
		return entropy;
	if (cpu_feature_level(id, CPU_RNDR) != 0 && random_read(&entropy.seed)) {
		entropy.source = KASLR_RNDR;
		return entropy;
	}
	return (struct entropy){ KASLR_OFF_NO_ENTROPY, 0 };
}

/* A step of the SplitMix64 generator (Steele, Lea and Flood, 2014): distinct states, mixed. */
u64 entropy_next(struct entropy *entropy)
{
	u64 z = entropy->seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/*
 *      |<--- a quarter --->|<------- the middle half ------->|<--- a quarter --->|
 *    start                 first        image                last               end
 *
 * The outer quarters stay free for vmalloc, so that it always finds room on either side.
 */
u64 kaslr_offset(struct layout_region vmalloc, u64 image_size, u64 seed)
{
	u64 quarter = (vmalloc.end.value - vmalloc.start.value) / 4;
	u64 first = align_up(quarter, KASLR_STEP);
	/* The image keeps its offset within a step, so it may reach into one more. */
	u64 last = align_down(3 * quarter - image_size - KASLR_STEP, KASLR_STEP);
	u64 places = (last - first) / KASLR_STEP + 1;

	return first + (u64)((unsigned __int128)seed * places >> 64) * KASLR_STEP;
}
