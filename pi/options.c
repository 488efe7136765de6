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
#include <pagoda/kernel/handoff/options.h>
#include <pagoda/lib/features.h>
#include <pagoda/lib/string.h>
#include <pagoda/lib/text.h>

/* What is left of the line. */
struct line {
	const char *at, *end;
};

/* NAME or NAME=VALUE, without the quotation marks around the whole or around VALUE. */
struct word {
	const char *name, *value;
	u32 name_length, value_length;
	u32 length; /* as it stands in the line, quotation marks included */
	bool has_value;
	bool unclosed; /* a quotation mark opens and the line ends */
};

struct parser {
	struct boot_options *options;
	u64 *id;
	struct word word;
	struct override_record record; /* field stays empty where no register is behind the word */
};

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
	{ "arm64.", MATCH_BEGIN, OPTION_ALIAS },
	{ "arm64_sw.", MATCH_BEGIN, OPTION_REGISTER },
	{ "id_aa64", MATCH_BEGIN, OPTION_REGISTER },
	{ "pagoda.", MATCH_BEGIN, OPTION_UNKNOWN },
};

/*
 * Short names for overrides; rows of one name stand together. Each content is the lowest its field
 * has, or a software feature's 1: an alias is never refused.
 */
static const struct alias {
	char name[14];
	char field[10];
	u8 content;
	enum sysreg reg;
} aliases[] = {
	{ "arm64.nolva", "varange", 0, SYSREG_ID_AA64MMFR2_EL1 },
	{ "arm64.nobti", "bt", 0, SYSREG_ID_AA64PFR1_EL1 },
	{ "arm64.nopauth", "gpi", 0, SYSREG_ID_AA64ISAR1_EL1 },
	{ "arm64.nopauth", "gpa", 0, SYSREG_ID_AA64ISAR1_EL1 },
	{ "arm64.nopauth", "api", 0, SYSREG_ID_AA64ISAR1_EL1 },
	{ "arm64.nopauth", "apa", 0, SYSREG_ID_AA64ISAR1_EL1 },
	{ "arm64.nopauth", "gpa3", 0, SYSREG_ID_AA64ISAR2_EL1 },
	{ "arm64.nopauth", "apa3", 0, SYSREG_ID_AA64ISAR2_EL1 },
	{ "arm64.nomte", "mte", 0, SYSREG_ID_AA64PFR1_EL1 },
	{ "arm64.nosve", "sve", 0, SYSREG_ID_AA64PFR0_EL1 },
	{ "arm64.nosme", "sme", 0, SYSREG_ID_AA64PFR1_EL1 },
	{ "arm64.nowxn", "nowxn", 1, SYSREG_ARM64_SW },
	{ "nokaslr", "nokaslr", 1, SYSREG_ARM64_SW },
	{ "rodata", "rodataoff", 1, SYSREG_ARM64_SW }, /* rodata=off */
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

/* White space, and with it every other control character, NUL included: no word is made of them. */
static bool is_space(char c)
{
	return (u8)c <= ' ';
}

/*
 * The word in [@start, @end), with the sign between its name and its value at @equals; a null
 * pointer where it has none. The marks stand around the value, or, as GRUB writes it, around all.
 */
static struct word word_make(const char *start, const char *end, const char *equals)
{
	struct word word = { .length = end - start, .has_value = equals };
	bool marked = *start == '"';
	const char *last;

	word.name = start + marked;
	last = equals ? equals + 1 : word.name;
	if (equals && last < end && *last == '"') {
		marked = true;
		last++;
	}
	if (marked && last < end && end[-1] == '"')
		end--;
	word.name_length = (equals ? equals : end) - word.name;
	word.value = equals ? last : end;
	word.value_length = end - word.value;
	return word;
}

/* The next word; white space between quotation marks does not end it. False at the line's end. */
static bool word_next(struct line *line, struct word *word)
{
	const char *start, *equals = NULL;
	bool quoted = false;

	while (line->at < line->end && is_space(*line->at))
		line->at++;
	start = line->at;
	for (; line->at < line->end && (quoted || !is_space(*line->at)); line->at++) {
		if (*line->at == '"')
			quoted = !quoted;
		else if (*line->at == '=' && !equals)
			equals = line->at;
	}
	if (line->at == start)
		return false;
	*word = word_make(start, line->at, equals);
	word->unclosed = quoted;
	return true;
}

/* How many characters of a name as typed are the first ones of @name; `-` is as good as `_`. */
static u32 name_match(const char *typed, u32 length, const char *name)
{
	u32 i = 0;

	while (i < length && name[i] && (typed[i] == '-' ? '_' : typed[i]) == name[i])
		i++;
	return i;
}

static bool name_equal(const char *typed, u32 length, const char *name)
{
	u32 matched = name_match(typed, length, name);

	return matched == length && name[matched] == '\0';
}

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

/* "id_aa64mmfr2.varange", the way the table spells it. */
static void record_name_field(struct override_record *record, enum sysreg reg,
			      const struct sysreg_field *field)
{
	const char *option = sysreg_table[reg].option;
	size_t at = strlen(option);

	text_copy(record->field, sizeof(record->field), option, at);
	record->field[at++] = '.';
	text_copy(record->field + at, sizeof(record->field) - at, field->name, strlen(field->name));
}

static u64 field_put(const struct sysreg_field *field, u64 value, unsigned content)
{
	u64 mask = ~(u64)0 >> (64 - field->width) << field->shift;

	return (value & ~mask) | (u64)content << field->shift;
}

/*
 * @content is known to be allowed. VARange speaks for 64K pages alone, but one word is to do for
 * all page sizes.
 */
static void field_override(struct parser *parser, enum sysreg reg, const struct sysreg_field *field,
			   unsigned content)
{
	parser->id[reg] = field_put(field, parser->id[reg], content);
	if (reg == SYSREG_ID_AA64MMFR2_EL1 && field->shift == ID_AA64MMFR2_EL1_VARANGE_SHIFT &&
	    content == 0) {
		parser->options->nolva = true;
		cpu_forget_wide(parser->id);
	}
}

static bool is_vhe_off(enum sysreg reg, const struct sysreg_field *field, unsigned content)
{
	return reg == SYSREG_ID_AA64MMFR1_EL1 && field->shift == ID_AA64MMFR1_EL1_VH_SHIFT &&
	       content == 0;
}

static enum override_reason content_check(const struct parser *parser, enum sysreg reg,
					  const struct sysreg_field *field, unsigned content)
{
	u64 value = parser->id[reg];
	u64 wanted = field_put(field, value, content);

	if (content >> field->width != 0)
		return REASON_TOO_WIDE;
	if (reg == SYSREG_ARM64_SW)
		return content <= 1 ? REASON_NONE : REASON_BAD_CHOICE;
	if (sysreg_field_get(field, wanted) > sysreg_field_get(field, value))
		return REASON_RAISES;
	if (is_vhe_off(reg, field, content) && cpu_e2h_is_stuck(parser->id))
		return REASON_E2H_STUCK;
	return REASON_NONE;
}

/* One hex digit in either case, with or without 0x. */
static bool digit_parse(const struct word *word, unsigned *digit)
{
	const char *at = word->value;
	u32 length = word->value_length;
	char c;

	if (length == 3 && at[0] == '0' && (at[1] | 0x20) == 'x') {
		at += 2;
		length -= 2;
	}
	if (length != 1)
		return false;
	if (*at >= '0' && *at <= '9') {
		*digit = *at - '0';
		return true;
	}
	c = *at | 0x20;
	*digit = c - 'a' + 10;
	return c >= 'a' && c <= 'f';
}

static const struct sysreg_field *field_find(enum sysreg reg, const char *typed, u32 length)
{
	const struct sysreg_field *field = sysreg_fields + sysreg_table[reg].first_field;
	const struct sysreg_field *end = field + sysreg_table[reg].field_count;

	for (; field < end; field++)
		if (name_equal(typed, length, field->name))
			return field;
	return NULL;
}

/* REGISTER.FIELD=DIGIT */
static enum override_reason register_parse(struct parser *parser)
{
	const struct word *word = &parser->word;
	const struct sysreg_field *field;
	enum override_reason reason;
	unsigned reg = 0, content;
	u32 dot = 0;

	while (dot < word->name_length && word->name[dot] != '.')
		dot++;
	while (reg < SYSREG_FACT_COUNT && !name_equal(word->name, dot, sysreg_table[reg].option))
		reg++;
	if (reg == SYSREG_FACT_COUNT)
		return REASON_UNKNOWN_OPTION;
	if (dot == word->name_length)
		return REASON_UNKNOWN_FIELD;
	field = field_find(reg, word->name + dot + 1, word->name_length - dot - 1);
	if (!field)
		return REASON_UNKNOWN_FIELD;
	record_name_field(&parser->record, reg, field);
	if (word->value_length == 0)
		return REASON_NO_VALUE;
	if (!digit_parse(word, &content))
		return REASON_NOT_A_DIGIT;
	reason = content_check(parser, reg, field, content);
	if (reason == REASON_NONE)
		field_override(parser, reg, field, content);
	return reason;
}

/* The word's first row in aliases[], or the table's end. */
static unsigned alias_find(const struct word *word)
{
	unsigned row = 0;

	while (row < ARRAY_SIZE(aliases) &&
	       !name_equal(word->name, word->name_length, aliases[row].name))
		row++;
	return row;
}

/* Override what the rows of one name say, from @row on. The record names the first field. */
static enum override_reason alias_apply(struct parser *parser, unsigned row)
{
	const struct alias *first = &aliases[row];

	for (; row < ARRAY_SIZE(aliases) && strcmp(aliases[row].name, first->name) == 0; row++) {
		const struct alias *alias = &aliases[row];
		const struct sysreg_field *field = sysreg_find_field(alias->reg, alias->field);

		if (alias == first)
			record_name_field(&parser->record, alias->reg, field);
		field_override(parser, alias->reg, field, alias->content);
	}
	parser->record.value[0] = '0' + first->content;
	parser->record.value[1] = '\0';
	return REASON_NONE;
}

static enum override_reason alias_parse(struct parser *parser)
{
	unsigned row = alias_find(&parser->word);

	if (row == ARRAY_SIZE(aliases))
		return REASON_UNKNOWN_OPTION;
	return parser->word.has_value ? REASON_BAD_CHOICE : alias_apply(parser, row);
}

static bool value_equal(const struct word *word, const char *text)
{
	return text_equal(word->value, word->value_length, text);
}

static enum override_reason rodata_parse(struct parser *parser)
{
	const struct word *word = &parser->word;

	if (value_equal(word, "off"))
		return alias_apply(parser, alias_find(word));
	return value_equal(word, "on") || value_equal(word, "full") ? REASON_NONE :
								      REASON_BAD_CHOICE;
}

static bool choice_find(const struct word *word, const struct choice *choices, unsigned count,
			u8 *number)
{
	for (unsigned i = 0; i < count; i++) {
		if (!value_equal(word, choices[i].text))
			continue;
		*number = choices[i].number;
		return true;
	}
	return false;
}

/* Linux's number of seconds to wait: 0 is for ever, any other one ends in a reboot. */
static enum override_reason panic_parse(struct boot_options *options, const struct word *word)
{
	u32 sign = word->value[0] == '-';
	u64 seconds;
	u8 action;

	if (choice_find(word, panic_actions, ARRAY_SIZE(panic_actions), &action))
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

/* The part of a value before the next comma; @rest is moved past it. */
static struct word part_next(struct word *rest)
{
	struct word part = { .value = rest->value };

	while (part.value_length < rest->value_length && part.value[part.value_length] != ',')
		part.value_length++;
	rest->value += part.value_length;
	rest->value_length -= part.value_length;
	if (rest->value_length > 0) {
		rest->value++;
		rest->value_length--;
	}
	return part;
}

/* How Linux's words for an 8250's registers have them: mmio is bytes, without gaps. */
static bool io_parse(const struct word *part, struct serial_kind *kind)
{
	u8 shift = 0;

	if (value_equal(part, "mmio32"))
		shift = 2;
	else if (value_equal(part, "mmio16"))
		shift = 1;
	else if (!value_equal(part, "mmio"))
		return false;
	kind->reg_shift = shift;
	kind->io_width = (u8)(1 << shift);
	return true;
}

/*
 * Nothing, or pl011,[mmio32,]ADDRESS[,OPTIONS], or uart8250,mmio|mmio16|mmio32,ADDRESS[,OPTIONS].
 * The address is written to as it is, long before a fault could be reported: what cannot be that of
 * such registers is no address.
 */
static enum override_reason earlycon_parse(struct boot_options *options, const struct word *word)
{
	struct word rest = *word;
	struct word part = part_next(&rest);
	struct serial_kind kind = { .type = SERIAL_PL011 };
	u64 address = 0, align = sizeof(u32);

	if (word->value_length > 0) {
		if (value_equal(&part, "uart8250") || value_equal(&part, "uart"))
			kind.type = SERIAL_8250;
		else if (!value_equal(&part, "pl011"))
			return REASON_NO_SUCH_CONSOLE;
		part = part_next(&rest);
		if (kind.type == SERIAL_8250) {
			if (!io_parse(&part, &kind))
				return REASON_BAD_CHOICE;
			align = kind.io_width;
			part = part_next(&rest);
		} else if (value_equal(&part, "mmio32")) {
			part = part_next(&rest);
		}
		if (!text_number(part.value, part.value_length, &address) || address == 0 ||
		    address >> 52 != 0 || !is_aligned(address, align))
			return REASON_BAD_NUMBER;
	}
	options->has_earlycon = true;
	options->earlycon = paddr(address);
	options->earlycon_kind = kind;
	return REASON_NONE;
}

/*
 * ttyAMA and ttyS: the FDT says which device that is, and the port's number has no meaning here.
 * Anything with an address is what earlycon= takes.
 */
static enum override_reason console_parse(struct boot_options *options, const struct word *word)
{
	u32 ama = sizeof("ttyAMA") - 1, s = sizeof("ttyS") - 1;

	if ((word->value_length >= ama && text_equal(word->value, ama, "ttyAMA")) ||
	    (word->value_length >= s && text_equal(word->value, s, "ttyS")))
		return REASON_NONE;
	return earlycon_parse(options, word);
}

static enum override_reason option_parse(struct parser *parser, enum option option)
{
	struct boot_options *options = parser->options;
	const struct word *word = &parser->word;
	bool found = true;

	switch (option) {
	case OPTION_ALIAS:
		return alias_parse(parser);
	case OPTION_REGISTER:
		return register_parse(parser);
	case OPTION_RODATA:
		return rodata_parse(parser);
	case OPTION_PAGE_SIZE:
		found = choice_find(word, page_sizes, ARRAY_SIZE(page_sizes),
				    &options->granule_shift);
		break;
	case OPTION_VA_BITS:
		found = choice_find(word, va_sizes, ARRAY_SIZE(va_sizes), &options->va_bits);
		break;
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
		break;
	case OPTION_UNKNOWN:
		return REASON_UNKNOWN_OPTION;
	}
	return found ? REASON_NONE : REASON_BAD_CHOICE;
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
	struct parser parser = { .options = options, .id = id };
	struct line line = { .at = text, .end = text + length };

	while (word_next(&line, &parser.word)) {
		const struct word *word = &parser.word;

		if (word->length == 2 && text_equal(word->name, word->name_length, "--"))
			return;
		parser.record.field[0] = '\0';
		parser.record.value[0] = '\0';
		word_record(&parser, word_parse(&parser, option_find(word)));
	}
}
