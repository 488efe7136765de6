/* SPDX-License-Identifier: MIT */
/*
 * Threads that begin at the same time, for programs that ThreadSanitizer watches. Host only.
 */
#ifndef TESTS_THREADS_H
#define TESTS_THREADS_H

#include <pthread.h>

#include <pagoda/types.h>

#define THREADS_MAX 8

/* One race is enough: what comes after it is chance. */
const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
	return "halt_on_error=1";
}

/* What each thread is told: which one it is, and what all share. */
struct thread {
	pthread_t id;
	pthread_barrier_t *begin;
	void (*work)(struct thread *thread);
	unsigned number;
	void *shared;
	u64 random; /* a seed of its own */
};

static inline void *thread_begin(void *context)
{
	struct thread *thread = context;

	pthread_barrier_wait(thread->begin);
	thread->work(thread);
	return NULL;
}

/* threads_run() - @work in @count threads, until all are done. */
static inline void threads_run(unsigned count, void (*work)(struct thread *thread), void *shared)
{
	struct thread threads[THREADS_MAX];
	pthread_barrier_t begin;

	pthread_barrier_init(&begin, NULL, count);
	for (unsigned i = 0; i < count; i++) {
		threads[i] = (struct thread){ .begin = &begin,
					      .work = work,
					      .number = i,
					      .shared = shared,
					      .random = 0x9e3779b97f4a7c15 * (i + 1) };
		if (pthread_create(&threads[i].id, NULL, thread_begin, &threads[i]) != 0)
			__builtin_trap();
	}
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i].id, NULL);
	pthread_barrier_destroy(&begin);
}

/* thread_random() - the next of its numbers, below @limit. */
static inline u64 thread_random(struct thread *thread, u64 limit)
{
	thread->random ^= thread->random << 13;
	thread->random ^= thread->random >> 7;
	thread->random ^= thread->random << 17;
	return thread->random % limit;
}

#endif /* TESTS_THREADS_H */
