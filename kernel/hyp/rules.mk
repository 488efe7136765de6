# SPDX-License-Identifier: MIT
#
# The host's side of the hypervisor: decides, prepares, asks.

$(eval $(call room,kernel/hyp,kernel))
$(call machine_only,kernel/hyp/memory.c kernel/hyp/start.c \
	kernel/hyp/guest.c kernel/hyp/guest_vhe.c)
# Nobody is in a hurry, and a boot pays for the size of text.
$(call compiled_with,-Os,$(wildcard kernel/hyp/*.c))
