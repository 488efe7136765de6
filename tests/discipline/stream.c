// SPDX-License-Identifier: MIT
/*
 * The stream: what QEMU logs with -d cpu,in_asm,int,nochain, one instruction a block. All registers
 * before each instruction, its word when it is first translated, exceptions and returns. With exec,
 * too, a line before each says which CPU's it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "judge.h"

#define BUFFER (4ul << 20)

void stream_open(struct stream *stream, int file)
{
	*stream = (struct stream){ .file = file, .size = BUFFER };
	stream->buffer = malloc(BUFFER);
	if (stream->buffer == NULL)
		cannot_judge("no memory");
}

static void refill(struct stream *stream)
{
	size_t left = stream->end - stream->start;
	ssize_t got;

	memmove(stream->buffer, stream->buffer + stream->start, left);
	stream->start = 0;
	stream->end = left;
	got = read(stream->file, stream->buffer + left, stream->size - left);
	if (got <= 0)
		stream->ended = true;
	else
		stream->end += (size_t)got;
}

/* The next line, without its end, or NULL; one that has no end is none. */
static char *next_line(struct stream *stream)
{
	for (;;) {
		char *line = stream->buffer + stream->start;
		char *end = memchr(line, '\n', stream->end - stream->start);

		if (end != NULL) {
			*end = '\0';
			stream->start = (size_t)(end + 1 - stream->buffer);
			stream->lines++;
			return line;
		}
		if (stream->ended || stream->end - stream->start == stream->size)
			return NULL;
		refill(stream);
	}
}

static const signed char *digit_values(void)
{
	static signed char values[256];

	if (values['1'] == 0) {
		memset(values, -1, sizeof(values));
		for (int i = 0; i < 10; i++)
			values['0' + i] = (signed char)i;
		for (int i = 0; i < 6; i++)
			values['a' + i] = (signed char)(10 + i);
	}
	return values;
}

static u64 hex(const char *text)
{
	const signed char *values = digit_values();
	u64 value = 0;

	while (values[(u8)*text] >= 0)
		value = value << 4 | (u64)values[(u8)*text++];
	return value;
}

/* The number after the next '=' of *@text, which moves behind it. */
static u64 next_value(char **text)
{
	char *equals = strchr(*text, '=');

	if (equals == NULL)
		cannot_judge("a line of registers is cut short");
	*text = equals + 1;
	return hex(*text);
}

static void read_step(struct stream *stream, char *line)
{
	struct step *step = &stream->step;

	step->pc = next_value(&line);
	for (unsigned i = 0; i < 32; i++) {
		u64 value;

		if (strchr(line, '=') == NULL) {
			line = next_line(stream);
			if (line == NULL)
				cannot_judge("the stream ends within a block of registers");
		}
		value = next_value(&line);
		if (i < 31)
			step->x[i] = value;
		else
			step->sp = value;
	}
	line = next_line(stream);
	if (line == NULL || strncmp(line, "PSTATE=", 7) != 0)
		cannot_judge("registers without PSTATE: is this QEMU's log?");
	step->pstate = (u32)hex(line + 7);
	step->has_word = stream->has_asm && stream->asm_address == step->pc;
	step->word = stream->asm_word;
	step->cpu = stream->cpu;
	stream->has_asm = false;
}

/* "0x40000000:  580000c0  ldr ..." */
static void read_word(struct stream *stream, const char *line)
{
	const char *colon = strchr(line, ':'), *word;

	if (colon == NULL)
		return;
	word = colon + 1 + strspn(colon + 1, " ");
	if (strspn(word, "0123456789abcdef") != 8)
		return; /* "unable to read memory": QEMU's disassembler, of EL0's */
	stream->asm_address = hex(line + 2);
	stream->asm_word = (u32)hex(word);
	stream->has_asm = true;
}

static u64 value_after(const char *line, const char *word)
{
	const char *found = strstr(line, word);

	return found == NULL ? 0 : hex(found + strlen(word));
}

static u8 cpu_number(const char *text)
{
	unsigned long cpu = strtoul(text, NULL, 10);

	if (cpu >= CPUS_MOST)
		cannot_judge("CPU %lu, and %u are followed", cpu, CPUS_MOST);
	return (u8)cpu;
}

/* True where an exception is complete: its last line has where it goes to. */
static bool read_exception(struct exception *exception, const char *line, u8 cpu)
{
	const char *on = strstr(line, " on CPU ");

	if (strncmp(line, "Taking exception ", 17) == 0) {
		*exception = (struct exception){ .number = (unsigned)atoi(line + 17) };
		exception->cpu = on == NULL ? cpu : cpu_number(on + 8);
	} else if (strncmp(line, "...with ELR ", 12) == 0) {
		exception->elr = value_after(line, "ELR 0x");
	} else if (strncmp(line, "...handled as PSCI call", 23) == 0) {
		exception->is_call = true;
		return true;
	} else if (strncmp(line, "...to EL", 8) == 0) {
		exception->pc = value_after(line, "PC 0x");
		exception->has_target = true;
		return true;
	} else if (strncmp(line, "Exception return from AArch64", 29) == 0) {
		*exception = (struct exception){ .is_return = true, .cpu = cpu };
		exception->pc = value_after(line, "PC 0x");
		return true;
	}
	return false;
}

enum event stream_next(struct stream *stream)
{
	char *line;

	while ((line = next_line(stream)) != NULL) {
		if (line[0] == ' ' && strncmp(line, " PC=", 4) == 0) {
			read_step(stream, line);
			return EVENT_STEP;
		}
		if (line[0] == '0' && line[1] == 'x')
			read_word(stream, line);
		else if (line[0] == 'T' && strncmp(line, "Trace ", 6) == 0)
			stream->cpu = cpu_number(line + 6);
		else if ((line[0] == 'T' || line[0] == '.' || line[0] == 'E') &&
			 read_exception(&stream->exception, line, stream->cpu))
			return EVENT_EXCEPTION;
	}
	return EVENT_END;
}
