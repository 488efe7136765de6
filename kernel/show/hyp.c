// SPDX-License-Identifier: MIT
/*
 * The command hyp: what runs at EL2, and whether it goes on to.
 * Runs in the kernel at EL1, MMU on.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/hyp/hyp.h>
#include <pagoda/kernel/prompt/command.h>

COMMAND(185, hyp, "[stop|start]",
	"the hypervisor at EL2; or give EL2 back to the stub, and to it again", "hyp",
	"stop start");

static void stop(const struct kernel *kernel)
{
	print(hyp_stop_cpu(kernel) ? "hyp: EL2 is the stub's; the kernel has no stage 2\n" :
				     "hyp: no hypervisor runs\n");
}

static void show(const struct kernel *kernel)
{
	const struct hyp *hyp = kernel->hyp;
	u64 x[3];

	if (!hyp)
		print("hyp: none: kvm-arm.mode= asks for none\n");
	else if (!hyp_runs(kernel))
		print("hyp: none: %s\n",
		      hyp->result == HYP_OK ? "stopped" : hyp_result_str(hyp->result));
	else if (hyp_call(EL2_FAULT, 0, 0, 0, x) == EL2_OK)
		print("%s on %u of %u CPUs; %lu accesses of the kernel's were refused\n",
		      hyp_mode_str(hyp->mode), hyp->running, hyp->cpus, x[0]);
}

static void start(const struct kernel *kernel)
{
	const struct hyp *hyp = kernel->hyp;
	enum hyp_result result;

	if (!hyp || hyp_runs(kernel) || hyp->result != HYP_OK) {
		show(kernel);
		return;
	}
	result = hyp_start_cpu(kernel, 0);
	if (result == HYP_OK)
		print("hyp: it runs again\n");
	else
		print("hyp: none: %s\n", hyp_result_str(result));
}

static void command_hyp(const struct kernel *kernel, const struct arguments *arguments)
{
	if (!argument_count(arguments, 0, 1))
		return;
	if (arguments->count == 0)
		show(kernel);
	else if (argument_is(arguments, 0, "stop"))
		stop(kernel);
	else if (argument_is(arguments, 0, "start"))
		start(kernel);
	else
		argument_refuse(arguments, 0, "is neither stop nor start");
}
