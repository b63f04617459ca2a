/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <time.h>

#include "libvirt_console.h"
#include "libvirt_internal.h"

/* What only looks at machines, or speaks with their guests: nobody's steps wait for any of it. */

void look_run(struct task *t)
{
	if (t->kind == TASK_NUMBERS)
		t->r = watch_numbers_get(t->conn, &t->numbers);
	else if (t->kind == TASK_CONSOLE)
		t->r = console_open(t->conn, &t->args.id, t->force, &t->fd, &t->message);
	else
		t->r = watch_agent_call(t->conn, &t->args.id, t->command, t->timeout, &t->answer, &t->message);
}

static void counted(struct machines *m, struct task *t)
{
	uint64_t now = clock_us(CLOCK_MONOTONIC);

	m->counting = false;
	vec_foreach (&t->numbers, numbers) {
		struct entry *x = entry_get(m, &numbers->id);

		if (x && is_on(&x->seen))
			watch_take_numbers(&x->watch, numbers, x->seen.memory, now, m->processors);
	}
}

/* Nobody waits for these, and nothing that is wanted depends on them. */
void looked(struct machines *m, struct task *t)
{
	struct entry *x = entry_get(m, &t->args.id);

	if (t->kind == TASK_NUMBERS)
		counted(m, t);
	else if (t->kind == TASK_AGENT && !m->closing)
		t->done(t->done_arg, t->r, t->answer, t->message);
	else if (t->kind == TASK_CONSOLE && !m->closing)
		t->opened(t->done_arg, t->r, TAKE_FD(t->fd), t->message);
	else if (t->kind == TASK_ADDRESSES && x && is_on(&x->seen) && t->boot == x->seen.mark.boot)
		watch_take_addresses(&x->watch, t->answer);
	else if (t->kind == TASK_ADDRESSES && x)
		x->watch.asking = false;
	if (t->conn)
		virConnectClose(t->conn);
}

void look_at_all(struct machines *m)
{
	struct task *t;

	if (m->counting || !m->conn)
		return;
	m->counting = true;
	t = task_new(m, TASK_NUMBERS);
	pool_submit(m->workers, &t->work);
}

/* Without a connection that is the answer. */
static void ask(struct machines *m, struct task *t)
{
	if (m->conn) {
		pool_submit(m->agents, &t->work);
		return;
	}
	t->r = -ENOTCONN;
	t->message = xstrdup(m->error ? m->error : "there is no connection to libvirt");
	news(m, t);
}

void machines_agent(struct machines *m, const struct guid *id, char *command, unsigned timeout, machine_agent_fn done,
		    void *arg)
{
	struct task *t = task_new(m, TASK_AGENT);

	t->args.id = *id;
	t->command = command;
	t->timeout = (int)timeout;
	t->done = done;
	t->done_arg = arg;
	ask(m, t);
}

void machines_console(struct machines *m, const struct guid *id, bool force, machine_console_fn opened, void *arg)
{
	struct task *t = task_new(m, TASK_CONSOLE);

	t->args.id = *id;
	t->fd = -1;
	t->force = force;
	t->opened = opened;
	t->done_arg = arg;
	ask(m, t);
}

/* Short: it is asked again soon, and others wait for the thread. */
#define ADDRESSES_TIMEOUT 3

void look_at(struct machines *m, struct entry *x)
{
	struct task *t;

	if (!m->conn || x->seen.state != MACHINE_RUNNING || !watch_wants_addresses(&x->watch))
		return;
	t = task_new(m, TASK_ADDRESSES);
	t->args.id = x->id;
	t->boot = x->seen.mark.boot;
	t->command = xstrdup(agent_interfaces_command);
	t->timeout = ADDRESSES_TIMEOUT;
	pool_submit(m->agents, &t->work);
}
