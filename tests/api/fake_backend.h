/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api.h"
#include "vec.h"

/*
 * A backend that shows what it was asked:
 *   Test-Echo     answers at once: status 200, {"type": "Echo", "objects": [{cmdlet, body, uid, gid, sequence}], ...}
 *   Test-Later    answers when Test-Release is called, as Test-Echo
 *                 (parameters.Early: and tells that as its percentage at once)
 *   Test-Tell     tells parameters.Percent as the percentage of all that wait and may tell; then as Test-Echo
 *   Test-Release  answers all that wait, in the order in which they came, then itself
 *   Test-Status   answers with the status in parameters.Status
 *   Test-Stream   answers by a stream, which says "hello " and what came with the request, and ends
 *   Test-Nothing  answers without a result
 *   Test-Count    answers with the counters below, without counting itself
 */
struct fake_backend {
	unsigned describes;  /* of the whole catalogue */
	unsigned invokes;
	unsigned cancels;
	bool answers_cancel; /* answers a cancelled call at once, from within cancel() */
	VEC(struct fake_pending *) pending;
};

struct api_backend fake_backend_make(struct fake_backend *fake);
/* Answers what still waits. */
void fake_backend_done(struct fake_backend *fake);
