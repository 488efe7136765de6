# SPDX-License-Identifier: MIT
#
# The console and its log.

$(eval $(call room,kernel/console,kernel))
# Keys come one at a time.
$(call compiled_with,-Os,kernel/console/input.c kernel/console/receive.c)
