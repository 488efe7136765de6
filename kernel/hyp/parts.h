/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the hypervisor's start share. Kernel at EL1, MMU on.
 */
#ifndef HYP_PARTS_H
#define HYP_PARTS_H

#include <pagoda/kernel/hyp/hyp.h>

/* kernel/hyp/image.S: the hypervisor. What its rodata begins with: where these are in its text. */
extern const u8 el2_text[], el2_text_end[], el2_rodata[], el2_rodata_end[];

struct el2_header {
	u64 main_vectors, off;
};

u64 hyp_text_size(void);

/* hyp_linear_at() - what is at @pa, in the linear map. */
void *hyp_linear_at(const struct kernel *kernel, u64 pa);

/* hyp_memory_take() - all the memory it needs, or none; hyp_memory_fill() - what it begins with. */
bool hyp_memory_take(struct hyp *hyp, struct kernel *kernel);
void hyp_memory_fill(struct hyp *hyp, const struct kernel *kernel);

/* hyp_spaces_make() - its three spaces and their pools. hyp_ram_list() - RAM, for stage 2. */
void hyp_spaces_make(struct hyp *hyp, const struct kernel *kernel);
bool hyp_ram_list(struct hyp *hyp, const struct kernel *kernel);

/* hyp_self_map() - EL2's own map. */
enum map_result hyp_self_map(struct hyp *hyp, const struct kernel *kernel);

/* Where the stack of @cpu is at EL2, and in memory. */
u64 hyp_stack_at(const struct hyp *hyp, unsigned cpu);
struct el2_range hyp_stack_of(const struct hyp *hyp, unsigned cpu);

#endif /* HYP_PARTS_H */
