# SPDX-License-Identifier: MIT
#
# What is where: regions of the address space, memory ranges, the linear map.

$(eval $(call built,kernel,mm/layout/words.c))
$(eval $(call room,mm/layout,shared))
# The linear map is made once, before memory_release_init() unmaps its code.
start_objects += $(call objects_of,mm/layout/linear.c)
