// SPDX-License-Identifier: MIT
/*
 * A program of the C library's, which knows nothing of Pagoda: what it prints, and asks of memory.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int main(int count, char **argument)
{
	struct timespec before, after;
	char *large = malloc(1 << 20), *small = malloc(100);
	int both = PROT_READ | PROT_WRITE | PROT_EXEC;

	memset(large, 7, 1 << 20);
	strcpy(small, argument[count - 1]);
	printf("%d arguments, the last %s; pi is %.6f, of %d bytes one is %d\n", count, small,
	       4 * atan(1), 1 << 20, large[1 << 19]);
	clock_gettime(CLOCK_MONOTONIC, &before);
	usleep(20000);
	clock_gettime(CLOCK_MONOTONIC, &after);
	printf("slept %s\n",
	       (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >=
			       20000000 ?
		       "enough" :
		       "too short");
	fflush(stdout);
	if (mmap(NULL, 4096, both, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		perror("mmap");
	free(large);
	free(small);
	return 3;
}
