// SPDX-License-Identifier: MIT
/*
 * A QEMU TCG plugin that counts the instructions of a boot between two places, the second of which
 * ends the run:
 *
 *     -plugin build/count.so,start=0x40200000,size=0x200000,jump=0x14008,out=FILE
 *
 *     start  physical address of the Image      size  bytes of memory that it takes
 *     jump   the first instruction executed in the upper half; shows where the Image is there
 *     low    where the Image is in the lower half with the MMU on, if that is another place
 *     begin  where counting begins; without it, at the Image's first instruction
 *     end    where counting ends, before that instruction
 *     mark   note the count so far whenever this is executed; may be given several times
 *     pool   count what is stored from here on; physical, so with the MMU off only
 *     pool_end   to here
 *     accesses   1: count what data is loaded and stored, before the upper half is entered
 *
 * jump to mark are offsets from the Image's first byte, and may be left out: end at the first
 * instruction in the upper half; no marks, no stores. The file has a fact a line:
 *
 *     ended 1                the end was reached
 *     elsewhere COUNT        instructions outside the Image
 *     mark COUNT             for each execution of `mark`
 *     count OFFSET COUNT     for each instruction executed, in either half
 *     store OFFSET COUNT BYTES   for each that stored into the pool
 *     loads COUNT, stores COUNT   with accesses=1: of up to 8 bytes each, so a pair is two
 *     lines COUNT            different lines of 64 bytes that these were in
 *
 * QEMU's plugin header is not packaged; the functions used are declared here, as versions 1 to 4 of
 * the interface have them.
 */
#define _GNU_SOURCE /* RTLD_DEFAULT */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

typedef uint64_t plugin_id;
typedef uint32_t memory_info;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

#define CALLBACK_NO_REGISTERS 0
#define MEMORY_ALL 3

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
unsigned int qemu_plugin_mem_size_shift(memory_info info);
bool qemu_plugin_mem_is_store(memory_info info);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
					   void (*callback)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*callback)(unsigned int, void *), int flags,
					    void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
				      void (*callback)(unsigned int, memory_info, uint64_t, void *),
				      int flags, int accesses, void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*callback)(plugin_id, void *), void *data);

/*
 * Which version of the interface this is for: QEMU reads it when the plugin is loaded. 7.2 refuses
 * what is later than 1, 9.0 and what came after refuse what is earlier than 2. The functions above
 * are the same in both. What version 2 brought tells one from the other.
 */
EXPORT int qemu_plugin_version = 1;

__attribute__((constructor)) static void version_choose(void)
{
	if (dlsym(RTLD_DEFAULT, "qemu_plugin_scoreboard_new") != NULL)
		qemu_plugin_version = 2;
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

#define NONE UINT64_MAX
#define MARKS_MAX 64
#define PLACES_MAX 8
#define LINE_SHIFT 6
#define LINES_MAX (1 << 20) /* a power of two */

/* What was asked for. */
static uint64_t start, size, low, begin, jump = NONE, end = NONE, pool, pool_end, accesses;
static uint64_t places[PLACES_MAX];
static unsigned int place_count;
static const char *out;

/* One for each word of the Image. */
struct word {
	uint64_t executed, stores, stored;
	bool mark;
};

static struct word *words;
static uint64_t total, elsewhere, marks[MARKS_MAX], upper;
static unsigned int mark_count;
static bool running, ended;

/* Lines that were touched: number plus one, anywhere from their hash on; 0 is a free place. */
static uint64_t *lines;
static uint64_t loads, stores, line_count;

static void write_facts(void)
{
	FILE *file = fopen(out, "w");

	if (file == NULL) {
		perror(out);
		return;
	}
	fprintf(file, "ended %d\nelsewhere %" PRIu64 "\n", ended, elsewhere);
	for (unsigned int i = 0; i < mark_count; i++)
		fprintf(file, "mark %" PRIu64 "\n", marks[i]);
	if (accesses)
		fprintf(file, "loads %" PRIu64 "\nstores %" PRIu64 "\nlines %" PRIu64 "\n", loads,
			stores, line_count);
	for (uint64_t i = 0; i < size / 4; i++) {
		const struct word *word = &words[i];

		if (word->executed != 0)
			fprintf(file, "count %" PRIx64 " %" PRIu64 "\n", i * 4, word->executed);
		if (word->stores != 0)
			fprintf(file, "store %" PRIx64 " %" PRIu64 " %" PRIu64 "\n", i * 4,
				word->stores, word->stored);
	}
	fclose(file);
}

/* Offset of @address in the Image, wherever that is in the half that @address is in. */
static uint64_t offset_of(uint64_t address)
{
	if (low != 0 && address - low < size)
		return address - low;
	return address - (address >> 63 ? upper : start);
}

static void executed(unsigned int cpu, void *data)
{
	uint64_t address = (uint64_t)(uintptr_t)data, offset;
	bool high = address >> 63;

	(void)cpu;
	if (high && upper == 0)
		upper = address - (jump != NONE ? jump : 0);
	offset = offset_of(address);
	running |= offset == begin;
	if (!running)
		return;
	if (end != NONE ? offset == end : high) {
		ended = true;
		write_facts();
		_exit(0);
	}
	total++;
	if (offset >= size) {
		elsewhere++;
		return;
	}
	words[offset / 4].executed++;
	if (words[offset / 4].mark && mark_count < MARKS_MAX)
		marks[mark_count++] = total - 1;
}

static void line_touched(uint64_t number)
{
	uint64_t place = number * 0x9e3779b97f4a7c15 >> 44;

	while (lines[place] != 0 && lines[place] != number + 1)
		place = (place + 1) % LINES_MAX;
	if (lines[place] != 0)
		return;
	if (++line_count == LINES_MAX) {
		fputs("count: too many lines touched\n", stderr);
		abort();
	}
	lines[place] = number + 1;
}

/* QEMU 7.2 reports a pair as two; others as one of 16 bytes. */
static uint64_t accesses_in(uint64_t bytes)
{
	return bytes > 8 ? bytes / 8 : 1;
}

static void access_counted(memory_info info, uint64_t to)
{
	uint64_t bytes = 1 << qemu_plugin_mem_size_shift(info);

	*(qemu_plugin_mem_is_store(info) ? &stores : &loads) += accesses_in(bytes);
	line_touched(to >> LINE_SHIFT);
	if (to >> LINE_SHIFT != (to + bytes - 1) >> LINE_SHIFT)
		line_touched((to + bytes - 1) >> LINE_SHIFT);
}

static void accessed(unsigned int cpu, memory_info info, uint64_t to, void *data)
{
	uint64_t address = (uint64_t)(uintptr_t)data, offset = offset_of(address);
	uint64_t bytes = 1 << qemu_plugin_mem_size_shift(info);

	(void)cpu;
	if (!running)
		return;
	if (accesses && !(address >> 63))
		access_counted(info, to);
	/* Seen with QEMU 7.2: loads are reported, too, whatever was registered for. */
	if (!qemu_plugin_mem_is_store(info) || to < pool || to >= pool_end || offset >= size)
		return;
	words[offset / 4].stores += accesses_in(bytes);
	words[offset / 4].stored += bytes;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		void *address = (void *)(uintptr_t)qemu_plugin_insn_vaddr(insn);

		qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, CALLBACK_NO_REGISTERS,
						       address);
		if (pool != pool_end || accesses)
			qemu_plugin_register_vcpu_mem_cb(insn, accessed, CALLBACK_NO_REGISTERS,
							 MEMORY_ALL, address);
	}
}

/* The machine ended before the end was reached. */
static void finished(plugin_id id, void *data)
{
	(void)id;
	(void)data;
	write_facts();
}

/* Take "name=value". */
static bool take(const char *argument)
{
	static const struct {
		const char *name;
		uint64_t *value;
	} options[] = {
		{ "start=", &start }, { "size=", &size },	  { "low=", &low },
		{ "begin=", &begin }, { "jump=", &jump },	  { "end=", &end },
		{ "pool=", &pool },   { "pool_end=", &pool_end }, { "accesses=", &accesses },
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		size_t length = strlen(options[i].name);

		if (strncmp(argument, options[i].name, length) != 0)
			continue;
		*options[i].value = strtoull(argument + length, NULL, 0);
		return true;
	}
	if (strncmp(argument, "mark=", 5) == 0 && place_count < PLACES_MAX)
		places[place_count++] = strtoull(argument + 5, NULL, 0);
	else if (strncmp(argument, "out=", 4) == 0)
		out = strdup(argument + 4);
	else
		return false;
	return true;
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!take(argv[i])) {
			fprintf(stderr, "count: not an option: %s\n", argv[i]);
			return -1;
		}
	}
	words = calloc(size / 4 + 1, sizeof(*words));
	lines = calloc(LINES_MAX, sizeof(*lines));
	if (start == 0 || size == 0 || out == NULL || words == NULL || lines == NULL) {
		fputs("count: start=, size= and out= are needed\n", stderr);
		return -1;
	}
	for (unsigned int i = 0; i < place_count; i++)
		if (places[i] < size)
			words[places[i] / 4].mark = true;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finished, NULL);
	return 0;
}
