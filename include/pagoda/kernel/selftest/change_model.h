/* SPDX-License-Identifier: MIT */
/*
 * Random changes of live mappings, and a model of what must come of them, unit by unit. It makes
 * the changes and knows what they must say; that the map then is what the model has is for those to
 * check who can look at it: the CPU, or a walker. The kernel with the MMU on, and the host.
 */
#ifndef PAGODA_CHANGE_MODEL_H
#define PAGODA_CHANGE_MODEL_H

#include <pagoda/mm/pt/change.h>

#define CHANGE_UNITS_MAX 512

/* What a unit, a page or a block, is mapped to. */
struct change_unit {
	bool mapped;
	u64 pa;
	enum mem_prot prot;
};

struct change_model {
	struct space *space;
	u64 base; /* address of the first unit; no change leaves the units */
	u64 unit; /* bytes */
	u32 units;
	u64 pa; /* as many units of memory, for whatever unit of the map */
	bool execute; /* sometimes read-execute, and not only read-only and read-write */
	u64 random; /* the state of the generator: equal ones, equal changes */
	struct change_unit at[CHANGE_UNITS_MAX];
};

/* What was tried with @count units from @first on. */
struct change_step {
	const char *what;
	u32 first, count;
	enum map_result result, expected;
};

/*
 * change_model_step() - one change, and the model as it is after that. False where it did not say
 * what it should; then the model means nothing any more.
 */
bool change_model_step(struct change_model *model, struct change_step *step);

/* change_model_clear() - unmap whatever is left, leaf by leaf. */
enum map_result change_model_clear(struct change_model *model);

#endif /* PAGODA_CHANGE_MODEL_H */
