/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirt_internal.h"

/* What is to be done next about a machine, of what is known and wanted: pure. */

bool is_on(const struct seen *s)
{
	return s->state == MACHINE_RUNNING || s->state == MACHINE_PAUSED;
}

bool has_begun(const struct seen *s)
{
	return is_on(s) && !s->starting;
}

/* Of a machine that runs as it should. */
static bool next_memory_step(const struct entry *x, enum step *ret)
{
	uint64_t has = x->resized ? x->resized : x->seen.memory, want = x->want_memory.startup;

	*ret = x->want_memory.dynamic ? STEP_BALANCE : STEP_RESIZE;
	if (x->seen.state != MACHINE_RUNNING)
		return false;
	return x->want_memory.dynamic ? x->balance : (want > has ? want - has : has - want) >= MACHINE_MEMORY_BLOCK;
}

bool wants_on(const struct entry *x)
{
	return x->wanted && (x->wish == MACHINE_WANT_RUNNING || x->wish == MACHINE_WANT_PAUSED);
}

/* Of a machine that is on. */
static bool next_step_on(const struct entry *x, enum step *ret)
{
	bool paused = x->seen.state == MACHINE_PAUSED;

	if (x->seen.starting && x->wanted && x->wish != MACHINE_WANT_OFF) {
		*ret = STEP_AWAIT;
		return true;
	}
	if (x->wanted && x->wish == MACHINE_WANT_SAVED) {
		*ret = STEP_SAVE;
		return true;
	}
	if (!wants_on(x) || x->seen.mark.boot != x->want_boot) {
		*ret = STEP_DESTROY;
		return true;
	}
	if (!streq(x->seen.mark.drives, x->want_mark.drives)) {
		*ret = STEP_DRIVES;
		return true;
	}
	if (x->stalled)
		return false;
	*ret = paused ? STEP_RESUME : STEP_SUSPEND;
	if (paused != (x->wish == MACHINE_WANT_PAUSED))
		return true;
	/* A guest that does not run cannot let go of anything. */
	*ret = STEP_NICS;
	return (!paused && x->seen.nics != x->want_nics) || next_memory_step(x, ret);
}

/* Of one that is off, or unknown to libvirt. */
static bool next_step_off(const struct entry *x, enum step *ret)
{
	bool start = wants_on(x);

	if (x->seen.saved && (!x->wanted || x->wish == MACHINE_WANT_OFF)) {
		*ret = STEP_DISCARD;
		return true;
	}
	if (!x->wanted) {
		*ret = STEP_UNDEFINE;
		return x->seen.state == MACHINE_OFF;
	}
	*ret = start ? STEP_START : STEP_DEFINE;
	return start || x->seen.state == MACHINE_ABSENT || (!x->seen.saved && !streq(x->seen.mark.digest, x->want_mark.digest));
}

bool next_change(const struct entry *x, enum step *ret)
{
	if (x->ended)
		return false;
	if (x->shut_down && is_on(&x->seen)) {
		*ret = STEP_SHUTDOWN;
		return true;
	}
	return is_on(&x->seen) ? next_step_on(x, ret) : next_step_off(x, ret);
}

bool next_step(const struct entry *x, enum step *ret)
{
	if (x->unsure) {
		*ret = STEP_QUERY;
		return true;
	}
	return !x->error && next_change(x, ret);
}
