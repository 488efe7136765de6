// SPDX-License-Identifier: MIT
/*
 * The command line: words, what each asks for, and the record of every override's fate.
 * Runs in the early runtime with the MMU off, .bss clear, before relocation, and on the host. May
 * not use: absolute addresses (so the tables hold characters, not pointers), static data that
 * changes.
 *
 * The line is outside input. A word is looked at once; a word of nobody's name space costs one
 * comparison per row of option_names[], which mostly ends at the first character.
 */
#include <pagoda/lib/errata.h>
#include <pagoda/lib/string.h>
#include <pagoda/pi/parser.h>

enum option {
	OPTION_ALIAS,
	OPTION_REGISTER,
	OPTION_RODATA,
	OPTION_PAGE_SIZE,
	OPTION_VA_BITS,
	OPTION_RUN,
	OPTION_EARLYCON,
	OPTION_CONSOLE,
	OPTION_MEM,
	OPTION_PANIC,
	OPTION_QUIET,
	OPTION_CPUS,
	OPTION_CPU,
	OPTION_MAXCPUS,
	OPTION_NOSMP,
	OPTION_KPTI,
	OPTION_UNKNOWN, /* in a name space of ours, and not one of these */
};

enum match {
	MATCH_BEGIN, /* a name space */
	MATCH_NAME, /* the value is the option's own business */
	MATCH_NAME_AND_VALUE,
};

/* The first row that matches counts. A word that none matches is Linux's, or the user space's. */
static const struct option_name {
	char name[15];
	enum match match;
	enum option option;
} option_names[] = {
	{ "arm64.pagesize", MATCH_NAME_AND_VALUE, OPTION_PAGE_SIZE },
	{ "pagoda.va_bits", MATCH_NAME_AND_VALUE, OPTION_VA_BITS },
	{ "pagoda.run", MATCH_NAME, OPTION_RUN },
	{ "nokaslr", MATCH_NAME, OPTION_ALIAS },
	{ "rodata", MATCH_NAME_AND_VALUE, OPTION_RODATA },
	{ "earlycon", MATCH_NAME, OPTION_EARLYCON },
	{ "console", MATCH_NAME_AND_VALUE, OPTION_CONSOLE },
	{ "mem", MATCH_NAME_AND_VALUE, OPTION_MEM },
	{ "panic", MATCH_NAME_AND_VALUE, OPTION_PANIC },
	{ "quiet", MATCH_NAME, OPTION_QUIET },
	{ "kpti", MATCH_NAME_AND_VALUE, OPTION_KPTI },
	{ "arm64.", MATCH_BEGIN, OPTION_ALIAS },
	{ "arm64_sw.", MATCH_BEGIN, OPTION_REGISTER },
	{ "id_aa64", MATCH_BEGIN, OPTION_REGISTER },
	{ "maxcpus", MATCH_NAME_AND_VALUE, OPTION_MAXCPUS },
	{ "nosmp", MATCH_NAME, OPTION_NOSMP },
	{ "pagoda.cpus", MATCH_NAME_AND_VALUE, OPTION_CPUS },
	{ "pagoda.cpu", MATCH_NAME_AND_VALUE, OPTION_CPU },
	{ "pagoda.", MATCH_BEGIN, OPTION_UNKNOWN },
};

struct choice {
	char text[9];
	u8 number;
};

static const struct choice page_sizes[] = {
	{ "4k", GRANULE_SHIFT_4K },   { "4K", GRANULE_SHIFT_4K },   { "16k", GRANULE_SHIFT_16K },
	{ "16K", GRANULE_SHIFT_16K }, { "64k", GRANULE_SHIFT_64K }, { "64K", GRANULE_SHIFT_64K },
};

static const struct choice va_sizes[] = {
	{ "36", 36 }, { "39", 39 }, { "42", 42 }, { "47", 47 }, { "48", 48 }, { "52", 52 },
};

static const struct choice panic_actions[] = {
	{ "halt", PANIC_HALT },
	{ "reboot", PANIC_REBOOT },
	{ "poweroff", PANIC_POWEROFF },
};

/* Linux's word, its values, and one more. */
static const struct choice kpti_choices[] = {
	{ "auto", KPTI_AUTO }, { "on", KPTI_ON }, { "off", KPTI_OFF }, { "late", KPTI_LATE },
	{ "1", KPTI_ON },      { "y", KPTI_ON },  { "0", KPTI_OFF },   { "n", KPTI_OFF },
};

/* The row of option_names[] for @word; a null pointer where the word is not for us. */
static const struct option_name *option_find(const struct word *word)
{
	const struct option_name *row = option_names;
	char first = word->name_length > 0 ? word->name[0] : '\0';

	for (; row < option_names + ARRAY_SIZE(option_names); row++) {
		u32 matched;

		if (row->name[0] != first)
			continue;
		matched = name_match(word->name, word->name_length, row->name);
		if (row->name[matched] == '\0' &&
		    (row->match == MATCH_BEGIN || matched == word->name_length))
			return row;
	}
	return NULL;
}

static enum override_reason choice_parse(const struct word *word, const struct choice *choices,
					 unsigned count, u8 *number)
{
	for (unsigned i = 0; i < count; i++) {
		if (!value_equal(word, choices[i].text))
			continue;
		*number = choices[i].number;
		return REASON_NONE;
	}
	return REASON_BAD_CHOICE;
}

static enum override_reason size_parse(struct boot_options *options, enum option option,
				       const struct word *word)
{
	if (option == OPTION_PAGE_SIZE)
		return choice_parse(word, page_sizes, ARRAY_SIZE(page_sizes),
				    &options->granule_shift);
	return choice_parse(word, va_sizes, ARRAY_SIZE(va_sizes), &options->va_bits);
}

/* Linux's number of seconds to wait: 0 is for ever, any other one ends in a reboot. */
static enum override_reason panic_parse(struct boot_options *options, const struct word *word)
{
	u32 sign = word->value[0] == '-';
	u64 seconds;
	u8 action;

	if (choice_parse(word, panic_actions, ARRAY_SIZE(panic_actions), &action) == REASON_NONE)
		options->panic = action;
	else if (text_number(word->value + sign, word->value_length - sign, &seconds))
		options->panic = seconds == 0 ? PANIC_HALT : PANIC_REBOOT;
	else
		return REASON_BAD_CHOICE;
	return REASON_NONE;
}

static enum override_reason mem_parse(struct boot_options *options, const struct word *word)
{
	u64 bytes;

	if (!text_size(word->value, word->value_length, &bytes) || bytes == 0)
		return REASON_BAD_NUMBER;
	options->memory_limit = bytes;
	return REASON_NONE;
}

/* 0 is Linux's word for none but the one that boots. */
static enum override_reason maxcpus_parse(struct boot_options *options, const struct word *word)
{
	u64 count;

	if (!text_number(word->value, word->value_length, &count))
		return REASON_BAD_NUMBER;
	options->cpus_max = count == 0 ? 1 : (u32)min_u64(count, CPUS_MAX);
	return REASON_NONE;
}

static enum override_reason cpu_start_parse(struct boot_options *options, const struct word *word)
{
	if (value_equal(word, "parallel"))
		options->cpus_parallel = true;
	else if (value_equal(word, "serial"))
		options->cpus_parallel = false;
	else
		return REASON_BAD_CHOICE;
	return REASON_NONE;
}

/* Words about all CPUs but the one that boots. */
static enum override_reason cpus_parse(struct boot_options *options, enum option option,
				       const struct word *word)
{
	if (option == OPTION_CPUS)
		return cpu_start_parse(options, word);
	if (option == OPTION_MAXCPUS)
		return maxcpus_parse(options, word);
	options->cpus_max = 1;
	return REASON_NONE;
}

/* An empty value is a good one: pagoda.run="" takes an earlier one back. */
static enum override_reason run_parse(struct boot_options *options, const struct word *word)
{
	if (!word->has_value)
		return REASON_NO_VALUE;
	if (text_copy(options->run, sizeof(options->run), word->value, word->value_length))
		return REASON_NONE;
	options->run[0] = '\0'; /* half of a list of commands is not what was asked for */
	return REASON_CUT;
}

static enum override_reason kpti_parse(struct parser *parser)
{
	u8 kpti;

	if (choice_parse(&parser->word, kpti_choices, ARRAY_SIZE(kpti_choices), &kpti) !=
	    REASON_NONE)
		return REASON_BAD_CHOICE;
	if (kpti_is_on(kpti) && errata_not_global(parser->id[SYSREG_MIDR_EL1]))
		return REASON_NOT_GLOBAL;
	parser->options->kpti = kpti;
	return REASON_NONE;
}

static enum override_reason option_parse(struct parser *parser, enum option option)
{
	struct boot_options *options = parser->options;
	const struct word *word = &parser->word;

	switch (option) {
	case OPTION_ALIAS:
		return alias_parse(parser);
	case OPTION_REGISTER:
		return register_parse(parser);
	case OPTION_RODATA:
		return rodata_parse(parser);
	case OPTION_PAGE_SIZE:
	case OPTION_VA_BITS:
		return size_parse(options, option, word);
	case OPTION_RUN:
		return run_parse(options, word);
	case OPTION_EARLYCON:
		return earlycon_parse(options, word);
	case OPTION_CONSOLE:
		return console_parse(options, word);
	case OPTION_MEM:
		return mem_parse(options, word);
	case OPTION_PANIC:
		return panic_parse(options, word);
	case OPTION_QUIET:
		options->quiet = true;
		return REASON_NONE;
	case OPTION_CPUS:
	case OPTION_MAXCPUS:
	case OPTION_NOSMP:
		return cpus_parse(options, option, word);
	case OPTION_CPU:
		return cpu_parse(parser);
	case OPTION_KPTI:
		return kpti_parse(parser);
	case OPTION_UNKNOWN:
		break;
	}
	return REASON_UNKNOWN_OPTION;
}

static enum override_reason word_parse(struct parser *parser, const struct option_name *row)
{
	const struct word *word = &parser->word;

	if (word->unclosed)
		return REASON_BAD_QUOTE;
	if (word->length > TOKEN_MAX && (!row || row->option != OPTION_RUN))
		return REASON_TOO_LONG;
	if (!row)
		return REASON_NONE;
	if (row->match == MATCH_NAME_AND_VALUE && word->value_length == 0)
		return REASON_NO_VALUE;
	return option_parse(parser, row->option);
}

static enum override_status status_of(enum override_reason reason)
{
	switch (reason) {
	case REASON_NONE:
		return OVERRIDE_APPLIED;
	case REASON_RAISES:
	case REASON_NO_SUCH_CONSOLE:
	case REASON_E2H_STUCK:
	case REASON_NO_CPU:
	case REASON_ALL_CPUS:
	case REASON_NO_ROOM:
	case REASON_NOT_GLOBAL:
		return OVERRIDE_REFUSED;
	case REASON_NOT_A_DIGIT:
	case REASON_TOO_WIDE:
	case REASON_NO_VALUE:
	case REASON_UNKNOWN_OPTION:
	case REASON_UNKNOWN_FIELD:
	case REASON_TOO_LONG:
	case REASON_BAD_CHOICE:
	case REASON_BAD_NUMBER:
	case REASON_BAD_QUOTE:
	case REASON_CUT:
		break;
	}
	return OVERRIDE_MALFORMED;
}

/* An override is recorded whatever became of it, a plain option only where something is wrong. */
static void word_record(struct parser *parser, enum override_reason reason)
{
	struct boot_options *options = parser->options;
	struct override_record *record = &parser->record;
	const struct word *word = &parser->word;

	if (reason == REASON_NONE && record->field[0] == '\0')
		return;
	if (options->record_count == OVERRIDES_MAX) {
		options->records_dropped++;
		return;
	}
	text_copy(record->option, sizeof(record->option), word->name, word->name_length);
	if (record->field[0] == '\0')
		text_copy(record->field, sizeof(record->field), word->name, word->name_length);
	if (record->value[0] == '\0')
		text_copy(record->value, sizeof(record->value), word->value, word->value_length);
	record->status = status_of(reason);
	record->reason = reason;
	options->record[options->record_count++] = *record;
}

void options_parse(struct boot_options *options, u64 id[SYSREG_FACT_COUNT], const char *text,
		   u32 length)
{
	u64 had[SYSREG_FACT_COUNT];
	struct parser parser = {
		.options = options, .id = id, .had = had, .mmfr0 = id[SYSREG_ID_AA64MMFR0_EL1]
	};
	struct line line = { .at = text, .end = text + length };

	memcpy(had, id, sizeof(had));
	while (word_next(&line, &parser.word)) {
		const struct word *word = &parser.word;

		if (word->length == 2 && text_equal(word->name, word->name_length, "--"))
			return;
		parser.record.field[0] = '\0';
		parser.record.value[0] = '\0';
		word_record(&parser, word_parse(&parser, option_find(word)));
	}
}
