// SPDX-License-Identifier: MIT
/*
 * A QEMU TCG plugin that counts executed instructions between two events: the first execution of
 * the address `start`, and after it the first of the address `stop`. Without a `stop` that is any
 * address in the upper half: the first instruction after the flip. At exit it writes every address
 * executed in between, from `base` (else `start`) on, with its count:
 *
 *     -plugin build/count.so,start=0x40200000,out=FILE
 *     -plugin build/count.so,base=0x..,start=0x..,stop=0x..,out=FILE
 *
 * QEMU's plugin header is not packaged; the functions used are declared here, as version 1 of the
 * interface has them.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

#define CALLBACK_NO_REGISTERS 0

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
					   void (*callback)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*callback)(unsigned int, void *), int flags,
					    void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*callback)(plugin_id, void *), void *data);

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

/* Counts by word of the memory after `base`: as much as an Image may take. */
#define WORDS (0x300000 / 4)

static uint64_t base, start, stop, counts[WORDS], elsewhere;
static bool running, ended;
static const char *out;

static void executed(unsigned int cpu, void *data)
{
	uint64_t address = (uint64_t)(uintptr_t)data;

	(void)cpu;
	if (address == start && !ended)
		running = true;
	if (stop != 0 ? running && address == stop : address >> 63)
		ended = true;
	if (!running || ended)
		return;
	if (address - base < WORDS * 4)
		counts[(address - base) / 4]++;
	else
		elsewhere++;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb) && !ended; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uintptr_t address = (uintptr_t)qemu_plugin_insn_vaddr(insn);

		qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, CALLBACK_NO_REGISTERS,
						       (void *)address);
	}
}

static void finished(plugin_id id, void *data)
{
	FILE *file = fopen(out, "w");

	(void)id;
	(void)data;
	if (file == NULL) {
		perror(out);
		return;
	}
	fprintf(file, "ended %d\nelsewhere %" PRIu64 "\n", ended, elsewhere);
	for (size_t i = 0; i < WORDS; i++)
		if (counts[i] != 0)
			fprintf(file, "%zx %" PRIu64 "\n", i * 4, counts[i]);
	fclose(file);
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "base=", 5) == 0)
			base = strtoull(argv[i] + 5, NULL, 0);
		else if (strncmp(argv[i], "stop=", 5) == 0)
			stop = strtoull(argv[i] + 5, NULL, 0);
		else if (strncmp(argv[i], "start=", 6) == 0)
			start = strtoull(argv[i] + 6, NULL, 0);
		else if (strncmp(argv[i], "out=", 4) == 0)
			out = strdup(argv[i] + 4);
	}
	if (start == 0 || out == NULL) {
		fputs("count: start= and out= are needed\n", stderr);
		return -1;
	}
	if (base == 0)
		base = start;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finished, NULL);
	return 0;
}
