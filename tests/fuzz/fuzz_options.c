// SPDX-License-Identifier: MIT
/*
 * The command line, any bytes: what it makes of the ID registers never has more than the CPU, what
 * it says about itself is text of bounded length, and the numbers it takes are among those it
 * offers. The first byte chooses the CPU. Host only.
 */
#include <pagoda/kernel/handoff/override.h>
#include <pagoda/lib/serial.h>

#include "fuzz.h"
#include "support/fake_machine.h"

static void check_field(enum sysreg reg, const struct sysreg_field *field, u64 had, u64 has)
{
	int before = sysreg_field_get(field, had), after = sysreg_field_get(field, has);

	if (reg == SYSREG_ARM64_SW)
		FUZZ_CHECK(after == 0 || after == 1, "%s is %d", field->name, after);
	else
		FUZZ_CHECK(after <= before, "%s.%s rose from %d to %d", sysreg_table[reg].name,
			   field->name, before, after);
}

/* No field is higher than before, and what is in no field is as it was. */
static void check_register(enum sysreg reg, u64 had, u64 has)
{
	const struct sysreg_field *field = sysreg_fields + sysreg_table[reg].first_field;
	const struct sysreg_field *end = field + sysreg_table[reg].field_count;
	u64 others = ~(u64)0;

	for (; field < end; field++) {
		check_field(reg, field, had, has);
		others &= ~(~(u64)0 >> (64 - field->width) << field->shift);
	}
	FUZZ_CHECK(((had ^ has) & others) == 0, "%s: bits of no field changed",
		   sysreg_table[reg].name);
	if (sysreg_table[reg].option[0] == '\0')
		FUZZ_CHECK(had == has, "%s cannot be overridden", sysreg_table[reg].name);
}

static bool is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static void check_records(const struct boot_options *options)
{
	FUZZ_CHECK(options->record_count <= OVERRIDES_MAX, "%u records", options->record_count);
	FUZZ_CHECK(options->record_count == OVERRIDES_MAX || options->records_dropped == 0,
		   "a record dropped while there was room");
	for (u32 i = 0; i < options->record_count; i++) {
		const struct override_record *record = &options->record[i];

		FUZZ_CHECK(is_text(record->option, sizeof(record->option)) &&
				   is_text(record->field, sizeof(record->field)) &&
				   is_text(record->value, sizeof(record->value)),
			   "record %u is not text", i);
		FUZZ_CHECK((record->status == OVERRIDE_APPLIED) == (record->reason == REASON_NONE),
			   "record %u: %s, %s", i, override_status_str(record->status),
			   override_reason_str(record->reason));
	}
}

static bool is_one_of(unsigned number, const char *numbers, size_t count)
{
	return memchr(numbers, (int)number, count) != NULL;
}

static void check_options(const struct boot_options *options)
{
	FUZZ_CHECK(is_one_of(options->granule_shift, "\0\14\16\20", 4), "page size");
	FUZZ_CHECK(is_one_of(options->va_bits, "\0\44\47\52\57\60\64", 7), "address bits");
	FUZZ_CHECK(options->earlycon.value == 0 ||
			   serial_may_be_at(options->earlycon_kind, options->earlycon.value),
		   "console at %#lx", options->earlycon.value);
	FUZZ_CHECK(options->panic <= PANIC_POWEROFF, "panic action");
	FUZZ_CHECK(is_text(options->run, sizeof(options->run)), "commands are not text");
}

/* What is kept for other CPUs can be put where it belongs, and lowers. */
static void check_cpus(struct boot_options *options)
{
	static struct boot_handoff handoff;
	u64 id[SYSREG_FACT_COUNT];

	FUZZ_CHECK(options->cpus_max <= CPUS_MAX, "at most %u CPUs", options->cpus_max);
	FUZZ_CHECK(options->cpu_override_count <= CPU_OVERRIDES_MAX, "%u overrides for a CPU",
		   options->cpu_override_count);
	handoff.options = *options;
	for (unsigned i = 0; i < options->cpu_override_count; i++) {
		const struct cpu_override *kept = &options->cpu_override[i];
		const struct sysreg_desc *desc = &sysreg_table[kept->reg];

		FUZZ_CHECK(kept->cpu > 0 && kept->cpu < CPUS_MAX && kept->reg < SYSREG_FACT_COUNT &&
				   desc->option[0] != '\0' && kept->field >= desc->first_field &&
				   kept->field < desc->first_field + desc->field_count &&
				   kept->content >> sysreg_fields[kept->field].width == 0 &&
				   kept->record <= OVERRIDES_MAX,
			   "override %u", i);
		memcpy(id, fake_cpu_id(0), sizeof(id));
		override_apply_for_cpu(&handoff, kept->cpu, id);
		for (unsigned reg = 0; reg < SYSREG_FACT_COUNT; reg++)
			check_register(reg, fake_cpu_id(0)[reg], id[reg]);
	}
	check_records(&handoff.options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct boot_options options;
	struct fuzz_input input = { data, size };
	const u64 *had = fake_cpu_id(fuzz_byte(&input) % FAKE_CPU_COUNT);
	char *line = fuzz_exact(input.data, input.size);
	u64 id[SYSREG_FACT_COUNT];

	memset(&options, 0, sizeof(options));
	memcpy(id, had, sizeof(id));
	options_parse(&options, id, line, (u32)input.size);
	free(line);
	for (unsigned reg = 0; reg < SYSREG_FACT_COUNT; reg++)
		check_register(reg, had[reg], id[reg]);
	check_records(&options);
	check_options(&options);
	check_cpus(&options);
	return 0;
}
