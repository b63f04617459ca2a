/* SPDX-License-Identifier: Apache-2.0 */
#include "cmdlet_test.h"

int main(void)
{
	int failed = bind_tests();

	failed += server_tests();
	return failed ? 1 : 0;
}
