/* SPDX-License-Identifier: MIT */
/*
 * A kernel after boot, made by hand for tests of what it shows: an image of five segments without
 * KASLR, an identity map, a console in the fixmap. Host only.
 */
#ifndef SAMPLE_KERNEL_H
#define SAMPLE_KERNEL_H

#include <pagoda/kernel/kernel.h>

#define SAMPLE_IMAGE_PA 0x40200000
#define SAMPLE_CONSOLE_PA 0x09000000
#define SAMPLE_POOL_PA 0x40280000
#define SAMPLE_POOL_SIZE (24 * GRANULE_SIZE_MAX)

struct sample {
	struct boot_handoff handoff;
	struct kernel kernel;
	u8 memory[SAMPLE_POOL_SIZE]; /* of the pool */
};

/*
 * sample_make() - fill in @sample for a CPU that has everything, with these page and address sizes.
 * 52 bits mean wide descriptors.
 */
void sample_make(struct sample *sample, unsigned granule_shift, unsigned va_bits);

/* Take @text for the command line's pagoda.run. */
void sample_set_run(struct sample *sample, const char *text);

/* Add an override record. */
void sample_add_override(struct sample *sample, struct override_record record);

#endif /* SAMPLE_KERNEL_H */
