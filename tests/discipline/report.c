// SPDX-License-Identifier: MIT
/*
 * What the judge says, for scripts/discipline, which turns {...} into symbols and lines:
 *
 *   violation RULE COUNT {PLACE} ADDRESS {CAUSE} WORDS
 *   looked RULE TIMES
 *   judged INSTRUCTIONS, or: not judged INSTRUCTIONS WORDS
 *
 * A place is an offset in the Image, or =ADDRESS outside it; - is none.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"

struct report report;
struct now now;

#define DIFFERENT_MOST 200

/* One rule, broken by one instruction because of one other: told once, and counted. */
struct broken {
	enum rule rule;
	place_t place, cause;
	u64 address, times;
	u32 time;
	char words[320];
};

static struct broken list[DIFFERENT_MOST];
static unsigned different;

static const char *const rule_names[RULE_COUNT] = {
#define RULE_NAME(name) [RULE_##name] = #name,
	EACH_RULE(RULE_NAME)
#undef RULE_NAME
};

/* Where in the Image, of which there may have been two; false: nowhere. */
static bool place_offset(place_t place, u64 *offset)
{
	*offset = place - report.base;
	if (*offset < report.image.whole)
		return true;
	*offset = place - report.loaded;
	return *offset < report.image.whole;
}

void violation(enum rule rule, u64 address, place_t cause, const char *format, ...)
{
	struct broken *broken = list;
	va_list arguments;
	size_t length = 0;
	u64 offset;

	/* What firmware does is its own; but what it is given to read by other CPUs is not. */
	if ((report.firmware || (now.outside & cpu_bit() && rule != RULE_C5)) &&
	    !place_offset(now.place, &offset))
		return;
	report.violations++;
	report.broken[rule] = true;
	while (broken < list + different &&
	       (broken->rule != rule || broken->place != now.place || broken->cause != cause))
		broken++;
	if (broken == list + DIFFERENT_MOST)
		return;
	if (broken == list + different) {
		different++;
		*broken = (struct broken){ rule, now.place, cause, address, 0, now.time, "" };
		if (now.running & ~cpu_bit())
			length = (size_t)snprintf(broken->words, sizeof(broken->words),
						  "CPU %u: ", now.cpu);
		va_start(arguments, format);
		vsnprintf(broken->words + length, sizeof(broken->words) - length, format,
			  arguments);
		va_end(arguments);
	}
	broken->times++;
}

static void print_place(place_t place)
{
	u64 offset;

	if (place == 0)
		printf(" {-}");
	else if (place_offset(place, &offset))
		printf(" {%lx}", (unsigned long)offset);
	else
		printf(" {=%lx}", (unsigned long)place);
}

static void print_all(void)
{
	for (unsigned i = 0; i < different; i++) {
		printf("violation %s %lu %u", rule_names[list[i].rule],
		       (unsigned long)list[i].times, list[i].time);
		print_place(list[i].place);
		printf(" 0x%016lx", (unsigned long)list[i].address);
		print_place(list[i].cause);
		printf(" %s\n", list[i].words);
	}
	for (unsigned i = 0; i < RULE_COUNT; i++)
		printf("looked %s %lu\n", rule_names[i], (unsigned long)report.looked_at[i]);
}

void cannot_judge(const char *format, ...)
{
	va_list arguments;

	print_all();
	printf("not judged %u ", now.time);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("; at");
	print_place(now.place);
	printf("\n");
	casemate_close();
	exit(2);
}

int report_end(u64 executed)
{
	print_all();
	printf("judged %lu\n", (unsigned long)executed);
	return report.violations != 0;
}
