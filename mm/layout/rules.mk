# SPDX-License-Identifier: MIT
#
# What is where: regions of the address space, memory ranges, the linear map.

$(eval $(call built,kernel,mm/layout/words.c))
$(call unchecked,mm/layout/words.c)
$(eval $(call room,mm/layout,shared))
