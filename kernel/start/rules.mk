# SPDX-License-Identifier: MIT
#
# From the flip to the prompt.

$(eval $(call room,kernel/start,kernel))
$(call machine_only,$(wildcard kernel/start/*.c))
