/* SPDX-License-Identifier: Apache-2.0 */
#include "vm_exec.h"

#include "feature.h"
#include "vm_rules.h"

struct run {
	struct exec *exec;
	char *vm_name;
	bool running;
	char *output; /* NULL until it is done */
	int status;
	struct err *error; /* why it could not run */
};

struct exec {
	struct call *call;
	size_t left; /* runs that are not done, and one while they are being started */
	size_t n;
	struct run runs[];
};

/* What a guest prints is bytes; JSON wants UTF-8. */
static json_t *line_to_json(const char *line, size_t len)
{
	_cleanup_free_ char *plain = NULL;
	json_t *j = json_stringn(line, len);

	if (j)
		return j;
	plain = xstrndup(line, len);
	for (char *p = plain; *p; p++)
		if (*p & 0x80)
			*p = '?';
	return json_string(plain);
}

static size_t line_length(const char *line)
{
	size_t len = strcspn(line, "\n");

	return len && line[len - 1] == '\r' ? len - 1 : len;
}

/* Emits each line; returns the last that is not empty (within output), or "". */
static const char *emit_lines(struct call *c, const char *output)
{
	const char *last = "";

	for (const char *line = output; *line;) {
		size_t len = line_length(line);

		call_emit_json(c, line_to_json(line, len));
		if (len)
			last = line;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return last;
}

static void run_report(struct call *c, struct run *run)
{
	struct err *e = NULL;
	const char *last;
	int r;

	last = emit_lines(c, run->output ? run->output : "");
	if (run->error) {
		free(run->error->target);
		run->error->target = xstrdup(run->vm_name);
		call_error(c, &run->error);
		return;
	}
	if (run->status == 0)
		return;
	r = err_set(&e, "RemoteCommandFailed", ERR_INVALID_OPERATION, run->vm_name,
		    "The command in the virtual machine \"%s\" ended with status %d%s%.*s", run->vm_name, run->status,
		    *last ? ": " : ".", (int)MIN(line_length(last), 500u), last);
	err_advise(&e, r, "What it printed is in the output; correct the command or the guest.");
	call_error(c, &e);
}

static void exec_step(struct exec *x)
{
	struct call *c = x->call;

	if (--x->left)
		return;
	for (size_t i = 0; i < x->n; i++) {
		run_report(c, &x->runs[i]);
		free(x->runs[i].vm_name);
		free(x->runs[i].output);
	}
	free(x);
	call_complete(c, NULL);
}

static void run_done(void *arg, int exit_status, char *output, struct err *e)
{
	struct run *run = arg;

	run->running = false;
	run->status = exit_status;
	run->output = output;
	run->error = e;
	exec_step(run->exec);
}

static int check_running(struct host *host, const struct vm_doc *vm, struct err **e)
{
	struct host_guest guest = { 0 };

	if (host->guest(host, &vm->id, &guest) == 0 && guest.running && !guest.paused)
		return 0;
	if (guest.paused)
		return refuse_state(vm->name, "Let the virtual machine go on first (Resume-VM).", e);
	return refuse_state(vm->name, "Start the virtual machine first (Start-VM).", e);
}

static void run_start(struct exec *x, const struct vm_doc *vm, const char *script)
{
	struct host *host = call_host(x->call);
	struct run *run = &x->runs[x->n++];
	struct err *e = NULL;
	int r;

	run->exec = x;
	run->vm_name = xstrdup(vm->name);
	run->running = true;
	x->left++;
	r = host->exec(host, &vm->id, script, call_uint(x->call, "TimeoutSec", vm_exec_timeout) * 1000, run_done, run, &e);
	if (r < 0) {
		err_set_errno(&e, "RemoteCommandFailed", -r, vm->name,
			      "The command cannot be run in the virtual machine \"%s\": %s.", vm->name, strerror(-r));
		run_done(run, 0, NULL, e);
	}
}

/* Nobody waits for the answer any more: what still runs is ended. */
static void exec_cancel(void *arg)
{
	struct exec *x = arg;
	struct host *host = call_host(x->call);

	x->left++;
	for (size_t i = 0; i < x->n; i++)
		if (x->runs[i].running)
			host->exec_end(host, &x->runs[i]);
	exec_step(x);
}

int vm_invoke_command(struct call *c, struct err **e)
{
	const char *script = call_str(c, "ScriptBlock", "");
	struct host *host = call_host(c);
	vm_vec vms = { 0 };
	struct exec *x;

	(void)e;
	vm_select(c, "VMName", NULL, &vms);
	x = xcalloc(1, sizeof(*x) + vms.n * sizeof(x->runs[0]));
	x->call = c;
	x->left = 1;
	vec_foreach(&vms, vm) {
		struct err *state = NULL;

		if (check_running(host, *vm, &state) < 0)
			call_error(c, &state);
		else
			run_start(x, *vm, script);
	}
	vec_done(&vms);
	if (!x->n) {
		free(x);
		return 0;
	}
	call_on_cancel(c, exec_cancel, x);
	exec_step(x);
	return CALL_PENDING;
}
