// SPDX-License-Identifier: MIT
/*
 * Overrides of ID registers on the command line: REGISTER.FIELD=DIGIT, and short names for some.
 * Runs in the early runtime with the MMU off, .bss clear, before relocation, and on the host. May
 * not use: absolute addresses (so the table holds characters, not pointers), static data that
 * changes.
 */
#include <pagoda/kernel/handoff/override.h>
#include <pagoda/lib/features.h>
#include <pagoda/lib/format.h>
#include <pagoda/lib/string.h>
#include <pagoda/pi/parser.h>

/* A field that the register does not have is no constant. */
#define ALIAS(name, reg, field, content)                           \
	{                                                          \
		name, content, reg##_##field##_INDEX, SYSREG_##reg \
	}

/*
 * Short names for overrides; rows of one name stand together. Each content is the lowest its field
 * has, or a software feature's 1: an alias is never refused.
 */
static const struct alias {
	char name[14];
	u8 content;
	u16 field; /* enum sysreg_field_index */
	enum sysreg reg;
} aliases[] = {
	ALIAS("arm64.nolva", ID_AA64MMFR2_EL1, VARANGE, 0),
	ALIAS("arm64.nobti", ID_AA64PFR1_EL1, BT, 0),
	ALIAS("arm64.nopauth", ID_AA64ISAR1_EL1, GPI, 0),
	ALIAS("arm64.nopauth", ID_AA64ISAR1_EL1, GPA, 0),
	ALIAS("arm64.nopauth", ID_AA64ISAR1_EL1, API, 0),
	ALIAS("arm64.nopauth", ID_AA64ISAR1_EL1, APA, 0),
	ALIAS("arm64.nopauth", ID_AA64ISAR2_EL1, GPA3, 0),
	ALIAS("arm64.nopauth", ID_AA64ISAR2_EL1, APA3, 0),
	ALIAS("arm64.nomte", ID_AA64PFR1_EL1, MTE, 0),
	ALIAS("arm64.nosve", ID_AA64PFR0_EL1, SVE, 0),
	ALIAS("arm64.nosme", ID_AA64PFR1_EL1, SME, 0),
	ALIAS("arm64.nowxn", ARM64_SW, NOWXN, 1),
	ALIAS("nokaslr", ARM64_SW, NOKASLR, 1),
	ALIAS("rodata", ARM64_SW, RODATAOFF, 1), /* rodata=off */
	ALIAS("arm64.noctl2", ID_AA64MMFR3_EL1, TCRX, 0),
	ALIAS("arm64.noctl2", ID_AA64MMFR3_EL1, SCTLRX, 0),
};

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

/*
 * @content is known to be allowed. VARange speaks for 64K pages alone, but one word is to do for
 * all page sizes: what 0 takes from MMFR0 comes back with another content, and a later word about
 * one of these fields counts more.
 */
static void field_override(struct parser *parser, enum sysreg reg, const struct sysreg_field *field,
			   unsigned content)
{
	u64 *id = parser->id;

	id[reg] = sysreg_field_put(field, id[reg], content);
	if (reg == SYSREG_ID_AA64MMFR0_EL1)
		parser->mmfr0 = sysreg_field_put(field, parser->mmfr0, content);
	if (reg != SYSREG_ID_AA64MMFR2_EL1 || field->shift != ID_AA64MMFR2_EL1_VARANGE_SHIFT)
		return;
	parser->options->nolva = content == 0;
	id[SYSREG_ID_AA64MMFR0_EL1] = parser->mmfr0;
	if (parser->options->nolva)
		cpu_forget_wide(id);
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

/* REGISTER.FIELD=DIGIT, taken apart. */
struct target {
	enum sysreg reg;
	const struct sysreg_field *field;
	unsigned content;
};

/* The register and the field that @word names; the record names them, too. */
static enum override_reason field_parse(struct parser *parser, const struct word *word,
					struct target *target)
{
	unsigned reg = 0;
	u32 dot = 0;

	while (dot < word->name_length && word->name[dot] != '.')
		dot++;
	while (reg < SYSREG_FACT_COUNT && !name_equal(word->name, dot, sysreg_table[reg].option))
		reg++;
	/* Registers that cannot be overridden have an empty name. */
	if (reg == SYSREG_FACT_COUNT || dot == 0)
		return REASON_UNKNOWN_OPTION;
	if (dot == word->name_length)
		return REASON_UNKNOWN_FIELD;
	target->reg = reg;
	target->field = field_find(reg, word->name + dot + 1, word->name_length - dot - 1);
	if (!target->field)
		return REASON_UNKNOWN_FIELD;
	record_name_field(&parser->record, reg, target->field);
	return REASON_NONE;
}

static enum override_reason content_parse(const struct word *word, struct target *target)
{
	if (word->value_length == 0)
		return REASON_NO_VALUE;
	if (!digit_parse(word, &target->content))
		return REASON_NOT_A_DIGIT;
	return target->content >> target->field->width != 0 ? REASON_TOO_WIDE : REASON_NONE;
}

static enum override_reason content_check(const struct parser *parser, const struct target *target)
{
	if (target->reg == SYSREG_ARM64_SW)
		return target->content <= 1 ? REASON_NONE : REASON_BAD_CHOICE;
	return override_check(parser->had, parser->id, target->reg, target->field, target->content);
}

enum override_reason register_parse(struct parser *parser)
{
	struct target target;
	enum override_reason reason = field_parse(parser, &parser->word, &target);

	if (reason == REASON_NONE)
		reason = content_parse(&parser->word, &target);
	if (reason == REASON_NONE)
		reason = content_check(parser, &target);
	if (reason == REASON_NONE)
		field_override(parser, target.reg, target.field, target.content);
	return reason;
}

/* N:REGISTER.FIELD=DIGIT is CPU @cpu's @word; false where there is no such N. */
static bool cpu_split(const struct word *whole, struct word *word, u64 *cpu)
{
	const char *end = whole->value + whole->value_length;
	u32 colon = 0;

	while (colon < whole->value_length && whole->value[colon] != ':')
		colon++;
	if (colon == whole->value_length || !text_number(whole->value, colon, cpu) ||
	    *cpu >= CPUS_MAX)
		return false;
	word->name = whole->value + colon + 1;
	word->value = word->name;
	while (word->value < end && *word->value != '=')
		word->value++;
	word->name_length = (u32)(word->value - word->name);
	if (word->value < end)
		word->value++;
	word->value_length = (u32)(end - word->value);
	return true;
}

/* Kept for override_apply_for_cpu(). */
static enum override_reason cpu_keep(struct boot_options *options, unsigned cpu,
				     const struct target *target)
{
	if (cpu == 0 || target->reg == SYSREG_ARM64_SW)
		return REASON_ALL_CPUS;
	if (options->cpu_override_count == CPU_OVERRIDES_MAX)
		return REASON_NO_ROOM;
	options->cpu_override[options->cpu_override_count++] = (struct cpu_override){
		.cpu = (u16)cpu,
		.field = (u16)(target->field - sysreg_fields),
		.reg = (u8)target->reg,
		.content = (u8)target->content,
		.record = (u8)options->record_count,
	};
	return REASON_NO_CPU;
}

enum override_reason cpu_parse(struct parser *parser)
{
	struct override_record *record = &parser->record;
	enum override_reason reason;
	struct target target;
	struct word word;
	u64 cpu;

	if (!cpu_split(&parser->word, &word, &cpu))
		return REASON_BAD_NUMBER;
	reason = field_parse(parser, &word, &target);
	if (reason != REASON_NONE)
		return REASON_UNKNOWN_FIELD;
	format(record->field, sizeof(record->field), "cpu%lu.%s.%s", cpu,
	       sysreg_table[target.reg].option, target.field->name);
	text_copy(record->value, sizeof(record->value), word.value, word.value_length);
	reason = content_parse(&word, &target);
	return reason == REASON_NONE ? cpu_keep(parser->options, (unsigned)cpu, &target) : reason;
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
		const struct sysreg_field *field = &sysreg_fields[alias->field];

		if (alias == first)
			record_name_field(&parser->record, alias->reg, field);
		field_override(parser, alias->reg, field, alias->content);
	}
	parser->record.value[0] = '0' + first->content;
	parser->record.value[1] = '\0';
	return REASON_NONE;
}

enum override_reason alias_parse(struct parser *parser)
{
	unsigned row = alias_find(&parser->word);

	if (row == ARRAY_SIZE(aliases))
		return REASON_UNKNOWN_OPTION;
	return parser->word.has_value ? REASON_BAD_CHOICE : alias_apply(parser, row);
}

enum override_reason rodata_parse(struct parser *parser)
{
	const struct word *word = &parser->word;

	if (value_equal(word, "off"))
		return alias_apply(parser, alias_find(word));
	if (!value_equal(word, "on") && !value_equal(word, "full"))
		return REASON_BAD_CHOICE;
	field_override(parser, SYSREG_ARM64_SW, &sysreg_fields[ARM64_SW_RODATAOFF_INDEX], 0);
	return REASON_NONE;
}

/* What id_aa64mmfr1.vh=0 says. */
enum override_reason vhe_leave(struct parser *parser)
{
	const struct target target = { SYSREG_ID_AA64MMFR1_EL1,
				       &sysreg_fields[ID_AA64MMFR1_EL1_VH_INDEX], 0 };
	enum override_reason reason = content_check(parser, &target);

	record_name_field(&parser->record, target.reg, target.field);
	parser->record.value[0] = '0';
	parser->record.value[1] = '\0';
	if (reason == REASON_NONE)
		field_override(parser, target.reg, target.field, target.content);
	return reason;
}
