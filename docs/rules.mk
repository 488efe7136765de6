# SPDX-License-Identifier: MIT
#
# What documents show, made from what is built.

.PHONY: setup-view docs-images docs-session
setup-view:
	@scripts/setup view

#: docs-images    pictures in documents, again, from what is built
docs-images: setup-view
	@$(MAKE) --no-print-directory O=$(O) all
	$(Q)scripts/docs-images

#: docs-session   the sessions that documents show, likewise
docs-session: setup-test
	@$(MAKE) --no-print-directory O=$(O) all
	$(Q)scripts/docs-session

#: vmsa           docs/vmsa.md: which self test checks which rule of the manual
.PHONY: vmsa
vmsa:
	@$(MAKE) --no-print-directory O=$(O) all
	$(Q)scripts/gen-vmsa

#: selftest-costs what each self test costs, measured anew: kernel/selftest/costs.c
.PHONY: selftest-costs
selftest-costs: setup-run
	@$(MAKE) --no-print-directory O=$(O) all
	$(Q)scripts/selftest-costs
