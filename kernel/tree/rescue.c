// SPDX-License-Identifier: MIT
/*
 * A second look at a tree that the boot has failed for, and that may be damaged: for a console, and
 * nothing else. What is damaged may say anything, so a UART counts only where two things agree: the
 * address in its node's name, and the one in its reg.
 * Runs as pass.c does, and may not use what that may not.
 */
#include <pagoda/kernel/handoff/chosen.h>
#include <pagoda/kernel/tree/rescue.h>
#include <pagoda/lib/string.h>

/* The number in hex behind the '@' of a node's name; false where there is none. */
static bool unit_address(const char *name, u64 *address)
{
	const char *at = name;

	while (*at != '\0' && *at != '@')
		at++;
	*address = 0;
	if (*at == '\0' || at[1] == '\0')
		return false;
	for (at++; *at != '\0'; at++) {
		unsigned digit = *at >= 'a' ? (unsigned)(*at - 'a') + 10 : (unsigned)(*at - '0');

		if (digit > 15 || *address >> 60 != 0)
			return false;
		*address = *address << 4 | digit;
	}
	return true;
}

static bool is_whole(const struct fdt_node *node)
{
	u64 named, address, size;

	return unit_address(node->name, &named) && scan_reg(node, 0, &address, &size) &&
	       address == named;
}

static void read_chosen(struct tree_rescue *rescue, const struct fdt_node *node)
{
	struct fdt_cursor cursor = fdt_properties(rescue->scan.walk.fdt, node->offset);
	struct fdt_event event;

	while (fdt_next_property(&cursor, &event)) {
		struct fdt_value value = { event.data, event.size };

		if (strcmp(event.name, CHOSEN_BOOTARGS) == 0 && event.size != 0)
			rescue->bootargs = value;
		else if (strcmp(event.name, CHOSEN_STDOUT_PATH) == 0)
			rescue->scan.stdout_path = value;
	}
}

static void read_node(struct tree_rescue *rescue, const struct fdt_node *node)
{
	if (!fdt_is_usable(node, PROPERTY_STATUS))
		return;
	if (strcmp(node->name, "chosen") == 0)
		read_chosen(rescue, node);
	else if (strcmp(node->name, "aliases") == 0)
		rescue->scan.aliases = node->offset;
	else if (is_whole(node))
		scan_uart(&rescue->scan, node);
}

void tree_rescue_begin(struct tree_rescue *rescue, const struct fdt *fdt, struct boot_facts *facts)
{
	scan_begin(&rescue->scan, fdt, facts);
	fdt_rescue_begin(&rescue->walk, &rescue->scan.walk,
			 BIT(PROPERTY_ADDRESS_CELLS) | BIT(PROPERTY_SIZE_CELLS));
	rescue->bootargs = (struct fdt_value){ NULL, 0 };
}

bool tree_rescue_read(struct tree_rescue *rescue, struct fdt_value *seed)
{
	while (fdt_rescue_next(&rescue->walk, &rescue->scan.walk)) {
		const struct fdt_node *node = rescue->scan.walk.reached;

		read_node(rescue, node);
		if (tree_has_seed(node)) {
			*seed = fdt_value(node, PROPERTY_KASLR_SEED);
			return true;
		}
	}
	tree_choose_console(&rescue->scan);
	return false;
}
