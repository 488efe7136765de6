# SPDX-License-Identifier: MIT
#
# Exceptions.

$(eval $(call room,kernel/trap,kernel))
$(call machine_only,kernel/trap/symbols.c)
