# SPDX-License-Identifier: MIT
#
# What is where: regions of the address space, memory ranges, the linear map.

$(eval $(call room,mm/layout,shared))
