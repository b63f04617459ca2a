/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

int run_image_tests(void);
