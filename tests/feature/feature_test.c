/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

int main(void)
{
	int failed = vm_tests() + machine_tests() + drive_tests() + copy_tests() + vhd_tests() + firmware_tests();

	failed += metering_tests();
	failed += switch_tests();
	failed += adapter_tests();
	failed += acl_tests();
	failed += netadapter_tests();
	failed += statistics_tests();
	failed += trace_tests();
	return failed ? 1 : 0;
}
