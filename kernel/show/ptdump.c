// SPDX-License-Identifier: MIT
/*
 * The command ptdump: from its arguments to a filter.
 * Runs in the kernel, MMU on, and on the host.
 */
#include <pagoda/kernel/proc/sched.h>
#include <pagoda/kernel/prompt/command.h>
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/show/dump.h>
#include <pagoda/lib/string.h>
#include <pagoda/lib/text.h>

#include "parts.h"

#if KASAN
#define KASAN_WORD "kasan "
#else
#define KASAN_WORD
#endif

COMMAND(110, ptdump,
	"[kernel|idmap|el0|hyp|host2|guest2|NUMBER] [REGION|START-END] [--level N] [--wx] "
	"[--perm rwx] [--json]",
	"the page tables", "ptdump kernel vmalloc --perm rx",
	"kernel idmap el0 hyp host2 guest2 linear modules vmalloc vmemmap pci_io fixmap "
	"image " KASAN_WORD "json --level --wx --perm --json");
COMPLETION("--level", "-1 0 1 2 3");
COMPLETION("--perm", "r rw rx rwx");

/* What has been read of the arguments. */
struct request {
	const struct kernel *kernel;
	const struct arguments *arguments;
	struct dump_filter filter;
	bool filtered; /* more is asked for than maps and format */
};

static void set_range(struct request *request, u64 start, u64 end)
{
	u64 granule = regime_granule(&request->kernel->kernel_space.regime);

	request->filter.has_range = true;
	request->filter.start = vaddr(align_down(start, granule));
	request->filter.end = vaddr(align_up(end, granule));
	request->filtered = true;
}

/* A region of the layout, or the image. */
static bool read_region(struct request *request, unsigned index)
{
	const struct boot_handoff *handoff = request->kernel->handoff;
	u64 image = handoff->plan.image_va.value;

	for (unsigned i = 0; i < LAYOUT_COUNT; i++) {
		const struct layout_region *region = &handoff->plan.layout.region[i];

		if (argument_is(request->arguments, index, layout_region_str(i))) {
			set_range(request, region->start.value, region->end.value);
			return true;
		}
	}
	if (!argument_is(request->arguments, index, "image"))
		return false;
	set_range(request, image, image + handoff->facts.image.size);
	return true;
}

/* START-END; END is the first address that is not meant, 0 the end of all. */
static bool read_range(struct request *request, unsigned index)
{
	struct words word = request->arguments->word[index];
	u64 start, end;
	size_t dash = 0;

	while (dash < word.length && word.text[dash] != '-')
		dash++;
	if (dash == word.length || !text_number(word.text, dash, &start) ||
	    !text_number(word.text + dash + 1, word.length - dash - 1, &end))
		return argument_refuse(request->arguments, index,
				       "is no map, region, option, or START-END in numbers of 64 "
				       "bits");
	if (end - 1 < start)
		return argument_refuse(request->arguments, index,
				       "ends before it starts, or is empty");
	set_range(request, start, end);
	return true;
}

/* The number of a program. */
static bool read_program(struct request *request, unsigned index)
{
	struct words word = request->arguments->word[index];
	u64 number;

	if (!text_number(word.text, word.length, &number) || number >> 32 != 0)
		return false;
	request->filter.program = sched_find((u32)number);
	return request->filter.program != NULL;
}

static bool read_el0(struct request *request, unsigned index)
{
	request->filter.el0 = request->kernel->el0_space.root.value != 0;
	return request->filter.el0 ||
	       argument_refuse(request->arguments, index,
			       "is the kernel's map: KPTI is off, see report");
}

/* The argument after the one at @index, which needs it. */
static bool has_value(const struct request *request, unsigned index)
{
	if (index + 1 < request->arguments->count)
		return true;
	return argument_refuse(request->arguments, index, "needs a value after it");
}

static bool read_level(struct request *request, unsigned index)
{
	struct words word = request->arguments->word[index];
	bool negative = word.text[0] == '-';
	u64 level;

	if (!text_number(word.text + negative, word.length - negative, &level) ||
	    level > (negative ? -LEVEL_MIN : LEVEL_PAGE))
		return argument_refuse(request->arguments, index, "is no level: -1 to 3");
	request->filter.has_level = true;
	request->filter.level = negative ? -(int)level : (int)level;
	request->filtered = true;
	return true;
}

static bool read_permissions(struct request *request, unsigned index)
{
	struct words word = request->arguments->word[index];

	request->filter.write = request->filter.execute = false;
	for (size_t i = 0; i < word.length; i++) {
		if (word.text[i] == 'w')
			request->filter.write = true;
		else if (word.text[i] == 'x')
			request->filter.execute = true;
		else if (word.text[i] != 'r')
			return argument_refuse(request->arguments, index,
					       "are no permissions: r, rw, rx or rwx");
	}
	request->filter.has_permissions = true;
	request->filtered = true;
	return true;
}

unsigned argument_hyp_map(const struct arguments *arguments, unsigned index)
{
	unsigned map = 0;

	while (map < HYP_MAP_COUNT && !argument_is(arguments, index, hyp_map_str(map)))
		map++;
	return map;
}

static bool read_hyp_map(struct request *request, unsigned index)
{
	unsigned map = argument_hyp_map(request->arguments, index);

	if (map == HYP_MAP_COUNT)
		return false;
	request->filter.hyp[map] = true;
	return true;
}

/* One argument, and its value; @index moves to the next. */
static bool read_argument(struct request *request, unsigned *index)
{
	const struct arguments *arguments = request->arguments;
	unsigned at = (*index)++;

	if (argument_is(arguments, at, "kernel"))
		request->filter.kernel = true;
	else if (argument_is(arguments, at, "idmap"))
		request->filter.idmap = true;
	else if (argument_is(arguments, at, "el0"))
		return read_el0(request, at);
	else if (argument_is(arguments, at, "json") || argument_is(arguments, at, "--json"))
		request->filter.json = true;
	else if (argument_is(arguments, at, "--wx"))
		request->filtered = request->filter.writable_executable = true;
	else if (argument_is(arguments, at, "--level"))
		return has_value(request, at) && read_level(request, (*index)++);
	else if (argument_is(arguments, at, "--perm"))
		return has_value(request, at) && read_permissions(request, (*index)++);
	else
		return read_hyp_map(request, at) || read_program(request, at) ||
		       read_region(request, at) || read_range(request, at);
	return true;
}

/*
 * Without a map named, text is of the kernel's, JSON of all there are; a range is looked for in the
 * kernel's and the identity map, since it can only be in one.
 */
static void choose_maps(const struct kernel *kernel, struct dump_filter *filter)
{
	bool lower = filter->has_range && pt_contains(&kernel->idmap_space, filter->start);
	bool named = filter->kernel || filter->idmap || filter->el0 || filter->program;

	for (unsigned map = 0; map < HYP_MAP_COUNT; map++)
		named |= filter->hyp[map];
	if (named)
		return;
	filter->kernel = filter->json || !lower;
	filter->idmap = filter->json || lower;
	filter->el0 = filter->json && kernel->el0_space.root.value != 0;
	for (unsigned map = 0; map < HYP_MAP_COUNT; map++)
		filter->hyp[map] = filter->json && hyp_runs(kernel);
}

static void command_ptdump(const struct kernel *kernel, const struct arguments *arguments)
{
	struct request request = { .kernel = kernel, .arguments = arguments };
	struct dump_filter *filter = &request.filter;

	for (unsigned i = 0; i < arguments->count;)
		if (!read_argument(&request, &i))
			return;
	choose_maps(kernel, filter);
	if (filter->json || request.filtered) {
		dump_filtered(kernel, filter);
		return;
	}
	if (filter->kernel)
		dump_kernel(kernel);
	if (filter->idmap)
		dump_idmap(kernel);
	if (filter->el0)
		dump_el0(kernel);
	for (unsigned map = 0; map < HYP_MAP_COUNT; map++)
		if (filter->hyp[map])
			dump_hyp(kernel, map);
	if (filter->program)
		dump_program(filter->program);
}
