// SPDX-License-Identifier: MIT
/*
 * Any sequence of calls and faults of the host's: the hypervisor answers, and of what is its or a
 * guest's the host has nothing mapped. Host only.
 *
 *   input   page size and format, whether it is protected; then of each step a byte for what, and
 *           arguments of eight bytes
 */
#include "support/fake_el2.h"

#include "fuzz.h"

#define STEPS_MAX 200

static u64 argument(struct fuzz_input *input)
{
	u64 value, granule = regime_granule(&fake_el2.host.regime);
	uint8_t how = fuzz_byte(input);

	if (how < 64)
		return how;
	if (how < 128)
		return 0x50000000 + (how & 15) * granule;
	if (how < 192)
		return FAKE_EL2_MEMORY + (u64)(how & 63) * 0x10000;
	fuzz_take(input, &value, sizeof(value));
	return value;
}

static void step(struct fuzz_input *input)
{
	uint8_t what = fuzz_byte(input);
	struct el2_frame frame = { .x = { EL2_VERSION + (what & 15) } };

	if (what & 0x80) {
		(void)host_map(&fake_el2, argument(input));
		return;
	}
	for (unsigned i = 1; i <= 3; i++)
		frame.x[i] = argument(input);
	if (!call_handle(&fake_el2, &fake_el2_cpu, &frame))
		return;
	if (fake_el2_cpu.in_guest)
		el2_guest_leave(&fake_el2, &fake_el2_cpu, &frame, EL2_SYNC, &fake_el2_syndrome);
	FUZZ_CHECK(frame.x[0] <= EL2_BAD_ARGUMENT, "answer %#lx", frame.x[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	uint8_t world = fuzz_byte(&input);

	fake_el2_make(12 + 2 * (world % 3), world & 4, world & 8, 8);
	for (unsigned i = 0; i < STEPS_MAX && input.size > 0; i++) {
		const char *wrong;

		step(&input);
		wrong = fake_el2_wrong();
		FUZZ_CHECK(!wrong, "%s", wrong);
	}
	return 0;
}
