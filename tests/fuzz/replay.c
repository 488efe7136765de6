// SPDX-License-Identifier: MIT
/*
 * Feeds files to a fuzzing target, without libFuzzer: those named, or all in the target's corpus.
 * The program's name ends in the target's: fuzz_fdt reads tests/fuzz/corpus/fdt. Its last line is
 * what scripts/run-unit looks for. Host only.
 */
#include <dirent.h>
#include <time.h>

#include "fuzz.h"

#define INPUT_MAX (4 << 20)
#define SECONDS_MAX 5 /* for one input: more means a loop that the input controls */

static void replay(const char *path)
{
	static uint8_t data[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	time_t start = time(NULL);
	uint8_t *exact;
	size_t size;

	FUZZ_CHECK(file, "%s cannot be read", path);
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	printf("%s\n", path);
	fflush(stdout);
	exact = fuzz_exact(data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	FUZZ_CHECK(time(NULL) - start <= SECONDS_MAX, "%s takes too long", path);
}

static unsigned replay_corpus(const char *target)
{
	char directory[200], path[500];
	struct dirent *entry;
	unsigned count = 0;
	DIR *stream;

	snprintf(directory, sizeof(directory), "tests/fuzz/corpus/%s", target);
	stream = opendir(directory);
	FUZZ_CHECK(stream, "%s cannot be read", directory);
	while ((entry = readdir(stream))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		replay(path);
		count++;
	}
	closedir(stream);
	FUZZ_CHECK(count > 0, "%s is empty", directory);
	return count;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '_');
	unsigned count = 0;

	FUZZ_CHECK(name, "%s: the name of a target is missing", argv[0]);
	if (argc == 1)
		count = replay_corpus(name + 1);
	for (int i = 1; i < argc; i++, count++)
		replay(argv[i]);
	printf("[  PASSED  ] %u test(s).\n", count);
	return 0;
}
