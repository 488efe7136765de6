// SPDX-License-Identifier: MIT
/*
 * The judge: reads a stream of executed instructions on its standard input, and says which rules of
 * the discipline they break. For scripts/discipline, which starts it.
 *
 *   discipline --image FILE --at ADDRESS --size BYTES --ram START,BYTES [--promise OFFSET=NAME]...
 *              [--stop OFFSET] [--end OFFSET] [--ctr VALUE] [--memory START=FILE]
 *              [--register NAME=VALUE]... [--protocol efi|linux] [--casemate FILE]
 *
 * The stream is judged from the Image's first instruction on; with --memory, what is in RAM at
 * that moment, from the stream's first: in firmware's world with --protocol efi, which comes first,
 * or in that of the boot protocol; up to the machine's end, or to an instruction given. Exit
 * status: 0 nothing found, 1 violations, 2 not judged.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "judge.h"

#define PROMISES_MOST 64
#define CALLS_MOST 64
#define STACK_MOST 0x4000 /* of a stack; a stack pointer that moves further is another's */

#define PSCI_OFF 0x84000008ul
#define PSCI_RESET 0x84000009ul
#define PSCI_CPU_OFF 0x84000002ul

/* A function that leaves nothing behind in a TLB. */
struct promise {
	u64 offset;
	const char *name;
};

static struct promise promises[PROMISES_MOST];
static unsigned promise_count;

/* Of those, the ones that have been called and not returned. */
static struct call {
	u64 back, sp;
	const char *name;
} all_calls[CPUS_MOST][CALLS_MOST];
static unsigned call_counts[CPUS_MOST];

static u64 executed, zero_bytes = 64, fixed_ctr, stop_offset, end_offset;
static bool ended, started, from_memory;

/* ---- loads and stores ---- */

static u64 low_bytes(u64 value, unsigned bytes)
{
	return bytes >= 8 ? value : value & (BIT(bytes * 8) - 1);
}

/* What a load has shown; where a store said something else, the judge has missed one. */
static void learn(u64 pa, unsigned bytes, u64 value)
{
	u64 known;

	value = low_bytes(value, bytes);
	if (!memory_read(pa, bytes, &known) || tlb_hardware_wrote(pa, known, value) ||
	    (report.firmware && known != value)) /* its devices write memory */
		memory_write(pa, bytes, value, true);
	else if (known != value)
		cannot_judge("a load at 0x%lx gave 0x%lx, but what was stored there is 0x%lx",
			     (unsigned long)pa, (unsigned long)value, (unsigned long)known);
}

/* @bytes, 8 at most, at @pa; what of them is descriptors is told to the model of the TLB. */
static void store(u64 pa, unsigned bytes, u64 value, bool known, bool release)
{
	struct page *page = memory_page(pa);
	u64 word = pa & ~7ul, old = 0, new = 0;
	bool table = page->table != NULL;

	if (table && !memory_read(word, 8, &old))
		table = false;
	memory_write(pa, bytes, value, known);
	page->stored = now.time;
	page->storer = now.place;
	page->stored_by = (u8)now.cpu;
	order()->stored = now.time;
	if (!table)
		return;
	if (!memory_read(word, 8, &new))
		cannot_judge("what is stored in a table at 0x%lx is not known",
			     (unsigned long)word);
	tlb_store(word, old, new, release);
}

static u64 computed(const struct insn *insn, u64 old, u64 operand)
{
	unsigned width = insn->bytes * 8;
	s64 a = sign_extend(old, width), b = sign_extend(operand, width);

	switch (insn->operation) {
	case 0:
		return old + operand;
	case 1:
		return old & ~operand;
	case 2:
		return old ^ operand;
	case 3:
		return old | operand;
	case 4:
		return a > b ? old : operand;
	case 5:
		return a < b ? old : operand;
	case 6:
		return old > operand ? old : operand;
	case 7:
		return old < operand ? old : operand;
	}
	return operand;
}

/* What one register's part of a store is; false: not to be known. */
static bool stored_value(const struct step *step, const struct step *next, const struct insn *insn,
			 unsigned index, u64 pa, u64 *value)
{
	u64 own = step_register(step, index == 0 ? insn->rt : insn->rt2, false), old;

	*value = own;
	if (insn->access & ACCESS_VECTOR)
		return false;
	if (insn->access & ACCESS_ATOMIC) {
		if (!memory_read(pa, insn->bytes, &old))
			return false;
		*value = computed(insn, old,
				  low_bytes(step_register(step, insn->rs, false), insn->bytes));
	}
	(void)next;
	return true;
}

/* Whether a store that depends on something was made. */
static bool is_stored(const struct step *step, const struct step *next, const struct insn *insn,
		      u64 pa)
{
	u64 old;

	if (insn->access & ACCESS_EXCLUSIVE)
		return next != NULL && insn->rs < 31 && (u32)next->x[insn->rs] == 0;
	if (!(insn->access & ACCESS_COMPARE))
		return true;
	if (!memory_read(pa, insn->bytes, &old))
		cannot_judge("a compare and swap of what is not known");
	return old == low_bytes(step_register(step, insn->rs, false), insn->bytes);
}

static void access_learn(const struct step *next, const struct insn *insn, unsigned index, u64 pa)
{
	unsigned reg = index == 0 ? insn->rt : insn->rt2;

	if (insn->access & ACCESS_COMPARE)
		reg = insn->rs;
	if (next == NULL || reg >= 31 || (insn->access & ACCESS_VECTOR))
		return;
	learn(pa, insn->bytes, next->x[reg]);
}

/* One register's part of an access that lies within a page, in RAM. */
static void access_part(const struct step *step, const struct step *next, const struct insn *insn,
			unsigned index, const struct reach *reach)
{
	u64 value, old;
	bool known;

	if (insn->access & ACCESS_LOAD) {
		cache_load(reach->pa, insn->bytes, reach->way);
		access_learn(next, insn, index, reach->pa);
		if ((insn->access & ACCESS_ACQUIRE) && insn->bytes == 4 &&
		    memory_read(reach->pa, 4, &value))
			lock_load(reach->pa, value);
	}
	if (!(insn->access & ACCESS_STORE) || !is_stored(step, next, insn, reach->pa))
		return;
	cache_store(reach->pa, insn->bytes, reach->way);
	known = stored_value(step, next, insn, index, reach->pa, &value);
	if (known && insn->bytes == 4 && memory_read(reach->pa, 4, &old))
		lock_store(reach->pa, old, low_bytes(value, 4), insn->access);
	for (unsigned done = 0; done < insn->bytes; done += 8) {
		unsigned part = insn->bytes - done < 8 ? insn->bytes - done : 8;

		store(reach->pa + done, part, low_bytes(value, part), known,
		      insn->access & ACCESS_RELEASE);
	}
}

/* An access across pages, byte by byte; firmware's only. */
static void access_bytes(const struct step *step, const struct step *next, struct insn insn, u64 va,
			 unsigned index)
{
	unsigned bytes = insn.bytes, reg = index == 0 ? insn.rt : insn.rt2;
	u64 stored = step_register(step, reg, false);
	u64 loaded = next != NULL ? step_register(next, reg, false) : 0;
	bool vector = insn.access & ACCESS_VECTOR;
	struct reach reach;

	for (unsigned i = 0; i < bytes; i++) {
		machine_reach(va + i, false, &reach);
		if (!reach.ok || !memory_has(reach.pa))
			continue;
		if (insn.access & ACCESS_LOAD) {
			cache_load(reach.pa, 1, reach.way);
			if (!vector && reg < 31 && next != NULL)
				learn(reach.pa, 1, loaded >> (i % 8 * 8));
		} else {
			cache_store(reach.pa, 1, reach.way);
			store(reach.pa, 1, low_bytes(stored >> (i % 8 * 8), 1), !vector, false);
		}
	}
}

static void do_memory(const struct step *step, const struct step *next, const struct insn *insn)
{
	for (unsigned i = 0; i < insn->count; i++) {
		u64 va = insn->address + i * insn->bytes;
		struct reach reach;

		if ((va & (PAGE - 1)) + insn->bytes > PAGE) {
			access_bytes(step, next, *insn, va, i);
			continue;
		}
		machine_reach(va, false, &reach);
		if (!reach.ok)
			cannot_judge(
				"an access at 0x%lx did not fault, but the tables have nothing "
				"there",
				(unsigned long)va);
		if (memory_has(reach.pa))
			access_part(step, next, insn, i, &reach);
	}
}

/* DC ZVA: stores of a block of zeroes. */
static void do_zero(u64 va)
{
	struct reach reach;

	va &= ~(zero_bytes - 1);
	machine_reach(va, false, &reach);
	if (!reach.ok || !memory_has(reach.pa))
		return;
	cache_store(reach.pa, (unsigned)zero_bytes, reach.way);
	for (u64 done = 0; done < zero_bytes; done += 8)
		store(reach.pa + done, 8, 0, true, false);
}

/* ---- the rest ---- */

static void do_barrier(const struct insn *insn)
{
	bool stores = insn->types != 1, full = insn->types == 3;

	casemate_barrier(insn);
	if (insn->barrier == BARRIER_ISB) {
		machine_sync();
		return;
	}
	if (insn->barrier == BARRIER_DSB) {
		if (stores)
			order()->dsb_stores = now.time;
		if (full)
			order()->dsb_full = now.time;
	}
	if (stores)
		order()->barrier_stores = now.time;
	if (full)
		order()->barrier_full = now.time;
	cache_barrier(insn);
	tlb_barrier(insn);
}

static void do_mrs(const struct step *next, const struct insn *insn)
{
	u64 value;

	if (next == NULL || insn->rt == 31)
		return;
	value = next->x[insn->rt];
	if (insn->sysreg == SYSREG(3, 3, 0, 0, 7))
		zero_bytes = 4ul << bits(value, 3, 0);
	machine_read(insn->sysreg, value);
}

static void do_call_out(const struct step *step, u32 word)
{
	bool firmware = (word & 0x1f) == 2 || (word & 0x1f) == 3; /* HVC, SMC */
	u32 function = (u32)step->x[0];

	if (!firmware)
		return;
	if (function == PSCI_OFF || function == PSCI_RESET)
		ended = true;
	if (function == PSCI_CPU_OFF) {
		now.running &= ~cpu_bit();
		now.outside |= cpu_bit();
	}
}

/* A function that promises is entered, or has returned. */
static void follow_calls(const struct step *step, const struct step *next, const struct insn *insn)
{
	struct call *calls = all_calls[now.cpu];
	unsigned *count = &call_counts[now.cpu];
	struct reach reach;

	if (insn->is_link && next != NULL && *count < CALLS_MOST && !report.firmware) {
		machine_reach(next->pc, true, &reach);
		for (unsigned i = 0; reach.ok && i < promise_count; i++)
			if (reach.pa - report.base == promises[i].offset) {
				calls[*count].back = step->pc + 4;
				calls[*count].sp = step->sp;
				calls[(*count)++].name = promises[i].name;
			}
		return;
	}
	if (*count == 0 || next == NULL || next->pc != calls[*count - 1].back ||
	    next->sp != calls[*count - 1].sp)
		return;
	--*count;
	/* What is cached of both stages together is for who calls these to end. */
	tlb_promise(calls[*count].name, strncmp(calls[*count].name, "pt_", 3) != 0);
	tlb_promise_roots(calls[*count].name);
}

/* With --ctr the Image's reads of CTR_EL0 are moves of a constant: MOVZ of its upper half. */
static bool is_ctr(u32 word)
{
	return fixed_ctr != 0 && (word & ~0x1fu) == (0xd2a00000u | (u32)(fixed_ctr >> 16) << 5);
}

/*
 * Below a stack pointer there is nothing that anybody expects: what it moved over, or where it has
 * been set to another stack, what that may have left.
 */
static void follow_stack(const struct step *step, const struct step *next)
{
	bool other = ((step->pstate ^ next->pstate) & 0xf) != 0;
	u64 start = step->sp;
	struct reach reach;

	if (next->sp < step->sp && step->sp - next->sp < STACK_MOST && !other)
		return;
	if (other || next->sp - step->sp > STACK_MOST)
		start = next->sp - STACK_MOST;
	for (u64 va = start, left; va < next->sp; va += left) {
		left = PAGE - va % PAGE < next->sp - va ? PAGE - va % PAGE : next->sp - va;
		machine_reach(va, false, &reach);
		if (reach.ok && memory_has(reach.pa))
			cache_dead(reach.pa, (unsigned)left);
	}
}

/* The stub has left firmware's world: where it goes on is the Image's other place. */
static void follow_image(const struct reach *reach)
{
	if (!report.firmware || reach->way.mapped || reach->pa - report.loaded < report.image.whole)
		return;
	report.base = reach->pa;
	report.firmware = false;
}

static u32 fetch(const struct step *step)
{
	struct reach reach;
	u64 known;

	machine_reach(step->pc, true, &reach);
	if (!reach.ok)
		cannot_judge("executed at 0x%lx, where the tables have nothing",
			     (unsigned long)step->pc);
	follow_image(&reach);
	now.place = reach.pa;
	if (reach.pa - report.base < report.image.whole)
		now.outside &= ~cpu_bit();
	if (!memory_has(reach.pa)) {
		if (!step->has_word)
			cannot_judge("executed outside RAM at 0x%lx", (unsigned long)reach.pa);
		return step->word;
	}
	cache_fetch(reach.pa, reach.way);
	if (step->has_word)
		learn(reach.pa, 4, step->word);
	if (!memory_read(reach.pa, 4, &known))
		cannot_judge("the word executed at 0x%lx is not known", (unsigned long)reach.pa);
	return (u32)known;
}

static void execute(const struct step *step, const struct step *next)
{
	struct insn insn;
	u32 word;

	now.time++;
	executed++;
	cache_owed();
	now.level = step_level(step);
	word = fetch(step);
	if (stop_offset != 0 && now.place == report.base + stop_offset)
		cannot_judge("the machine stopped, with code 0x%lx", (unsigned long)step->x[0]);
	ended |= end_offset != 0 && now.place == report.base + end_offset;
	decode(step, word, &insn);
	switch (insn.kind) {
	case KIND_UNKNOWN:
		cannot_judge("an instruction that is not known: 0x%08x", word);
	case KIND_MEMORY:
		do_memory(step, next, &insn);
		break;
	case KIND_BARRIER:
		do_barrier(&insn);
		break;
	case KIND_MSR:
		machine_write(insn.sysreg, step_register(step, insn.rt, false));
		break;
	case KIND_MRS:
		do_mrs(next, &insn);
		break;
	case KIND_SYS:
		if (insn.sysreg == SYSREG(1, 3, 7, 4, 1))
			do_zero(step_register(step, insn.rt, false));
		else
			machine_system(insn.sysreg, step_register(step, insn.rt, false));
		break;
	case KIND_CALL_OUT:
		do_call_out(step, word);
		break;
	case KIND_BRANCH:
		follow_calls(step, next, &insn);
		break;
	case KIND_ERET:
		machine_sync();
		if (next != NULL)
			machine_return(step_level(step), step_level(next));
		break;
	case KIND_EVENT:
		cache_event();
		break;
	case KIND_OTHER:
	case KIND_WAIT:
		if (is_ctr(word))
			cache_ctr(fixed_ctr);
		break;
	}
	if (next != NULL && next->sp != step->sp)
		follow_stack(step, next);
	if (next != NULL && insn.kind != KIND_BRANCH && insn.kind != KIND_ERET &&
	    insn.kind != KIND_CALL_OUT && next->pc != step->pc + 4 && !next->interrupted)
		cannot_judge("what follows 0x%lx is missing", (unsigned long)step->pc);
}

/* ---- the stream ---- */

static bool same_registers(const struct step *a, const struct step *b)
{
	return a->pc == b->pc && a->sp == b->sp && memcmp(a->x, b->x, sizeof(a->x)) == 0 &&
	       a->pstate == b->pstate;
}

/* Whether the step before an exception was executed: a fault, or an interrupt before it, returns to
 * it. */
static bool was_executed(const struct step *step, const struct exception *first, unsigned count)
{
	if (count == 0 || first->is_return || first->is_call)
		return true;
	return first->elr != step->pc;
}

/*
 * A step, and what happened before the next one of its CPU: which says what it has loaded, so it
 * waits for that; and those of other CPUs behind it wait, too.
 */
struct item {
	struct step step;
	struct exception first; /* of @count */
	unsigned count, syncs;
	struct item *successor, *behind;
	bool early; /* executed before its successor was known */
	bool synced; /* an exception was taken before it */
};

static struct item *head, *tail, *spare;
static struct item *latest[CPUS_MOST]; /* of each CPU; in the queue, or early */

static struct item *item_new(const struct step *step)
{
	struct item *item = spare;

	if (item != NULL)
		spare = item->behind;
	else
		item = malloc(sizeof(*item));
	if (item == NULL)
		cannot_judge("no memory for what comes ahead");
	*item = (struct item){ .step = *step };
	return item;
}

static void item_free(struct item *item)
{
	item->behind = spare;
	spare = item;
}

static void item_append(struct item *item)
{
	struct item **last = &latest[item->step.cpu];

	if (tail != NULL)
		tail->behind = item;
	else
		head = item;
	tail = item;
	if (*last != NULL && (*last)->early) {
		/* It sleeps, or is off, which the word at hand says. */
		item->synced = (*last)->syncs != 0;
		item->step.interrupted = (*last)->count != 0;
		item_free(*last);
	} else if (*last != NULL) {
		(*last)->successor = item;
	}
	*last = item;
}

static void item_exception(const struct exception *exception)
{
	struct item *item = latest[exception->cpu];

	if (item == NULL)
		return;
	if (item->count++ == 0)
		item->first = *exception;
	item->syncs += !exception->is_call;
}

/* What the head's word is, where that can be said without judging: 0 where not. */
static u32 peek(const struct step *step)
{
	struct reach reach;
	u64 word;

	if (step->has_word)
		return step->word;
	machine_reach(step->pc, true, &reach);
	return reach.ok && memory_has(reach.pa) && memory_read(reach.pa, 4, &word) ? (u32)word : 0;
}

/* Whether the head does nothing that its successor says: it waits, or calls firmware. */
static bool is_alone(const struct item *item)
{
	struct insn insn;

	decode(&item->step, peek(&item->step), &insn);
	return insn.kind == KIND_WAIT || insn.kind == KIND_CALL_OUT;
}

static void item_begin(const struct item *item)
{
	u32 bit = 1u << item->step.cpu;

	machine_select(item->step.cpu);
	now.level = step_level(&item->step);
	if (!(now.running & bit)) {
		now.running |= bit;
		now.outside |= bit;
		call_counts[item->step.cpu] = 0;
		if (executed != 0)
			machine_fresh(step_level(&item->step));
	}
	if (item->synced)
		machine_sync();
}

/* The head, and what happened before its successor. */
static void item_execute(struct item *item)
{
	struct step *step = &item->step, *next = item->successor ? &item->successor->step : NULL;

	/* A step that is logged twice and changes nothing was begun twice: branches to themselves
	 * and waits are the same either way. */
	if (item->count == 0 && next != NULL && same_registers(step, next)) {
		next->has_word |= step->has_word;
		if (step->has_word)
			next->word = step->word;
		return;
	}
	if (next != NULL)
		next->interrupted = item->count != 0;
	if (was_executed(step, &item->first, item->count))
		execute(step, next);
	for (unsigned i = 0; i < item->syncs; i++)
		machine_sync();
}

/* Whatever can be executed; at the @end all. */
static void items_execute(bool end)
{
	while (head != NULL) {
		struct item *item = head;

		if (item->successor == NULL && !end && item->behind == NULL)
			return;
		item_begin(item);
		if (item->successor == NULL && !end && !is_alone(item))
			return;
		head = item->behind;
		if (head == NULL)
			tail = NULL;
		item_execute(item);
		if (item->successor != NULL) {
			item_free(item);
		} else {
			item->early = true;
			item->count = item->syncs = 0;
		}
	}
}

/* The first step of the Image is the first that is judged. */
static bool is_first(const struct step *step)
{
	return from_memory || step->pc == report.base;
}

/* What CPUs that wait for the Image execute has been logged before it. */
static void remember(const struct step *step)
{
	if (step->has_word && memory_has(step->pc))
		memory_write(step->pc, 4, step->word, true);
}

static void begin(const struct step *step)
{
	machine_select(step->cpu);
	now.level = step_level(step);
	now.running = cpu_bit();
	machine_init(step_level(step));
	machine_begin();
	started = true;
}

static int judge(void)
{
	static struct stream stream;
	enum event event;

	stream_open(&stream, STDIN_FILENO);
	while (!(ended && end_offset) && (event = stream_next(&stream)) != EVENT_END) {
		if (event == EVENT_EXCEPTION) {
			item_exception(&stream.exception);
			continue;
		}
		if (!started && is_first(&stream.step))
			begin(&stream.step);
		if (!started) {
			remember(&stream.step);
			continue;
		}
		item_append(item_new(&stream.step));
		items_execute(false);
	}
	if (!started)
		cannot_judge("the Image's first instruction is not in the stream");
	items_execute(true);
	if (!ended)
		cannot_judge("the stream breaks off: the machine was not turned off");
	cache_end();
	tlb_end();
	casemate_close();
	return report_end(executed);
}

/* ---- the command line ---- */

static u8 *read_file(const char *path, u64 *size)
{
	int file = open(path, O_RDONLY);
	struct stat status;
	u8 *data;

	if (file < 0 || fstat(file, &status) != 0)
		cannot_judge("%s cannot be read", path);
	*size = (u64)status.st_size;
	data = malloc(*size);
	for (u64 done = 0; data != NULL && done < *size;) {
		ssize_t got = read(file, data + done, *size - done);

		if (got <= 0)
			cannot_judge("%s cannot be read", path);
		done += (u64)got;
	}
	close(file);
	return data;
}

static u64 number(const char *text, char **end)
{
	return strtoull(text, end, 0);
}

static void option(const char *name, char *value)
{
	u64 size, first = 0;
	char *rest = value;
	u8 *data;

	if (strcmp(name, "--image") == 0) {
		report.image.file = read_file(value, &report.image.size);
	} else if (strcmp(name, "--at") == 0) {
		report.base = report.loaded = number(value, NULL);
	} else if (strcmp(name, "--size") == 0) {
		report.image.whole = number(value, NULL);
	} else if (strcmp(name, "--ram") == 0) {
		first = number(value, &rest);
		memory_init(first, number(rest + 1, NULL));
	} else if (strcmp(name, "--ctr") == 0) {
		fixed_ctr = number(value, NULL);
	} else if (strcmp(name, "--stop") == 0) {
		stop_offset = number(value, NULL);
	} else if (strcmp(name, "--end") == 0) {
		end_offset = number(value, NULL);
	} else if (strcmp(name, "--casemate") == 0) {
		casemate_open(value);
	} else if (strcmp(name, "--promise") == 0 && promise_count < PROMISES_MOST) {
		promises[promise_count].offset = number(value, &rest);
		promises[promise_count++].name = rest + 1;
	} else if (strcmp(name, "--memory") == 0) {
		from_memory = true;
		first = number(value, &rest);
		data = read_file(rest + 1, &size);
		memory_fill(first, data, size);
		free(data);
	} else if (strcmp(name, "--protocol") == 0) {
		report.firmware = strcmp(value, "efi") == 0;
	} else if (strcmp(name, "--register") == 0 && (rest = strchr(value, '=')) != NULL) {
		*rest = '\0';
		machine_preset(value, number(rest + 1, NULL));
	} else {
		cannot_judge("no option %s", name);
	}
}

int main(int count, char **words)
{
	for (int i = 1; i + 1 < count; i += 2)
		option(words[i], words[i + 1]);
	if (count % 2 == 0 || report.image.file == NULL || memory.pages == NULL)
		cannot_judge("wrong arguments");
	if (!from_memory)
		memory_fill(report.base, report.image.file, report.image.size);
	return judge();
}
