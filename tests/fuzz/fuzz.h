/* SPDX-License-Identifier: MIT */
/*
 * What every fuzzing target shares. A target is one file, fuzz_NAME.c, with one function; `make
 * fuzz` links it with libFuzzer, `make test` with replay.c, over the inputs in corpus/NAME. It
 * aborts where a promise is broken. Host only.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition, ...)                                      \
	do {                                                            \
		if (!(condition)) {                                     \
			fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
			fprintf(stderr, __VA_ARGS__);                   \
			fprintf(stderr, "\n");                          \
			abort();                                        \
		}                                                       \
	} while (0)

/* What is left of an input that is taken apart from its front. */
struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

/* The next @size bytes, zeroes where the input has ended. */
static inline void fuzz_take(struct fuzz_input *input, void *to, size_t size)
{
	size_t there = size < input->size ? size : input->size;

	memset(to, 0, size);
	if (there > 0)
		memcpy(to, input->data, there);
	input->data += there;
	input->size -= there;
}

static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
	uint8_t byte;

	fuzz_take(input, &byte, 1);
	return byte;
}

/* The rest, in memory of its own size, so that a read beyond it is seen. The caller frees it. */
static inline void *fuzz_exact(const void *data, size_t size)
{
	void *exact = malloc(size);

	if (size > 0)
		memcpy(exact, data, size);
	return exact;
}

#endif /* FUZZ_H */
