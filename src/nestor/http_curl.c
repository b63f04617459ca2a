/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <strings.h>

#include "http.h"
#include "str.h"

/* libcurl and its TLS take longer to load than a whole short command: only https pays for it. */
struct curl_api {
	CURL *(*init)(void);
	CURLcode (*setopt)(CURL *, CURLoption, ...);
	CURLcode (*perform)(CURL *);
	CURLcode (*getinfo)(CURL *, CURLINFO, ...);
	void (*cleanup)(CURL *);
	const char *(*strerror)(CURLcode);
	struct curl_slist *(*append)(struct curl_slist *, const char *);
	void (*free_all)(struct curl_slist *);
};

static int load(struct curl_api *api)
{
	static const char *const names[] = { "libcurl-gnutls.so.4", "libcurl.so.4", "libcurl-nss.so.4" };
	void *lib = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(names) && !lib; i++)
		lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		return -ENOENT;
	api->init = (CURL * (*)(void)) dlsym(lib, "curl_easy_init");
	api->setopt = (CURLcode(*)(CURL *, CURLoption, ...))dlsym(lib, "curl_easy_setopt");
	api->perform = (CURLcode(*)(CURL *))dlsym(lib, "curl_easy_perform");
	api->getinfo = (CURLcode(*)(CURL *, CURLINFO, ...))dlsym(lib, "curl_easy_getinfo");
	api->cleanup = (void (*)(CURL *))dlsym(lib, "curl_easy_cleanup");
	api->strerror = (const char *(*)(CURLcode))dlsym(lib, "curl_easy_strerror");
	api->append = (struct curl_slist * (*)(struct curl_slist *, const char *)) dlsym(lib, "curl_slist_append");
	api->free_all = (void (*)(struct curl_slist *))dlsym(lib, "curl_slist_free_all");
	return api->init && api->setopt && api->perform && api->getinfo && api->cleanup && api->strerror && api->append &&
		api->free_all ? 0 : -ENOENT;
}

struct transfer {
	const struct curl_api *api;
	CURL *curl;
	struct http_body body;
	bool begun;
};

static size_t take(char *data, size_t size, size_t n, void *userdata)
{
	struct transfer *t = userdata;
	const char *type = NULL;

	if (!t->begun && t->body.listener) {
		(void)(t->api->getinfo)(t->curl, CURLINFO_CONTENT_TYPE, &type);
		t->body.lines = type && strncasecmp(type, HTTP_LINES, strlen(HTTP_LINES)) == 0;
	}
	t->begun = true;
	return http_body_add(&t->body, data, size * n) < 0 ? 0 : size * n;
}

/* About once a second while nothing comes. */
static int on_transfer(void *userdata, curl_off_t down, curl_off_t down_now, curl_off_t up, curl_off_t up_now)
{
	const struct transfer *t = userdata;

	(void)down, (void)down_now, (void)up, (void)up_now;
	t->body.listener->tick(t->body.listener->arg);
	return 0;
}

static void listen_to(const struct curl_api *api, CURL *c, struct transfer *t)
{
	(void)(api->setopt)(c, CURLOPT_NOPROGRESS, 0L);
	(void)(api->setopt)(c, CURLOPT_XFERINFOFUNCTION, on_transfer);
	(void)(api->setopt)(c, CURLOPT_XFERINFODATA, t);
}

static int transfer_end(struct transfer *t, const char *url, CURLcode code, long status, struct http_reply *ret, struct err **e)
{
	int r = code == CURLE_OK ? http_body_end(&t->body, (int)status, ret) : -EIO;

	http_body_done(&t->body);
	if (r == 0)
		return 0;
	return err_advise(e, err_set_errno(e, "Nestor.DaemonUnreachable", EIO, url, "The daemon at %s cannot be reached: %s.", url,
					   r == -EPROTO ? "the connection ended within an answer" : t->api->strerror(code)),
			  "check --host, NESTOR_HOST or --hosts");
}

int http_request_curl(const char *url, const char *method, const char *body, size_t size,
		      const struct http_listener *listener, struct http_reply *ret, struct err **e)
{
	struct curl_api api;
	struct transfer t = { .api = &api, .body.listener = listener };
	struct curl_slist *headers;
	CURLcode code;
	long status = 0;
	CURL *c;

	if (load(&api) < 0)
		return err_advise(e, err_set_errno(e, "Nestor.NoTls", ENOENT, url, "https needs libcurl, which cannot be loaded."),
				  "install libcurl3-gnutls, or use the daemon's socket");
	t.curl = c = api.init();
	headers = api.append(NULL, "Content-Type: application/json");
	if (listener)
		headers = api.append(headers, HTTP_ACCEPT);
	(void)(api.setopt)(c, CURLOPT_URL, url);
	(void)(api.setopt)(c, CURLOPT_CUSTOMREQUEST, method);
	(void)(api.setopt)(c, CURLOPT_NOSIGNAL, 1L);
	(void)(api.setopt)(c, CURLOPT_WRITEFUNCTION, take);
	(void)(api.setopt)(c, CURLOPT_WRITEDATA, &t);
	if (listener)
		listen_to(&api, c, &t);
	if (body) {
		(void)(api.setopt)(c, CURLOPT_HTTPHEADER, headers);
		(void)(api.setopt)(c, CURLOPT_POSTFIELDSIZE, (long)size);
		(void)(api.setopt)(c, CURLOPT_POSTFIELDS, body);
	}
	code = api.perform(c);
	(void)(api.getinfo)(c, CURLINFO_RESPONSE_CODE, &status);
	api.free_all(headers);
	api.cleanup(c);
	return transfer_end(&t, url, code, status, ret, e);
}
