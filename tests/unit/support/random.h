/* SPDX-License-Identifier: MIT */
/*
 * Random numbers for the host's tests, repeatable: the seed is PAGODA_SEED from the environment or
 * the clock, and is printed before the first use, so that it is known after a crash too.
 * Host only.
 */
#ifndef SUPPORT_RANDOM_H
#define SUPPORT_RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct random {
	uint64_t seed, state;
};

static inline struct random random_start(void)
{
	const char *wanted = getenv("PAGODA_SEED");
	uint64_t seed = wanted ? strtoull(wanted, NULL, 0) : (uint64_t)time(NULL);

	printf("PAGODA_SEED=%lu\n", seed);
	fflush(stdout);
	return (struct random){ seed, seed };
}

/* SplitMix64 (Steele, Lea and Flood, 2014): any seed will do, also a small one. */
static inline uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* 0 to @limit - 1. */
static inline unsigned random_below(struct random *random, unsigned limit)
{
	return (unsigned)(random_next(random) % limit);
}

/* A 64-bit number of any length in bits: as often a small one as a large one. */
static inline uint64_t random_any_length(struct random *random)
{
	return random_next(random) >> random_below(random, 64);
}

#endif /* SUPPORT_RANDOM_H */
