// SPDX-License-Identifier: MIT
/*
 * What Pagoda reads in boards' device trees: the same functions as on the machine, over files.
 * Takes names of .dtb files on its standard input, one a line, and prints a JSON object for each,
 * also one a line; with "drivers" as its argument, what `compatible` says of the UARTs it drives;
 * with "damaged SEED", how often a console is found in each with flipped bits.
 * tests/boards/boards.py runs it. Host only; nothing here decides.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagoda/kernel/dev/devices.h>
#include <pagoda/kernel/irq/gic.h>
#include <pagoda/kernel/tree/rescue.h>
#include <pagoda/pi/early.h>

#include "support/fake_machine.h"

#define PATH_MAX_LENGTH 4096

/* What was read of one tree. */
struct board {
	struct boot_facts facts;
	struct boot_lists lists;
	struct devices devices;
	struct stop stop;
};

/* The FDT stands at an address that is a multiple of 8, as the boot protocol wants it. */
static u8 *read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	u8 *blob = NULL;
	long size;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
		goto bad;
	size = ftell(file);
	if (size < FDT_HEADER_SIZE)
		goto bad;
	blob = malloc((size_t)size);
	rewind(file);
	if (blob == NULL || fread(blob, 1, (size_t)size, file) != (size_t)size)
		goto bad;
	fclose(file);
	return blob;
bad:
	fprintf(stderr, "boards: %s cannot be read\n", path);
	exit(1);
}

/* As the early runtime does, which needs /chosen, and then the kernel, whose window is the file. */
static struct stop read_facts(struct boot_facts *facts, struct boot_lists *lists)
{
	u64 seed = 0;
	struct stop stop = facts_read_chosen(facts, &seed, 0);
	struct fdt_value other;
	struct scan scan;

	if (stop.code != STOP_NONE)
		return stop;
	fdt_cut(&facts->fdt.tree);
	tree_begin(&scan, &facts->fdt.tree, facts, lists);
	while (tree_read(&scan, &other))
		memset((u8 *)(uintptr_t)other.data, 0, other.size);
	return tree_end(&scan);
}

static void read_tree(struct board *board, const u8 *blob)
{
	static struct fake_machine machine;
	struct boot_facts *facts = &board->facts;

	machine_select(&machine);
	memset(board, 0, sizeof(*board));
	facts->entry.fdt = (u64)(uintptr_t)blob;
	facts->id[SYSREG_CTR_EL0] = 4 << CTR_EL0_DMINLINE_SHIFT;
	facts->lists = paddr((uintptr_t)&board->lists);
	board->stop = read_facts(facts, &board->lists);
	if (facts->fdt.tree.blob != NULL)
		devices_read(&facts->fdt.tree, &board->lists.nodes, facts->console.address,
			     &board->devices);
}

/* Why the console would be polled, before the GIC itself is asked; empty where it would not. */
static const char *no_interrupt(const struct board *board)
{
	if (board->facts.console.source == CONSOLE_NONE)
		return "no console";
	if (board->devices.gic.version == 0)
		return "no GIC";
	if (board->devices.console.number < GIC_SPI_FIRST)
		return "no interrupt of the GIC's";
	return "";
}

static void print_ranges(const struct memory_map *memory)
{
	printf("\"memory\": [");
	for (u32 i = 0; i < memory->count; i++)
		printf("%s[%" PRIu64 ", %" PRIu64 ", \"%s\"]", i != 0 ? ", " : "",
		       memory->range[i].start.value, memory->range[i].end.value,
		       memory_kind_str(memory->range[i].kind));
	printf("]");
}

static void print_board(const struct board *board)
{
	const struct console_choice *console = &board->facts.console;
	const struct device_line *line = &board->devices.console;
	const char *why = no_interrupt(board);
	char text[STOP_TEXT_MAX] = "";

	if (board->stop.code != STOP_NONE)
		stop_describe(&board->stop, text, sizeof(text));
	printf("{\"stop\": %d, \"words\": \"%s\", ", board->stop.code, text);
	if (console->source != CONSOLE_NONE)
		printf("\"console\": {\"type\": \"%s\", \"address\": %" PRIu64
		       ", \"source\": \"%s\"}, ",
		       serial_type_str(console->kind.type), console->address.value,
		       console_source_str(console->source));
	else
		printf("\"console\": null, ");
	printf("\"gic\": %u, \"polled\": \"%s\", ", board->devices.gic.version, why);
	if (why[0] == '\0')
		printf("\"interrupt\": [%u, %u], ", line->number, line->flags);
	else
		printf("\"interrupt\": null, ");
	print_ranges(&board->lists.memory);
	printf("}\n");
}

#define PRINT_DRIVER(name, type, ...) printf("%s\t%s\n", name, serial_type_str(type));

static void print_drivers(void)
{
	UART_COMPATIBLES(PRINT_DRIVER)
}

#define DAMAGED_ROUNDS 64
#define FLIPS_MAX 32

/* Where the consoles of one tree are. */
struct places {
	u64 address[CONSOLES_SEEN_MAX + 1];
	u32 count;
};

static void take_places(struct places *places, const struct scan *scan)
{
	places->count = 0;
	for (u32 i = 0; i < scan->console_count; i++)
		places->address[places->count++] = scan->console[i].choice.address.value;
}

static bool has_place(const struct places *places, u64 address)
{
	for (u32 i = 0; i < places->count; i++)
		if (places->address[i] == address)
			return true;
	return false;
}

/* The intact tree's, as the pass has them. */
static void intact_places(struct places *places, const u8 *blob)
{
	static struct boot_lists lists;
	struct boot_facts facts = { 0 };
	struct fdt_value seed;
	struct scan scan;
	struct fdt fdt;

	places->count = 0;
	if (fdt_open(&fdt, blob) != FDT_OK)
		return;
	tree_begin(&scan, &fdt, &facts, &lists);
	while (tree_read(&scan, &seed))
		;
	take_places(places, &scan);
}

static void rescued_places(struct places *places, const u8 *blob, u32 room, bool by_header)
{
	u32 size = fdt_rescue_size(blob, room);
	struct boot_facts facts = { 0 };
	struct tree_rescue rescue;
	struct fdt_value seed;
	struct fdt fdt;

	places->count = 0;
	if (size == 0 || !fdt_rescue(&fdt, blob, by_header ? size : room, by_header))
		return;
	tree_rescue_begin(&rescue, &fdt, &facts);
	while (tree_rescue_read(&rescue, &seed))
		;
	take_places(places, &rescue.scan);
}

/* SplitMix64 (Steele, Lea and Flood, 2014). */
static u64 random_next(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* How often a console of its own is found in @blob with flipped bits, and how often another. */
static void print_damaged(u8 *blob, u64 seed)
{
	u32 size = fdt_word_at(blob + 4), found = 0, wrong = 0;
	struct places intact, rescued;
	u8 *damaged = malloc(size);

	intact_places(&intact, blob);
	for (unsigned round = 0; round < DAMAGED_ROUNDS; round++) {
		bool here = false;

		memcpy(damaged, blob, size);
		for (unsigned flips = 1 + round % FLIPS_MAX; flips > 0; flips--) {
			u64 bit = random_next(&seed) % (8 * (u64)size);

			damaged[bit / 8] ^= (u8)(1 << bit % 8);
		}
		for (int by_header = 1; by_header >= 0; by_header--) {
			rescued_places(&rescued, damaged, size, by_header != 0);
			for (u32 i = 0; i < rescued.count; i++) {
				bool right = has_place(&intact, rescued.address[i]);

				here = here || right;
				wrong += !right;
			}
		}
		found += here;
	}
	free(damaged);
	printf("{\"consoles\": %u, \"trees\": %u, \"found\": %u, \"wrong\": %u}\n", intact.count,
	       (unsigned)DAMAGED_ROUNDS, found, wrong);
}

int main(int argc, char **argv)
{
	char path[PATH_MAX_LENGTH];
	struct board board;

	if (argc == 2 && strcmp(argv[1], "drivers") == 0) {
		print_drivers();
		return 0;
	}
	while (fgets(path, sizeof(path), stdin) != NULL) {
		u8 *blob;

		path[strcspn(path, "\n")] = '\0';
		blob = read_file(path);
		if (argc == 3 && strcmp(argv[1], "damaged") == 0) {
			print_damaged(blob, strtoull(argv[2], NULL, 0));
		} else {
			read_tree(&board, blob);
			print_board(&board);
		}
		free(blob);
	}
	return 0;
}
