// SPDX-License-Identifier: MIT
/*
 * Host tests of pi/options*.c: tables of words and their fate, and properties of random lines.
 * PAGODA_SEED in the environment repeats the random ones.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include <pagoda/kernel/handoff/options.h>

#include "support/sysreg_find.h"

#define LINE_MAX 4096
#define RANDOM_LINES 50000

struct parsed {
	struct boot_options options;
	u64 id[SYSREG_FACT_COUNT];
};

/* What QEMU's -cpu max says, as far as a word can change it. */
static const u64 cpu_max[SYSREG_FACT_COUNT] = {
	[SYSREG_ID_AA64PFR0_EL1] = 0x1201111123111112,
	[SYSREG_ID_AA64PFR1_EL1] = 0x0000000001000321,
	[SYSREG_ID_AA64ISAR1_EL1] = 0x0011111101211252,
	[SYSREG_ID_AA64ISAR2_EL1] = 0x0000000000001110,
	[SYSREG_ID_AA64MMFR0_EL1] = 0x1000032310211126,
	[SYSREG_ID_AA64MMFR1_EL1] = 0x0000011011312122,
	[SYSREG_ID_AA64MMFR2_EL1] = 0x1221011112111011,
	[SYSREG_ID_AA64SMFR0_EL1] = 0x80f100fd00000000,
	[SYSREG_ID_AA64MMFR3_EL1] = 0x0000000000000111, /* S1PIE, SCTLRX, TCRX: newer than QEMU's */
};

/* A CPU with 16K and 64K pages alone, 44 address bits, no VARange. */
static const u64 cpu_small[SYSREG_FACT_COUNT] = {
	[SYSREG_ID_AA64MMFR0_EL1] = 0x00000000f0100004,
};

/* The line in memory of its own length, so that ASan sees a character read beyond it. */
static struct parsed parse_bytes(const u64 *cpu, const char *line, size_t length)
{
	char *exact = malloc(length);
	struct parsed parsed = { 0 };

	if (length)
		memcpy(exact, line, length);
	memcpy(parsed.id, cpu, sizeof(parsed.id));
	options_parse(&parsed.options, parsed.id, exact, length);
	free(exact);
	return parsed;
}

static struct parsed parse(const char *line)
{
	return parse_bytes(cpu_max, line, strlen(line));
}

static int field_of(const struct parsed *parsed, enum sysreg reg, const char *name)
{
	return sysreg_field_get(sysreg_find_field(reg, name), parsed->id[reg]);
}

struct fate {
	const char *line;
	enum override_status status;
	enum override_reason reason;
	const char *option, *field, *value;
};

static void assert_record(const struct override_record *record, const struct fate *fate)
{
	if (record->status != fate->status || record->reason != fate->reason)
		print_error("%s: status %d reason %d\n", fate->line, record->status,
			    record->reason);
	assert_int_equal(record->status, fate->status);
	assert_int_equal(record->reason, fate->reason);
	assert_string_equal(record->option, fate->option);
	assert_string_equal(record->field, fate->field);
	assert_string_equal(record->value, fate->value);
}

static void assert_fates(const struct fate *fates, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct parsed parsed = parse(fates[i].line);

		if (parsed.options.record_count != 1)
			print_error("%s: %u records\n", fates[i].line, parsed.options.record_count);
		assert_int_equal(parsed.options.record_count, 1);
		assert_int_equal(parsed.options.records_dropped, 0);
		assert_record(&parsed.options.record[0], &fates[i]);
		if (fates[i].status != OVERRIDE_APPLIED)
			assert_memory_equal(parsed.id, cpu_max, sizeof(parsed.id));
	}
}

static void an_override_of_a_register_that_lowers_or_keeps_is_applied(void **state)
{
	static const struct {
		const char *option, *value;
		enum sysreg reg;
		const char *field;
		int content;
	} rows[] = {
		{ "id_aa64mmfr0.parange", "0x5", SYSREG_ID_AA64MMFR0_EL1, "parange", 5 },
		{ "id_aa64mmfr0.parange", "6", SYSREG_ID_AA64MMFR0_EL1, "parange", 6 },
		{ "id_aa64mmfr0.parange", "0X4", SYSREG_ID_AA64MMFR0_EL1, "parange", 4 },
		{ "id_aa64mmfr0.tgran4", "0", SYSREG_ID_AA64MMFR0_EL1, "tgran4", 0 },
		{ "id_aa64mmfr0.tgran4", "0xf", SYSREG_ID_AA64MMFR0_EL1, "tgran4", -1 },
		{ "id_aa64mmfr0.tgran64", "F", SYSREG_ID_AA64MMFR0_EL1, "tgran64", -1 },
		{ "id_aa64mmfr0.tgran16", "1", SYSREG_ID_AA64MMFR0_EL1, "tgran16", 1 },
		{ "id-aa64mmfr0.tgran16-2", "2", SYSREG_ID_AA64MMFR0_EL1, "tgran16_2", 2 },
		{ "id_aa64mmfr1.vh", "0", SYSREG_ID_AA64MMFR1_EL1, "vh", 0 },
		{ "id_aa64mmfr1.pan", "1", SYSREG_ID_AA64MMFR1_EL1, "pan", 1 },
		{ "id_aa64mmfr2.varange", "0x0", SYSREG_ID_AA64MMFR2_EL1, "varange", 0 },
		{ "id_aa64mmfr2.varange", "1", SYSREG_ID_AA64MMFR2_EL1, "varange", 1 },
		{ "id_aa64pfr0.sve", "0", SYSREG_ID_AA64PFR0_EL1, "sve", 0 },
		{ "id_aa64pfr0.fp", "0xF", SYSREG_ID_AA64PFR0_EL1, "fp", -1 },
		{ "id_aa64pfr1.mte", "2", SYSREG_ID_AA64PFR1_EL1, "mte", 2 },
		{ "id_aa64isar1.apa", "0", SYSREG_ID_AA64ISAR1_EL1, "apa", 0 },
		{ "id_aa64isar2.apa3", "0", SYSREG_ID_AA64ISAR2_EL1, "apa3", 0 },
		{ "id_aa64smfr0.fa64", "0", SYSREG_ID_AA64SMFR0_EL1, "fa64", 0 },
		{ "arm64_sw.nokaslr", "1", SYSREG_ARM64_SW, "nokaslr", 1 },
		{ "arm64-sw.rodataoff", "1", SYSREG_ARM64_SW, "rodataoff", 1 },
		{ "arm64_sw.nowxn", "0", SYSREG_ARM64_SW, "nowxn", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char line[64], field[64];
		struct fate fate = { line,  OVERRIDE_APPLIED, REASON_NONE, rows[i].option,
				     field, rows[i].value };
		struct parsed parsed;

		snprintf(line, sizeof(line), "%s=%s", rows[i].option, rows[i].value);
		snprintf(field, sizeof(field), "%s.%s", sysreg_table[rows[i].reg].option,
			 rows[i].field);
		assert_fates(&fate, 1);
		parsed = parse(line);
		assert_int_equal(field_of(&parsed, rows[i].reg, rows[i].field), rows[i].content);
	}
}

#define APPLIED(line, option, field, value)                               \
	{                                                                 \
		line, OVERRIDE_APPLIED, REASON_NONE, option, field, value \
	}
#define REFUSED(line, reason, option, field, value)                  \
	{                                                            \
		line, OVERRIDE_REFUSED, reason, option, field, value \
	}
#define MALFORMED(line, reason, option, field, value)                  \
	{                                                              \
		line, OVERRIDE_MALFORMED, reason, option, field, value \
	}

static void an_override_that_would_raise_a_feature_is_refused(void **state)
{
	static const struct fate fates[] = {
		REFUSED("id_aa64mmfr0.parange=7", REASON_RAISES, "id_aa64mmfr0.parange",
			"id_aa64mmfr0.parange", "7"),
		REFUSED("id_aa64mmfr0.tgran4=2", REASON_RAISES, "id_aa64mmfr0.tgran4",
			"id_aa64mmfr0.tgran4", "2"),
		REFUSED("id_aa64mmfr0.tgran64=0x7", REASON_RAISES, "id_aa64mmfr0.tgran64",
			"id_aa64mmfr0.tgran64", "0x7"),
		REFUSED("id_aa64mmfr0.tgran16=f", REASON_RAISES, "id_aa64mmfr0.tgran16",
			"id_aa64mmfr0.tgran16", "f"),
		REFUSED("id_aa64mmfr2.varange=2", REASON_RAISES, "id_aa64mmfr2.varange",
			"id_aa64mmfr2.varange", "2"),
	};

	(void)state;
	assert_fates(fates, ARRAY_SIZE(fates));
}

static void a_malformed_value_of_an_override_is_reported(void **state)
{
	static const struct {
		const char *value;
		enum override_reason reason;
	} rows[] = {
		{ "=00", REASON_NOT_A_DIGIT }, { "=10", REASON_NOT_A_DIGIT },
		{ "=g", REASON_NOT_A_DIGIT },  { "=0x", REASON_NOT_A_DIGIT },
		{ "=x0", REASON_NOT_A_DIGIT }, { "=0x00", REASON_NOT_A_DIGIT },
		{ "=-1", REASON_NOT_A_DIGIT }, { "=0y1", REASON_NOT_A_DIGIT },
		{ "=@", REASON_NOT_A_DIGIT },  { "=`", REASON_NOT_A_DIGIT },
		{ "=/", REASON_NOT_A_DIGIT },  { "=:", REASON_NOT_A_DIGIT },
		{ "==0", REASON_NOT_A_DIGIT }, { "=0x0x0", REASON_NOT_A_DIGIT },
		{ "=", REASON_NO_VALUE },      { "", REASON_NO_VALUE },
		{ "=\"\"", REASON_NO_VALUE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char line[64];
		struct parsed parsed;

		snprintf(line, sizeof(line), "id_aa64mmfr2.varange%s", rows[i].value);
		parsed = parse(line);
		assert_int_equal(parsed.options.record_count, 1);
		if (parsed.options.record[0].reason != rows[i].reason)
			print_error("%s: reason %d\n", line, parsed.options.record[0].reason);
		assert_int_equal(parsed.options.record[0].reason, rows[i].reason);
		assert_int_equal(parsed.options.record[0].status, OVERRIDE_MALFORMED);
		assert_string_equal(parsed.options.record[0].field, "id_aa64mmfr2.varange");
		assert_memory_equal(parsed.id, cpu_max, sizeof(parsed.id));
		assert_false(parsed.options.nolva);
	}
}

static void a_word_in_a_name_space_of_ours_is_never_dropped_silently(void **state)
{
	static const struct fate fates[] = {
		MALFORMED("arm64.foo", REASON_UNKNOWN_OPTION, "arm64.foo", "arm64.foo", ""),
		MALFORMED("arm64.nolvax", REASON_UNKNOWN_OPTION, "arm64.nolvax", "arm64.nolvax",
			  ""),
		MALFORMED("arm64.nolv", REASON_UNKNOWN_OPTION, "arm64.nolv", "arm64.nolv", ""),
		MALFORMED("arm64.nolva=0", REASON_BAD_CHOICE, "arm64.nolva", "arm64.nolva", "0"),
		MALFORMED("arm64.", REASON_UNKNOWN_OPTION, "arm64.", "arm64.", ""),
		MALFORMED("arm64.NOLVA", REASON_UNKNOWN_OPTION, "arm64.NOLVA", "arm64.NOLVA", ""),
		MALFORMED("nokaslr=0", REASON_BAD_CHOICE, "nokaslr", "nokaslr", "0"),
		MALFORMED("pagoda.foo=bar", REASON_UNKNOWN_OPTION, "pagoda.foo", "pagoda.foo",
			  "bar"),
		MALFORMED("pagoda.run", REASON_NO_VALUE, "pagoda.run", "pagoda.run", ""),
		MALFORMED("id_aa64zfr0.sve=0", REASON_UNKNOWN_OPTION, "id_aa64zfr0.sve",
			  "id_aa64zfr0.sve", "0"),
		MALFORMED("id_aa64mmfr2", REASON_UNKNOWN_FIELD, "id_aa64mmfr2", "id_aa64mmfr2", ""),
		MALFORMED("id_aa64mmfr2.=0", REASON_UNKNOWN_FIELD, "id_aa64mmfr2.", "id_aa64mmfr2.",
			  "0"),
		MALFORMED("id_aa64mmfr2.foo=0", REASON_UNKNOWN_FIELD, "id_aa64mmfr2.foo",
			  "id_aa64mmfr2.foo", "0"),
		MALFORMED("id_aa64mmfr2.foo", REASON_UNKNOWN_FIELD, "id_aa64mmfr2.foo",
			  "id_aa64mmfr2.foo", ""),
		MALFORMED("id_aa64mmfr2.VARANGE=0", REASON_UNKNOWN_FIELD, "id_aa64mmfr2.VARANGE",
			  "id_aa64mmfr2.VARANGE", "0"),
		MALFORMED("id_aa64MMFR2.varange=0", REASON_UNKNOWN_OPTION, "id_aa64MMFR2.varange",
			  "id_aa64MMFR2.varange", "0"),
		MALFORMED("id_aa64mmfr2.varange.x=0", REASON_UNKNOWN_FIELD,
			  "id_aa64mmfr2.varange.x", "id_aa64mmfr2.varange.x", "0"),
		MALFORMED("id_aa64mmfr2.parange=0", REASON_UNKNOWN_FIELD, "id_aa64mmfr2.parange",
			  "id_aa64mmfr2.parange", "0"),
		MALFORMED("id_aa64=0", REASON_UNKNOWN_OPTION, "id_aa64", "id_aa64", "0"),
		MALFORMED("arm64_sw.foo=1", REASON_UNKNOWN_FIELD, "arm64_sw.foo", "arm64_sw.foo",
			  "1"),
		MALFORMED("arm64_sw.nokaslr=2", REASON_BAD_CHOICE, "arm64_sw.nokaslr",
			  "arm64_sw.nokaslr", "2"),
		MALFORMED("id_aa64smfr0.fa64=2", REASON_TOO_WIDE, "id_aa64smfr0.fa64",
			  "id_aa64smfr0.fa64", "2"),
	};

	(void)state;
	assert_fates(fates, ARRAY_SIZE(fates));
}

static void a_plain_option_with_a_wrong_value_is_reported(void **state)
{
	static const struct fate fates[] = {
#define WRONG(option, value, reason) MALFORMED(option "=" value, reason, option, option, value)
		WRONG("arm64.pagesize", "8k", REASON_BAD_CHOICE),
		WRONG("arm64.pagesize", "4", REASON_BAD_CHOICE),
		WRONG("arm64.pagesize", "4kk", REASON_BAD_CHOICE),
		WRONG("arm64.pagesize", "", REASON_NO_VALUE),
		WRONG("pagoda.va_bits", "40", REASON_BAD_CHOICE),
		WRONG("pagoda.va_bits", "0x34", REASON_BAD_CHOICE),
		WRONG("pagoda.va_bits", "", REASON_NO_VALUE),
		WRONG("panic", "later", REASON_BAD_CHOICE),
		WRONG("panic", "-", REASON_BAD_CHOICE),
		WRONG("panic", "--1", REASON_BAD_CHOICE),
		WRONG("panic", "", REASON_NO_VALUE),
		WRONG("mem", "0", REASON_BAD_NUMBER),
		WRONG("mem", "0M", REASON_BAD_NUMBER),
		WRONG("mem", "lots", REASON_BAD_NUMBER),
		WRONG("mem", "99999999999999999999", REASON_BAD_NUMBER),
		WRONG("mem", "00", REASON_BAD_NUMBER),
		WRONG("mem", "09", REASON_BAD_NUMBER),
		WRONG("mem", "08M", REASON_BAD_NUMBER),
		WRONG("mem", "0X", REASON_BAD_NUMBER),
		WRONG("mem", "02000000000000000000000", REASON_BAD_NUMBER),
		WRONG("mem", "16E", REASON_BAD_NUMBER),
		WRONG("mem", "", REASON_NO_VALUE),
		WRONG("maxcpus", "", REASON_NO_VALUE),
		WRONG("maxcpus", "few", REASON_BAD_NUMBER),
		WRONG("maxcpus", "-1", REASON_BAD_NUMBER),
		WRONG("pagoda.cpus", "all", REASON_BAD_CHOICE),
		WRONG("pagoda.cpus", "", REASON_NO_VALUE),
		WRONG("pagoda.cpu", "", REASON_NO_VALUE),
		WRONG("rodata", "maybe", REASON_BAD_CHOICE),
		WRONG("rodata", "", REASON_NO_VALUE),
		WRONG("console", "", REASON_NO_VALUE),
		WRONG("earlycon", "pl011", REASON_BAD_NUMBER),
		WRONG("earlycon", "uart8250", REASON_BAD_CHOICE),
		WRONG("earlycon", "uart8250,", REASON_BAD_CHOICE),
		WRONG("earlycon", "uart8250,mmio64,0x900", REASON_BAD_CHOICE),
		WRONG("earlycon", "uart8250,0x", REASON_BAD_NUMBER),
		WRONG("earlycon", "uart8250,0", REASON_BAD_NUMBER),
		WRONG("earlycon", "uart8250,0x9000000.", REASON_BAD_NUMBER),
		WRONG("earlycon", "uart8250,115200n8", REASON_BAD_NUMBER),
		WRONG("earlycon", "uart,0x10000000000000", REASON_BAD_NUMBER),
		WRONG("earlycon", "uart8250,io,0x3f8", REASON_BAD_CHOICE),
		WRONG("earlycon", "uart8250,mmio,", REASON_BAD_NUMBER),
		WRONG("earlycon", "uart8250,mmio16,0x3f1", REASON_BAD_NUMBER),
		WRONG("earlycon", "uart8250,mmio32,0x3f2", REASON_BAD_NUMBER),
		WRONG("earlycon", "pl011,", REASON_BAD_NUMBER),
		WRONG("earlycon", "pl011,0", REASON_BAD_NUMBER),
		WRONG("earlycon", "pl011,uart", REASON_BAD_NUMBER),
		WRONG("earlycon", "pl011,mmio32", REASON_BAD_NUMBER),
		WRONG("earlycon", "pl011,mmio32,", REASON_BAD_NUMBER),
		WRONG("earlycon", "pl011,io,0x900", REASON_BAD_NUMBER),
		WRONG("earlycon", "pl011,mmio,0x900", REASON_BAD_NUMBER),
		WRONG("earlycon", "pl011,mmio,mmio32,0x900", REASON_BAD_NUMBER),
		WRONG("earlycon", "pl011,0x9000001", REASON_BAD_NUMBER),
		WRONG("earlycon", "lpuart32,mmio,0x2950000", REASON_BAD_NUMBER),
		WRONG("earlycon", "scif,0xe6e60002", REASON_BAD_NUMBER),
		WRONG("earlycon", "pl011,0x10000000000000", REASON_BAD_NUMBER),
		WRONG("earlycon", "buffer", REASON_BAD_NUMBER),
		WRONG("earlycon", "buffer,0x40000000", REASON_BAD_NUMBER),
		WRONG("earlycon", "buffer,0,64K", REASON_BAD_NUMBER),
		WRONG("earlycon", "buffer,0x40000000,2K", REASON_BAD_NUMBER),
		WRONG("earlycon", "buffer,0x40000000,5K", REASON_BAD_NUMBER),
		WRONG("earlycon", "buffer,0x40000000,128K", REASON_BAD_NUMBER),
		WRONG("earlycon", "buffer,0x40001000,8K", REASON_BAD_NUMBER),
		WRONG("earlycon", "buffer,mmio32,1G,4K", REASON_BAD_NUMBER),
		WRONG("earlycon", "buffer,0x10000000000000", REASON_BAD_NUMBER),
#undef WRONG
		MALFORMED("mem", REASON_NO_VALUE, "mem", "mem", ""),
		REFUSED("console=ttyAM", REASON_NO_SUCH_CONSOLE, "console", "console", "ttyAM"),
		REFUSED("earlycon=hvc,0x9000000", REASON_NO_SUCH_CONSOLE, "earlycon", "earlycon",
			"hvc,0x9000000"),
		REFUSED("console=tty0", REASON_NO_SUCH_CONSOLE, "console", "console", "tty0"),
		REFUSED("earlycon=pl01,0x9000000", REASON_NO_SUCH_CONSOLE, "earlycon", "earlycon",
			"pl01,0x9000000"),
		REFUSED("earlycon=,0x9000000", REASON_NO_SUCH_CONSOLE, "earlycon", "earlycon",
			",0x9000000"),
	};

	(void)state;
	assert_fates(fates, ARRAY_SIZE(fates));
	for (size_t i = 0; i < ARRAY_SIZE(fates); i++) {
		struct boot_options options = parse(fates[i].line).options;

		assert_int_equal(options.granule_shift, 0);
		assert_int_equal(options.va_bits, 0);
		assert_int_equal(options.panic, PANIC_HALT);
		assert_int_equal(options.memory_limit, 0);
		assert_false(options.has_earlycon);
	}
}

/* The options that @line leads to are @expected, and no record is made. */
static void assert_options(const char *line, struct boot_options expected)
{
	struct parsed parsed = parse(line);

	if (memcmp(&parsed.options, &expected, sizeof(expected)) != 0)
		print_error("of the line: %s\n", line);
	assert_int_equal(parsed.options.granule_shift, expected.granule_shift);
	assert_int_equal(parsed.options.va_bits, expected.va_bits);
	assert_int_equal(parsed.options.nolva, expected.nolva);
	assert_int_equal(parsed.options.panic, expected.panic);
	assert_int_equal(parsed.options.memory_limit, expected.memory_limit);
	assert_int_equal(parsed.options.cpus_max, expected.cpus_max);
	assert_int_equal(parsed.options.cpus_parallel, expected.cpus_parallel);
	assert_int_equal(parsed.options.cpu_override_count, 0);
	assert_int_equal(parsed.options.has_earlycon, expected.has_earlycon);
	assert_int_equal(parsed.options.earlycon.value, expected.earlycon.value);
	assert_memory_equal(&parsed.options.earlycon_kind, &expected.earlycon_kind,
			    sizeof(struct serial_kind));
	assert_string_equal(parsed.options.run, expected.run);
	assert_int_equal(parsed.options.record_count, 0);
	assert_int_equal(parsed.options.records_dropped, 0);
	assert_memory_equal(parsed.id, cpu_max, sizeof(parsed.id));
}

static void a_plain_option_is_taken_without_a_record(void **state)
{
	static const struct {
		const char *line;
		struct boot_options expected;
	} rows[] = {
		{ "arm64.pagesize=4k", { .granule_shift = 12 } },
		{ "arm64.pagesize=4K", { .granule_shift = 12 } },
		{ "arm64.pagesize=16k", { .granule_shift = 14 } },
		{ "arm64.pagesize=16K", { .granule_shift = 14 } },
		{ "arm64.pagesize=64k", { .granule_shift = 16 } },
		{ "arm64.pagesize=64K", { .granule_shift = 16 } },
		{ "arm64.pagesize=\"64K\"", { .granule_shift = 16 } },
		{ "pagoda.va_bits=36", { .va_bits = 36 } },
		{ "pagoda.va_bits=39", { .va_bits = 39 } },
		{ "pagoda.va_bits=42", { .va_bits = 42 } },
		{ "pagoda.va_bits=47", { .va_bits = 47 } },
		{ "pagoda.va-bits=48", { .va_bits = 48 } },
		{ "pagoda.va_bits=52", { .va_bits = 52 } },
		{ "quiet", { .quiet = true } },
		{ "quieter", { .quiet = false } },
		{ "kpti=on", { .kpti = KPTI_ON } },
		{ "kpti=late kpti=off", { .kpti = KPTI_OFF } },
		{ "kpti=late kpti=auto", { .kpti = KPTI_AUTO } },
		{ "kpti=1", { .kpti = KPTI_ON } },
		{ "panic=reboot", { .panic = PANIC_REBOOT } },
		{ "panic=poweroff", { .panic = PANIC_POWEROFF } },
		{ "panic=halt", { .panic = PANIC_HALT } },
		{ "panic=0", { .panic = PANIC_HALT } },
		{ "panic=-0", { .panic = PANIC_HALT } },
		{ "panic=-1", { .panic = PANIC_REBOOT } },
		{ "panic=30", { .panic = PANIC_REBOOT } },
		{ "mem=256M", { .memory_limit = MIB(256) } },
		{ "mem=1g", { .memory_limit = GIB(1) } },
		{ "mem=0x10000000", { .memory_limit = 0x10000000 } },
		{ "mem=0X10000000", { .memory_limit = MIB(256) } },
		{ "mem=0XaBc00000", { .memory_limit = 0xabc00000 } },
		{ "mem=020000000000", { .memory_limit = GIB(2) } },
		{ "mem=0400m", { .memory_limit = MIB(256) } },
		{ "mem=262144k", { .memory_limit = MIB(256) } },
		{ "mem=0X1g", { .memory_limit = GIB(1) } },
		{ "mem=1t", { .memory_limit = GIB(1024) } },
		{ "mem=1P", { .memory_limit = GIB(1) << 20 } },
		{ "mem=1e", { .memory_limit = GIB(1) << 30 } },
		{ "mem=1G mem=2G mem=512M", { .memory_limit = MIB(512) } },
		{ "panic=010", { .panic = PANIC_REBOOT } },
		{ "panic=00", { .panic = PANIC_HALT } },
		{ "earlycon", { .has_earlycon = true } },
		{ "console=ttyS0,115200", { .has_earlycon = false } },
		{ "earlycon=uart8250,mmio32,0xfe215040,115200n8",
		  { .has_earlycon = true,
		    .earlycon = { 0xfe215040 },
		    .earlycon_kind = { SERIAL_8250, 2, 4 } } },
		{ "console=uart8250,mmio16,0x102",
		  { .has_earlycon = true,
		    .earlycon = { 0x102 },
		    .earlycon_kind = { SERIAL_8250, 1, 2 } } },
		{ "earlycon=uart,mmio,0x101",
		  { .has_earlycon = true,
		    .earlycon = { 0x101 },
		    .earlycon_kind = { SERIAL_8250, 0, 1 } } },
		{ "earlycon=uart8250,mmio32be,0x3f215040",
		  { .has_earlycon = true,
		    .earlycon = { 0x3f215040 },
		    .earlycon_kind = { SERIAL_8250, 2, 4 | SERIAL_BIG_ENDIAN } } },
		{ "earlycon=uart8250,0x3f215040",
		  { .has_earlycon = true,
		    .earlycon = { 0x3f215040 },
		    .earlycon_kind = { SERIAL_8250, 0, 1 } } },
		{ "earlycon=uart,0X3F215041,115200n8",
		  { .has_earlycon = true,
		    .earlycon = { 0x3f215041 },
		    .earlycon_kind = { SERIAL_8250, 0, 1 } } },
		{ "console=uart8250,mmio32native,0x102c,9600,x,y",
		  { .has_earlycon = true,
		    .earlycon = { 0x102c },
		    .earlycon_kind = { SERIAL_8250, 2, 4 } } },
		{ "earlycon=uart8250,1G",
		  { .has_earlycon = true,
		    .earlycon = { 0x40000000 },
		    .earlycon_kind = { SERIAL_8250, 0, 1 } } },
		{ "earlycon=pl011,0X9000000", { .has_earlycon = true, .earlycon = { 0x9000000 } } },
		{ "earlycon=pl011,01000", { .has_earlycon = true, .earlycon = { 512 } } },
		{ "earlycon=uart8250,mmio16,0x102 earlycon=pl011,0x9000000",
		  { .has_earlycon = true, .earlycon = { 0x9000000 } } },
		{ "earlycon=", { .has_earlycon = true } },
		{ "earlycon=semihost",
		  { .has_earlycon = true, .earlycon_kind = { SERIAL_SEMIHOST, 0, 0 } } },
		{ "console=smh,0x9000000",
		  { .has_earlycon = true, .earlycon_kind = { SERIAL_SEMIHOST, 0, 0 } } },
		{ "earlycon=semihost earlycon", { .has_earlycon = true } },
		{ "earlycon=buffer,0x40001000,4K",
		  { .has_earlycon = true,
		    .earlycon = { 0x40001000 },
		    .earlycon_kind = { SERIAL_BUFFER, 12, 0 } } },
		{ "earlycon=buffer,1G,0x10000,x",
		  { .has_earlycon = true,
		    .earlycon = { 0x40000000 },
		    .earlycon_kind = { SERIAL_BUFFER, 16, 0 } } },
		{ "earlycon=qcom_geni,0xa88000",
		  { .has_earlycon = true,
		    .earlycon = { 0xa88000 },
		    .earlycon_kind = { SERIAL_GENI, 0, 0 } } },
		{ "earlycon=mtk8250,mmio32,0x11002000,115200n8",
		  { .has_earlycon = true,
		    .earlycon = { 0x11002000 },
		    .earlycon_kind = { SERIAL_8250, 2, 4 } } },
		{ "earlycon=mtk8250,0x11002000",
		  { .has_earlycon = true,
		    .earlycon = { 0x11002000 },
		    .earlycon_kind = { SERIAL_8250, 2, 4 } } },
		{ "earlycon=lpuart32,mmio32,0x5a060010",
		  { .has_earlycon = true,
		    .earlycon = { 0x5a060010 },
		    .earlycon_kind = { SERIAL_LPUART, 0, 0 } } },
		{ "earlycon=lpuart32,0x2950000",
		  { .has_earlycon = true,
		    .earlycon = { 0x2950000 },
		    .earlycon_kind = { SERIAL_LPUART, 0, SERIAL_BIG_ENDIAN } } },
		{ "console=exynos4210,mmio32,0x13820000",
		  { .has_earlycon = true,
		    .earlycon = { 0x13820000 },
		    .earlycon_kind = { SERIAL_EXYNOS, 0, 4 } } },
		{ "earlycon=pl011,0x9000000", { .has_earlycon = true, .earlycon = { 0x9000000 } } },
		{ "earlycon=pl011,mmio32,0x9000000",
		  { .has_earlycon = true, .earlycon = { 0x9000000 } } },
		{ "earlycon=pl011,0x9000000,115200n8",
		  { .has_earlycon = true, .earlycon = { 0x9000000 } } },
		{ "earlycon=pl011,mmio32,0xffffffffffffc,115200,n,8",
		  { .has_earlycon = true, .earlycon = { 0xffffffffffffc } } },
		{ "console=ttyAMA0", { 0 } },
		{ "console=ttyAMA", { 0 } },
		{ "console=ttyAMA1,115200n8", { 0 } },
		{ "rodata=on", { 0 } },
		{ "nosmp", { .cpus_max = 1 } },
		{ "nosmp=whatever", { .cpus_max = 1 } },
		{ "maxcpus=0", { .cpus_max = 1 } },
		{ "maxcpus=1", { .cpus_max = 1 } },
		{ "maxcpus=4", { .cpus_max = 4 } },
		{ "nosmp maxcpus=0x10", { .cpus_max = 16 } },
		{ "maxcpus=512", { .cpus_max = 512 } },
		{ "maxcpus=4294967297", { .cpus_max = 512 } },
		{ "pagoda.cpus=parallel", { .cpus_parallel = true } },
		{ "pagoda.cpus=parallel pagoda.cpus=serial", { 0 } },
		{ "rodata=full", { 0 } },
		{ "rodata=on rodata=full", { 0 } },
		{ "pagoda.run=report", { .run = "report" } },
		{ "pagoda.run=\"report; ptdump\"", { .run = "report; ptdump" } },
		{ "pagoda.run=\"report json\" mem=1G",
		  { .run = "report json", .memory_limit = GIB(1) } },
		{ "pagoda.run=\"walk 0 -- arm64.nolva\"", { .run = "walk 0 -- arm64.nolva" } },
		{ "pagoda.run=\"a=b c=d\"", { .run = "a=b c=d" } },
		{ "pagoda.run=a\"b c\"", { .run = "a\"b c\"" } },
		{ "\"pagoda.run=report; ptdump\"", { .run = "report; ptdump" } },
		{ "\"arm64.pagesize=16k\"", { .granule_shift = 14 } },
		{ "\"earlycon\"", { .has_earlycon = true } },
		{ "pagoda.run=\"\"", { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_options(rows[i].line, rows[i].expected);
}

static void a_line_that_is_not_for_us_leaves_no_trace(void **state)
{
	static const char *const lines[] = {
		"",
		" ",
		"\t\n\v\f\r ",
		"root=/dev/vda",
		"quiet",
		"BOOT_IMAGE=/boot/Image root=UUID=0123-4567 ro quiet",
		"arm64",
		"arm64_sw",
		"xarm64.nolva",
		"id_aa32mmfr0.foo=0",
		"nokaslrx",
		"xnokaslr",
		"NOKASLR",
		"memory=1G",
		"maxcpu=1",
		"nosmpx",
		"me=1G",
		"panic_on_warn=1",
		"earlycon_foo",
		"consoles=ttyS0",
		"pagoda=1",
		"pagoda",
		"=",
		"==",
		"=arm64.nolva",
		"=0",
		"\"\"",
		"\"quiet splash\"",
		"root=\"my disk arm64.nolva\"",
		"foo=bar\"baz nokaslr\"",
		"---",
		"- -",
		"-",
		",arm64.nolva",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_options(lines[i], (struct boot_options){ 0 });
}

static void every_alias_lowers_the_fields_it_stands_for(void **state)
{
	static const struct {
		const char *line, *option, *first_field, *value;
		enum sysreg reg;
		const char *field;
	} rows[] = {
#define ALIAS(word, first_field, reg, field) { word, word, first_field, "0", reg, field }
		ALIAS("arm64.nolva", "id_aa64mmfr2.varange", SYSREG_ID_AA64MMFR2_EL1, "varange"),
		ALIAS("arm64.nobti", "id_aa64pfr1.bt", SYSREG_ID_AA64PFR1_EL1, "bt"),
		ALIAS("arm64.nopauth", "id_aa64isar1.gpi", SYSREG_ID_AA64ISAR1_EL1, "gpi"),
		ALIAS("arm64.nopauth", "id_aa64isar1.gpi", SYSREG_ID_AA64ISAR1_EL1, "gpa"),
		ALIAS("arm64.nopauth", "id_aa64isar1.gpi", SYSREG_ID_AA64ISAR1_EL1, "api"),
		ALIAS("arm64.nopauth", "id_aa64isar1.gpi", SYSREG_ID_AA64ISAR1_EL1, "apa"),
		ALIAS("arm64.nopauth", "id_aa64isar1.gpi", SYSREG_ID_AA64ISAR2_EL1, "gpa3"),
		ALIAS("arm64.nopauth", "id_aa64isar1.gpi", SYSREG_ID_AA64ISAR2_EL1, "apa3"),
		ALIAS("arm64.nomte", "id_aa64pfr1.mte", SYSREG_ID_AA64PFR1_EL1, "mte"),
		ALIAS("arm64.nosve", "id_aa64pfr0.sve", SYSREG_ID_AA64PFR0_EL1, "sve"),
		ALIAS("arm64.nosme", "id_aa64pfr1.sme", SYSREG_ID_AA64PFR1_EL1, "sme"),
		ALIAS("arm64.noctl2", "id_aa64mmfr3.tcrx", SYSREG_ID_AA64MMFR3_EL1, "tcrx"),
		ALIAS("arm64.noctl2", "id_aa64mmfr3.tcrx", SYSREG_ID_AA64MMFR3_EL1, "sctlrx"),
#undef ALIAS
		{ "arm64.nowxn", "arm64.nowxn", "arm64_sw.nowxn", "1", SYSREG_ARM64_SW, "nowxn" },
		{ "nokaslr", "nokaslr", "arm64_sw.nokaslr", "1", SYSREG_ARM64_SW, "nokaslr" },
		{ "rodata=off", "rodata", "arm64_sw.rodataoff", "1", SYSREG_ARM64_SW, "rodataoff" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fate fate = { rows[i].line,   OVERRIDE_APPLIED,	  REASON_NONE,
				     rows[i].option, rows[i].first_field, rows[i].value };
		struct parsed parsed = parse(rows[i].line);

		assert_fates(&fate, 1);
		assert_int_equal(field_of(&parsed, rows[i].reg, rows[i].field),
				 rows[i].value[0] - '0');
	}
}

static void an_alias_leaves_every_other_field_as_it_was(void **state)
{
	struct parsed parsed = parse("arm64.nopauth arm64.nobti nokaslr");
	u64 expected[SYSREG_FACT_COUNT];

	(void)state;
	memcpy(expected, cpu_max, sizeof(expected));
	expected[SYSREG_ID_AA64ISAR1_EL1] = 0x0011111101211252 & ~(u64)0xff000ff0;
	expected[SYSREG_ID_AA64ISAR2_EL1] = 0x0000000000000010;
	expected[SYSREG_ID_AA64PFR1_EL1] = 0x0000000001000320;
	expected[SYSREG_ARM64_SW] = 1;
	assert_memory_equal(parsed.id, expected, sizeof(expected));
	assert_int_equal(parsed.options.record_count, 3);
	assert_false(parsed.options.nolva);
}

static void varange_zero_by_any_word_turns_52_bit_addressing_off_entirely(void **state)
{
	static const char *const lines[] = {
		"arm64.nolva",
		"id_aa64mmfr2.varange=0",
		"id-aa64mmfr2.varange=0x0",
		"id_aa64mmfr2.varange=1 arm64.nolva",
		"arm64.nolva id_aa64mmfr2.varange=0",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct parsed parsed = parse(lines[i]);

		assert_true(parsed.options.nolva);
		assert_int_equal(parsed.id[SYSREG_ID_AA64MMFR2_EL1], 0x1221011112101011);
		assert_int_equal(parsed.id[SYSREG_ID_AA64MMFR0_EL1], 0x1000032300111125);
	}
	assert_false(parse("id_aa64mmfr2.varange=1").options.nolva);
	assert_false(parse("id_aa64mmfr0.parange=0").options.nolva);
}

static void nolva_holds_where_varange_is_zero_already(void **state)
{
	u64 cpu[SYSREG_FACT_COUNT];
	struct parsed parsed;

	(void)state;
	memcpy(cpu, cpu_max, sizeof(cpu));
	cpu[SYSREG_ID_AA64MMFR2_EL1] = 0;
	parsed = parse_bytes(cpu, "arm64.nolva", 11);
	assert_true(parsed.options.nolva);
	assert_int_equal(parsed.options.record[0].status, OVERRIDE_APPLIED);
	assert_int_equal(parsed.id[SYSREG_ID_AA64MMFR0_EL1], 0x1000032300111125);
}

static void nolva_gives_a_cpu_no_page_size_and_no_address_bit_it_lacks(void **state)
{
	struct parsed parsed = parse_bytes(cpu_small, "arm64.nolva", 11);

	(void)state;
	assert_true(parsed.options.nolva);
	assert_memory_equal(parsed.id, cpu_small, sizeof(parsed.id));
}

/* What nolva takes is four fields of two registers; the last word about each of them counts. */
static void a_word_after_nolva_counts_more(void **state)
{
	static const struct {
		const char *line;
		bool nolva;
		u64 mmfr0, mmfr2;
	} rows[] = {
		{ "arm64.nolva", true, 0x1000032300111125, 0x1221011112101011 },
		{ "arm64.nolva id_aa64mmfr0.tgran4=1", true, 0x1000032310111125,
		  0x1221011112101011 },
		{ "arm64.nolva id_aa64mmfr0.parange=6", true, 0x1000032300111126,
		  0x1221011112101011 },
		{ "arm64.nolva id_aa64mmfr2.varange=1", false, 0x1000032310211126,
		  0x1221011112111011 },
		{ "id_aa64mmfr0.tgran16=1 arm64.nolva id_aa64mmfr0.parange=4 "
		  "id_aa64mmfr2.varange=1",
		  false, 0x1000032310111124, 0x1221011112111011 },
		{ "id_aa64mmfr0.tgran4=1 arm64.nolva", true, 0x1000032300111125,
		  0x1221011112101011 },
		{ "arm64.nolva id_aa64mmfr0.tgran4=1 id_aa64mmfr2.varange=0", true,
		  0x1000032300111125, 0x1221011112101011 },
		{ "arm64.nolva id_aa64mmfr2.varange=2 id_aa64mmfr0.tgran4=2", true,
		  0x1000032300111125, 0x1221011112101011 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct parsed parsed = parse(rows[i].line);

		if (parsed.id[SYSREG_ID_AA64MMFR0_EL1] != rows[i].mmfr0)
			print_error("of the line: %s\n", rows[i].line);
		assert_int_equal(parsed.options.nolva, rows[i].nolva);
		assert_int_equal(parsed.id[SYSREG_ID_AA64MMFR0_EL1], rows[i].mmfr0);
		assert_int_equal(parsed.id[SYSREG_ID_AA64MMFR2_EL1], rows[i].mmfr2);
	}
}

/* For every field and every two contents: the same as the last possible one of them alone. */
static void the_last_word_counts_and_is_held_against_what_the_cpu_has(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SYSREG_FACT_COUNT * 256; i++) {
		const struct sysreg_desc *reg = &sysreg_table[i / 256];
		const struct sysreg_field *field = sysreg_fields + reg->first_field;

		if (reg->option[0] == '\0')
			continue;
		for (; field < sysreg_fields + reg->first_field + reg->field_count; field++) {
			char line[2][80];
			struct parsed both, alone;
			bool possible;

			snprintf(line[0], sizeof(line[0]), "%s.%s=%x", reg->option, field->name,
				 i / 16 % 16);
			snprintf(line[1], sizeof(line[1]), "%s.%s=%x", reg->option, field->name,
				 i % 16);
			alone = parse(line[1]);
			possible = alone.options.record[0].status == OVERRIDE_APPLIED;
			if (!possible)
				alone = parse(line[0]);
			strcat(strcat(line[0], " "), line[1]);
			both = parse(line[0]);
			if (memcmp(both.id, alone.id, sizeof(both.id)) != 0)
				fail_msg("%s", line[0]);
			assert_int_equal(both.options.nolva, alone.options.nolva);
			assert_int_equal(both.options.record[1].status == OVERRIDE_APPLIED,
					 possible);
		}
	}
}

static void rodata_off_can_be_taken_back(void **state)
{
	(void)state;
	assert_int_equal(parse("rodata=off").id[SYSREG_ARM64_SW], 0x10);
	assert_int_equal(parse("rodata=off rodata=on").id[SYSREG_ARM64_SW], 0);
	assert_int_equal(parse("nokaslr rodata=off rodata=full").id[SYSREG_ARM64_SW], 1);
	assert_int_equal(parse("rodata=on rodata=off").id[SYSREG_ARM64_SW], 0x10);
	assert_int_equal(parse("rodata=off rodata=maybe").id[SYSREG_ARM64_SW], 0x10);
}

static void a_later_word_wins_and_a_wrong_one_changes_nothing(void **state)
{
	struct parsed parsed =
		parse("arm64.pagesize=4k panic=reboot mem=1G pagoda.run=one earlycon "
		      "arm64.pagesize=16k panic=halt mem=2G pagoda.run=two "
		      "earlycon=pl011,0x1000 arm64.pagesize=1k mem=none");

	(void)state;
	assert_int_equal(parsed.options.granule_shift, 14);
	assert_int_equal(parsed.options.panic, PANIC_HALT);
	assert_int_equal(parsed.options.memory_limit, GIB(2));
	assert_string_equal(parsed.options.run, "two");
	assert_int_equal(parsed.options.earlycon.value, 0x1000);
	assert_int_equal(parsed.options.record_count, 2);
	assert_string_equal(parse("pagoda.run=report pagoda.run=\"\"").options.run, "");
}

/* ID_AA64MMFR4_EL1.E2H0, bits 27:24, is signed: from 8 on FEAT_E2H0 is not there. */
static void vhe_cannot_be_turned_off_where_e2h_is_stuck(void **state)
{
	static const struct fate applied =
		APPLIED("id_aa64mmfr1.vh=0", "id_aa64mmfr1.vh", "id_aa64mmfr1.vh", "0");
	static const struct fate refused = REFUSED("id_aa64mmfr1.vh=0", REASON_E2H_STUCK,
						   "id_aa64mmfr1.vh", "id_aa64mmfr1.vh", "0");
	u64 cpu[SYSREG_FACT_COUNT];

	(void)state;
	memcpy(cpu, cpu_max, sizeof(cpu));
	for (u64 e2h0 = 0; e2h0 <= 0xf; e2h0++) {
		struct parsed parsed;

		cpu[SYSREG_ID_AA64MMFR4_EL1] = e2h0 << 24;
		parsed = parse_bytes(cpu, applied.line, strlen(applied.line));
		assert_int_equal(parsed.options.record_count, 1);
		assert_record(&parsed.options.record[0], e2h0 < 8 ? &applied : &refused);
		assert_int_equal(field_of(&parsed, SYSREG_ID_AA64MMFR1_EL1, "vh"), e2h0 >= 8);
		parsed = parse_bytes(cpu, "id_aa64mmfr1.pan=0", 18);
		assert_int_equal(parsed.options.record[0].status, OVERRIDE_APPLIED);
	}
}

static void records_stand_in_the_order_of_the_line(void **state)
{
	static const struct fate fates[] = {
		APPLIED("", "id_aa64mmfr0.parange", "id_aa64mmfr0.parange", "5"),
		APPLIED("", "id-aa64mmfr0.parange", "id_aa64mmfr0.parange", "6"),
		APPLIED("", "nokaslr", "arm64_sw.nokaslr", "1"),
		MALFORMED("", REASON_UNKNOWN_OPTION, "arm64.foo", "arm64.foo", ""),
		APPLIED("", "id_aa64mmfr0.parange", "id_aa64mmfr0.parange", "0x4"),
		APPLIED("", "arm64_sw.nokaslr", "arm64_sw.nokaslr", "0"),
		APPLIED("", "rodata", "arm64_sw.rodataoff", "1"),
	};
	struct parsed parsed = parse(
		"id_aa64mmfr0.parange=5 quiet\tid-aa64mmfr0.parange=6\nnokaslr mem=1G  arm64.foo "
		"id_aa64mmfr0.parange=0x4 arm64_sw.nokaslr=0 rodata=on rodata=off\n");

	(void)state;
	assert_int_equal(parsed.options.record_count, ARRAY_SIZE(fates));
	for (size_t i = 0; i < ARRAY_SIZE(fates); i++)
		assert_record(&parsed.options.record[i], &fates[i]);
	assert_int_equal(field_of(&parsed, SYSREG_ID_AA64MMFR0_EL1, "parange"), 4);
	assert_int_equal(field_of(&parsed, SYSREG_ARM64_SW, "nokaslr"), 0);
}

static void nothing_after_a_double_dash_is_read(void **state)
{
	(void)state;
	assert_options("-- arm64.nolva", (struct boot_options){ 0 });
	assert_options("mem=1G -- arm64.nolva mem=2G",
		       (struct boot_options){ .memory_limit = GIB(1) });
	assert_options("quiet --\tnokaslr", (struct boot_options){ 0 });
	assert_options("-- \"", (struct boot_options){ 0 });
	assert_options("--", (struct boot_options){ 0 });
	/* Only that very word. */
	assert_options("--- mem=1G", (struct boot_options){ .memory_limit = GIB(1) });
	assert_options("--= mem=1G", (struct boot_options){ .memory_limit = GIB(1) });
	assert_options("a-- mem=1G", (struct boot_options){ .memory_limit = GIB(1) });
	assert_options("__ mem=1G", (struct boot_options){ .memory_limit = GIB(1) });
	assert_options("foo=-- mem=1G", (struct boot_options){ .memory_limit = GIB(1) });
	assert_options("\"--\" mem=1G", (struct boot_options){ .memory_limit = GIB(1) });
}

static void an_unclosed_quotation_mark_ends_the_line_and_is_reported(void **state)
{
	static const struct fate fates[] = {
		MALFORMED("pagoda.run=\"report; ptdump nokaslr", REASON_BAD_QUOTE, "pagoda.run",
			  "pagoda.run", "report; ptdump nokaslr"),
		MALFORMED("pagoda.run=\"", REASON_BAD_QUOTE, "pagoda.run", "pagoda.run", ""),
		MALFORMED("pagoda.run=a\" arm64.nolva", REASON_BAD_QUOTE, "pagoda.run",
			  "pagoda.run", "a\" arm64.nolva"),
		MALFORMED("root=\"my disk nokaslr", REASON_BAD_QUOTE, "root", "root",
			  "my disk nokaslr"),
		MALFORMED("id_aa64mmfr2.varange=\"0", REASON_BAD_QUOTE, "id_aa64mmfr2.varange",
			  "id_aa64mmfr2.varange", "0"),
		MALFORMED("\"mem=1G nokaslr", REASON_BAD_QUOTE, "mem", "mem", "1G nokaslr"),
		MALFORMED("\"", REASON_BAD_QUOTE, "", "", ""),
		MALFORMED("quiet \"nokaslr arm64.nolva", REASON_BAD_QUOTE, "nokaslr arm64.nolva",
			  "nokaslr arm64.nolva", ""),
	};

	(void)state;
	assert_fates(fates, ARRAY_SIZE(fates));
	assert_string_equal(parse("pagoda.run=\"report").options.run, "");
	assert_string_equal(parse("pagoda.run=one pagoda.run=\"two").options.run, "one");
}

static void a_word_of_300_characters_is_skipped_whole_and_reported(void **state)
{
	static const char *const starts[] = { "x", "root=", "arm64.nolva",
					      "id_aa64mmfr2.varange=0" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		char line[400];
		struct parsed parsed;
		size_t name = strcspn(starts[i], "=");

		memset(line, 'x', 300);
		memcpy(line, starts[i], strlen(starts[i]));
		/* What Linux takes for a new option: the word cut at 255 characters. */
		memcpy(line + 255, "nokaslr", 7);
		strcpy(line + 300, " mem=1G arm64.nobti");
		parsed = parse(line);
		assert_int_equal(parsed.options.record_count, 2);
		assert_int_equal(parsed.options.record[0].status, OVERRIDE_MALFORMED);
		assert_int_equal(parsed.options.record[0].reason, REASON_TOO_LONG);
		assert_memory_equal(parsed.options.record[0].option, starts[i], name);
		assert_string_equal(parsed.options.record[1].option, "arm64.nobti");
		assert_int_equal(parsed.options.memory_limit, GIB(1));
		assert_int_equal(parsed.id[SYSREG_ARM64_SW], 0);
		assert_false(parsed.options.nolva);
	}
}

static void a_long_word_is_recorded_by_its_first_characters(void **state)
{
	struct parsed parsed;
	char line[301] = "";

	(void)state;
	memset(line, 'y', 300);
	parsed = parse(line);
	assert_int_equal(strlen(parsed.options.record[0].option), 39);
	assert_int_equal(strspn(parsed.options.record[0].option, "y"), 39);
	assert_int_equal(strspn(parsed.options.record[0].field, "y"), 31);
	memcpy(line, "root=", 5);
	parsed = parse(line);
	assert_string_equal(parsed.options.record[0].option, "root");
	assert_int_equal(strspn(parsed.options.record[0].value, "y"), 23);
}

static void a_word_is_too_long_from_256_characters_on(void **state)
{
	char line[TOKEN_MAX + 2];

	(void)state;
	memset(line, 'x', sizeof(line));
	assert_int_equal(parse_bytes(cpu_max, line, TOKEN_MAX).options.record_count, 0);
	assert_int_equal(parse_bytes(cpu_max, line, TOKEN_MAX + 1).options.record_count, 1);
}

static void commands_to_run_have_the_room_they_are_promised_and_no_more(void **state)
{
	char line[RUN_COMMANDS_MAX + 64] = "pagoda.run=first pagoda.run=\"";
	size_t start = strlen(line);
	struct parsed parsed;

	(void)state;
	memset(line + start, 'a', RUN_COMMANDS_MAX);
	strcpy(line + start + RUN_COMMANDS_MAX - 1, "\" nokaslr");
	parsed = parse(line);
	assert_int_equal(strlen(parsed.options.run), RUN_COMMANDS_MAX - 1);
	assert_int_equal(parsed.options.record_count, 1);

	strcpy(line + start + RUN_COMMANDS_MAX - 1, "a\" nokaslr");
	parsed = parse(line);
	assert_string_equal(parsed.options.run, "");
	assert_int_equal(parsed.options.record_count, 2);
	assert_int_equal(parsed.options.record[0].status, OVERRIDE_MALFORMED);
	assert_int_equal(parsed.options.record[0].reason, REASON_CUT);
	assert_string_equal(parsed.options.record[0].option, "pagoda.run");
	assert_int_equal(strlen(parsed.options.record[0].value), 23);
	assert_string_equal(parsed.options.record[1].option, "nokaslr");
}

static void a_line_of_4_kib_is_read_to_its_end(void **state)
{
	char line[LINE_MAX + 1];
	struct parsed parsed;

	(void)state;
	for (size_t i = 0; i < LINE_MAX; i += 8)
		memcpy(line + i, "foo=bar ", 8);
	strcpy(line + LINE_MAX - 8, " nokaslr");
	parsed = parse(line);
	assert_int_equal(parsed.options.record_count, 1);
	assert_int_equal(parsed.id[SYSREG_ARM64_SW], 1);
}

static void records_beyond_the_room_are_counted_and_their_words_still_apply(void **state)
{
	char line[LINE_MAX] = "";
	struct parsed parsed;

	(void)state;
	for (unsigned i = 0; i < OVERRIDES_MAX + 5; i++)
		strcat(line, "arm64.foo ");
	strcat(line, "nokaslr");
	parsed = parse(line);
	assert_int_equal(parsed.options.record_count, OVERRIDES_MAX);
	assert_int_equal(parsed.options.records_dropped, 6);
	assert_int_equal(parsed.id[SYSREG_ARM64_SW], 1);
}

static void the_length_is_the_bound_and_a_nul_is_a_space(void **state)
{
	struct parsed parsed = parse_bytes(cpu_max, "nokaslr arm64.nolva", 10);

	(void)state;
	assert_int_equal(parsed.options.record_count, 1);
	parsed = parse_bytes(cpu_max, "nokaslr\0mem=1G\0", 15);
	assert_int_equal(parsed.options.record_count, 1);
	assert_int_equal(parsed.id[SYSREG_ARM64_SW], 1);
	assert_int_equal(parsed.options.memory_limit, GIB(1));
	parsed = parse_bytes(cpu_max, "\"nokaslr\0\" \"id_aa64mmfr2.varange\0=0\"", 37);
	assert_int_equal(parsed.options.record_count, 1);
	assert_int_equal(parsed.options.record[0].reason, REASON_UNKNOWN_FIELD);
	assert_memory_equal(parsed.id, cpu_max, sizeof(parsed.id));
}

/* The rest: random lines. */

struct line {
	size_t length;
	char text[LINE_MAX];
	u64 cpu[SYSREG_FACT_COUNT];
};

static u64 random_state;

static u64 random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1d;
}

static unsigned random_below(unsigned limit)
{
	return (random_next() >> 32) % limit;
}

static void line_append(struct line *line, const char *text, size_t length)
{
	if (length > LINE_MAX - line->length)
		length = LINE_MAX - line->length;
	memcpy(line->text + line->length, text, length);
	line->length += length;
}

/* A piece of what real lines are made of, a field of a register, or any character. */
static void piece_append(struct line *line)
{
	static const char *const pieces[] = {
		" ",
		" ",
		" ",
		" ",
		"=",
		"=",
		"=0",
		"=1",
		"=0x0",
		"=f",
		"=6",
		"\"",
		"-",
		"_",
		".",
		"--",
		" -- ",
		"arm64.",
		"arm64_sw.",
		"id_aa64",
		"pagoda.",
		"nolva",
		"nopauth",
		"arm64.nolva ",
		"arm64.nomte ",
		"id_aa64mmfr2.varange=0 ",
		"nokaslr",
		"rodata=off ",
		"arm64.pagesize=16k ",
		"mem=1G ",
		"panic=-1 ",
		"earlycon=pl011,0x9000000 ",
		"pagoda.cpu=1:",
		"maxcpus=2 ",
		"console=",
		"pagoda.run=\"report; ptdump\" ",
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	};
	unsigned kind = random_below(8);
	char byte = random_next() >> 40;

	if (kind == 0) {
		line_append(line, &byte, 1);
	} else if (kind < 4) {
		const struct sysreg_desc *reg = &sysreg_table[random_below(SYSREG_FACT_COUNT)];
		const struct sysreg_field *field =
			&sysreg_fields[reg->first_field + random_below(reg->field_count)];
		char text[64];

		snprintf(text, sizeof(text), "%s.%s=%s%x ", reg->option, field->name,
			 random_below(2) ? "0x" : "", random_below(16));
		line_append(line, text, strlen(text));
	} else {
		const char *piece = pieces[random_below(ARRAY_SIZE(pieces))];

		line_append(line, piece, strlen(piece));
	}
}

static void line_fill(struct line *line)
{
	unsigned size = random_below(8) == 0 ? 400 : 24;

	line->length = 0;
	for (unsigned i = 0; i < SYSREG_FACT_COUNT; i++)
		line->cpu[i] = random_below(4) == 0 ? cpu_max[i] : random_next();
	line->cpu[SYSREG_ARM64_SW] = 0;
	if (random_below(2)) {
		for (unsigned left = random_below(size); left > 0; left--)
			piece_append(line);
		return;
	}
	line->length = random_below(size * 8);
	for (size_t i = 0; i < line->length; i++)
		line->text[i] = random_next() >> 40;
}

static bool never_raises(const struct line *line, const struct parsed *parsed)
{
	for (unsigned reg = 0; reg < SYSREG_FACT_COUNT; reg++) {
		const struct sysreg_field *field = sysreg_fields + sysreg_table[reg].first_field;
		const struct sysreg_field *end = field + sysreg_table[reg].field_count;
		u64 changed = line->cpu[reg] ^ parsed->id[reg];

		for (; field < end; field++) {
			int now = sysreg_field_get(field, parsed->id[reg]);
			bool fine = reg == SYSREG_ARM64_SW ?
					    now <= 1 :
					    now <= sysreg_field_get(field, line->cpu[reg]);

			if (!fine)
				return false;
			changed &= ~(~(u64)0 >> (64 - field->width) << field->shift);
		}
		if (changed != 0 ||
		    (sysreg_table[reg].option[0] == '\0' && line->cpu[reg] != parsed->id[reg]))
			return false;
	}
	return true;
}

/* Whether words after the last about VARange, as far as recorded, speak of what nolva takes. */
static bool is_taken_back(const struct boot_options *options)
{
	unsigned i = options->record_count;

	if (options->records_dropped > 0)
		return true; /* it may be among them */
	while (i-- > 0) {
		const struct override_record *record = &options->record[i];

		if (record->status != OVERRIDE_APPLIED)
			continue;
		if (strcmp(record->field, "id_aa64mmfr2.varange") == 0)
			return false;
		if (strncmp(record->field, "id_aa64mmfr0.", 13) == 0)
			return true;
	}
	return false;
}

static bool is_narrow_where_nolva(const struct parsed *parsed)
{
	return !parsed->options.nolva || is_taken_back(&parsed->options) ||
	       (field_of(parsed, SYSREG_ID_AA64MMFR2_EL1, "varange") == 0 &&
		field_of(parsed, SYSREG_ID_AA64MMFR0_EL1, "tgran4") <= 0 &&
		field_of(parsed, SYSREG_ID_AA64MMFR0_EL1, "tgran16") <= 1 &&
		field_of(parsed, SYSREG_ID_AA64MMFR0_EL1, "parange") <= 5);
}

static bool records_are_sound(const struct boot_options *options)
{
	if (options->record_count > OVERRIDES_MAX ||
	    (options->records_dropped > 0 && options->record_count < OVERRIDES_MAX) ||
	    !memchr(options->run, '\0', sizeof(options->run)))
		return false;
	for (unsigned i = 0; i < options->record_count; i++) {
		const struct override_record *record = &options->record[i];

		if (!memchr(record->option, '\0', sizeof(record->option)) ||
		    !memchr(record->field, '\0', sizeof(record->field)) ||
		    !memchr(record->value, '\0', sizeof(record->value)) ||
		    (record->status == OVERRIDE_APPLIED) != (record->reason == REASON_NONE))
			return false;
	}
	return true;
}

static bool has_unclosed_mark(const struct boot_options *options)
{
	if (options->records_dropped > 0)
		return true; /* it may have been among them */
	return options->record_count > 0 &&
	       options->record[options->record_count - 1].reason == REASON_BAD_QUOTE;
}

static bool stops_at_double_dash(const struct line *line, const struct parsed *parsed)
{
	static const char tail[] = " -- arm64.nolva nokaslr mem=3G \" pagoda.run=x";
	char longer[LINE_MAX + sizeof(tail)];
	struct parsed again;

	if (has_unclosed_mark(&parsed->options))
		return true;
	memcpy(longer, line->text, line->length);
	memcpy(longer + line->length, tail, sizeof(tail));
	again = parse_bytes(line->cpu, longer, line->length + sizeof(tail));
	return memcmp(&again, parsed, sizeof(again)) == 0;
}

/* The first property that @line breaks; a null pointer where it breaks none. */
static const char *line_check(const struct line *line)
{
	struct parsed parsed = parse_bytes(line->cpu, line->text, line->length);
	struct parsed again = parse_bytes(line->cpu, line->text, line->length);

	if (!never_raises(line, &parsed))
		return "an override raised a field, or changed what is none";
	if (!is_narrow_where_nolva(&parsed))
		return "52-bit addressing left after nolva";
	if (!records_are_sound(&parsed.options))
		return "a record is not sound";
	if (memcmp(&again, &parsed, sizeof(again)) != 0)
		return "the same line gave another result";
	if (!stops_at_double_dash(line, &parsed))
		return "words after -- were read";
	return NULL;
}

/* Take out character after character as long as what is left still breaks a property. */
static void line_shrink(struct line *line)
{
	for (size_t at = 0; at < line->length;) {
		struct line shorter = *line;

		memmove(shorter.text + at, shorter.text + at + 1, --shorter.length - at);
		if (line_check(&shorter)) {
			*line = shorter;
			at = 0;
		} else {
			at++;
		}
	}
}

static void random_lines_keep_every_property(void **state)
{
	const char *given = getenv("PAGODA_SEED");
	u64 seed = given ? strtoull(given, NULL, 0) : (u64)time(NULL) * 0x9e3779b97f4a7c15;
	static struct line line;

	(void)state;
	random_state = seed | 1;
	print_message("PAGODA_SEED=0x%lx\n",
		      seed); /* ASan ends the program without a word of ours */
	for (unsigned i = 0; i < RANDOM_LINES; i++) {
		line_fill(&line);
		if (!line_check(&line))
			continue;
		line_shrink(&line);
		print_error("PAGODA_SEED=0x%lx line %u: %s, with the bytes", seed, i,
			    line_check(&line));
		for (size_t j = 0; j < line.length; j++)
			print_error(" %02x", (u8)line.text[j]);
		fail_msg(" \"%.*s\"", (int)line.length, line.text);
	}
}

/* A MiB of words: a parser that looked at all that follow for each of them would seem to hang. */
static void the_time_a_line_takes_grows_with_its_length_only(void **state)
{
	static const char *const words[] = { "\"\" ", "=", "\"", "a=\"b\" ", "arm64.", "-- " };
	static char line[1 << 20];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t length = strlen(words[i]);
		size_t end = sizeof(line) / length * length;
		struct parsed parsed;

		for (size_t at = 0; at < end; at += length)
			memcpy(line + at, words[i], length);
		parsed = parse_bytes(cpu_max, line, end);
		assert_memory_equal(parsed.id, cpu_max, sizeof(parsed.id));
		assert_true(parsed.options.record_count <= 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_override_of_a_register_that_lowers_or_keeps_is_applied),
		cmocka_unit_test(an_override_that_would_raise_a_feature_is_refused),
		cmocka_unit_test(a_malformed_value_of_an_override_is_reported),
		cmocka_unit_test(a_word_in_a_name_space_of_ours_is_never_dropped_silently),
		cmocka_unit_test(a_plain_option_with_a_wrong_value_is_reported),
		cmocka_unit_test(a_plain_option_is_taken_without_a_record),
		cmocka_unit_test(a_line_that_is_not_for_us_leaves_no_trace),
		cmocka_unit_test(every_alias_lowers_the_fields_it_stands_for),
		cmocka_unit_test(an_alias_leaves_every_other_field_as_it_was),
		cmocka_unit_test(varange_zero_by_any_word_turns_52_bit_addressing_off_entirely),
		cmocka_unit_test(nolva_holds_where_varange_is_zero_already),
		cmocka_unit_test(nolva_gives_a_cpu_no_page_size_and_no_address_bit_it_lacks),
		cmocka_unit_test(a_word_after_nolva_counts_more),
		cmocka_unit_test(the_last_word_counts_and_is_held_against_what_the_cpu_has),
		cmocka_unit_test(rodata_off_can_be_taken_back),
		cmocka_unit_test(a_later_word_wins_and_a_wrong_one_changes_nothing),
		cmocka_unit_test(vhe_cannot_be_turned_off_where_e2h_is_stuck),
		cmocka_unit_test(records_stand_in_the_order_of_the_line),
		cmocka_unit_test(nothing_after_a_double_dash_is_read),
		cmocka_unit_test(an_unclosed_quotation_mark_ends_the_line_and_is_reported),
		cmocka_unit_test(a_word_of_300_characters_is_skipped_whole_and_reported),
		cmocka_unit_test(a_long_word_is_recorded_by_its_first_characters),
		cmocka_unit_test(a_word_is_too_long_from_256_characters_on),
		cmocka_unit_test(commands_to_run_have_the_room_they_are_promised_and_no_more),
		cmocka_unit_test(a_line_of_4_kib_is_read_to_its_end),
		cmocka_unit_test(records_beyond_the_room_are_counted_and_their_words_still_apply),
		cmocka_unit_test(the_length_is_the_bound_and_a_nul_is_a_space),
		cmocka_unit_test(random_lines_keep_every_property),
		cmocka_unit_test(the_time_a_line_takes_grows_with_its_length_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
