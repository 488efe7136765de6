# SPDX-License-Identifier: MIT
#
# Page tables: the regime as a value, descriptors, builder, reader, changes.

$(eval $(call built,kernel,mm/pt/change.c))
$(eval $(call room,mm/pt,shared))
