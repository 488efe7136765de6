// SPDX-License-Identifier: MIT
/*
 * The whole early runtime as one function: a device tree, ID registers and a place in memory in;
 * tables out, or a stop. The tables are judged by the reference walker, leaf by leaf, from the
 * register values alone, and by Pagoda's own audit; the caches by the model of them. Host only.
 *
 *   input   CPU, EL, flags, pool pages, where RAM, Image and FDT are; changes of ID registers, a
 *           field each; the FDT's bytes
 */
#include "fuzz.h"
#include "support/fake_machine.h"
#include "support/map_judge.h"

#define PATCHES 4
#define LINE_ORDER_MAX 9 /* CTR_EL0.DminLine: 2 KiB is the most that the architecture allows */

/* The first bytes of an input. */
struct parameters {
	uint8_t cpu, el, flags, pool;
	uint16_t ram, image, fdt; /* times 2^36 and, with a flag, less 1 MiB; 4 KiB; 8 bytes */
	struct {
		uint8_t reg, field; /* four bits of the register are replaced */
	} patch[PATCHES];
	uint8_t patch_value[PATCHES];
} __attribute__((packed));

enum flag {
	FLAG_BELOW = 1, /* RAM begins 1 MiB below the boundary */
	FLAG_RANDOM = 2, /* RNDR works */
	FLAG_E2H = 4, /* HCR_EL2.E2H is stuck at 1 */
	FLAG_ALL = 8, /* look at all of both address spaces, which takes longer */
};

static struct fake_machine machine;

/* 4 MiB in which there is room behind the FDT for the largest that it can claim to be. */
static struct machine_setup setup_from(const struct parameters *parameters)
{
	struct machine_setup setup = machine_setup_default();

	setup.cpu = parameters->cpu % FAKE_CPU_COUNT;
	setup.ram_start = (u64)parameters->ram << 36;
	if ((parameters->flags & FLAG_BELOW) && setup.ram_start != 0)
		setup.ram_start -= MIB(1);
	setup.pool_size = (parameters->pool % 13) * (u32)KIB(64);
	setup.image_offset = (u64)(parameters->image % 64) * KIB(4);
	setup.fdt_offset = MIB(1) + KIB(512) + (u64)(parameters->fdt % 1024) * 8;
	return setup;
}

static void patch_registers(const struct parameters *parameters)
{
	u64 *ctr = &machine.id[SYSREG_CTR_EL0];

	for (int i = 0; i < PATCHES; i++) {
		unsigned shift = parameters->patch[i].field % 16 * 4;
		u64 *id = &machine.id[parameters->patch[i].reg % SYSREG_ARM64_SW];

		*id = (*id & ~((u64)0xf << shift)) | (u64)(parameters->patch_value[i] & 0xf)
							     << shift;
	}
	if (SYSREG_GET(CTR_EL0_DMINLINE, *ctr) > LINE_ORDER_MAX)
		*ctr &= ~(u64)CTR_EL0_DMINLINE_MASK;
	machine.line_size = 4u << SYSREG_GET(CTR_EL0_DMINLINE, *ctr);
}

static void put_fdt(const struct fuzz_input *input)
{
	u8 *at = machine.ram + machine.setup.fdt_offset;
	u64 room = machine.setup.ram_size - machine.setup.fdt_offset;

	memset(at, machine.setup.poison, machine.fdt_size);
	machine.fdt_size = (u32)min_u64(input->size, room);
	memcpy(at, input->data, machine.fdt_size);
}

static void build(struct fuzz_input *input)
{
	struct parameters parameters;
	struct machine_setup setup;

	fuzz_take(input, &parameters, sizeof(parameters));
	setup = setup_from(&parameters);
	machine_build(&machine, &setup);
	patch_registers(&parameters);
	machine.entry.el = parameters.el % 4;
	machine.entry.hcr = parameters.flags & FLAG_E2H ? (u64)HCR_EL2_E2H_MASK : 0;
	machine.random_works = parameters.flags & FLAG_RANDOM;
	machine.random_answer = 0x1234567812345678;
	put_fdt(input);
}

static void check_audit(bool upper)
{
	struct boot_handoff *handoff = machine.handoff;
	const struct boot_plan *plan = &handoff->plan;
	struct space space = { .regime = upper ? plan->kernel : plan->idmap,
			       .root = upper ? handoff->kernel_root : handoff->idmap_root,
			       .phys_offset = machine.phys_offset,
			       .pool = &handoff->pool };
	struct pt_audit audit = pt_audit_space(&space);
	u64 entry = align_up(machine.image.entry.end - machine.image.entry.start,
			     regime_granule(&plan->idmap));
	bool may_write = upper && plan->policy.text_writable;

	FUZZ_CHECK(audit.mapped == (upper ? machine.image.size : entry), "%#lx bytes are mapped",
		   audit.mapped);
	FUZZ_CHECK((audit.writable_executable != 0) == may_write, "writable and executable at %#lx",
		   audit.first_offender.value);
	FUZZ_CHECK(!may_write || !plan->wxn, "WXN with writable text");
}

/* Nothing is left of the seed that was used. */
static void check_seed(void)
{
	FUZZ_CHECK(machine.handoff->seed.kaslr == 0, "the seed is in the handoff");
}

static void check_stop(const struct stop *stop)
{
	char reason[240] = "";

	FUZZ_CHECK(stop->code <= STOP_RELOCATION || stop->code == STOP_RESERVATIONS ||
			   stop->code == STOP_FDT_UNREACHABLE,
		   "stop code %d", stop->code);
	FUZZ_CHECK(stop->code != STOP_MAP, "the plan had not looked at %#lx", stop->x2);
	stop_describe(stop, reason, sizeof(reason));
	FUZZ_CHECK(reason[0] != '\0', "nothing to say about stop code %d", stop->code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	const char *wrong;
	struct stop stop;
	bool all = size > 2 && (data[2] & FLAG_ALL);

	build(&input);
	stop = machine_boot(&machine);
	check_stop(&stop);
	if (stop.code != STOP_NONE)
		return 0;
	wrong = judge_maps(&machine, all) ?: judge_published(&machine);
	FUZZ_CHECK(!wrong, "%s", wrong);
	check_audit(false);
	check_audit(true);
	check_seed();
	return 0;
}
