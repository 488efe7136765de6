# SPDX-License-Identifier: MIT
#
# From the flip to the prompt.

$(eval $(call room,kernel/start,kernel))
$(call machine_only,kernel/start/main.c)
# Done once: size pays.
$(call compiled_with,-Os,$(wildcard kernel/start/*.c))
