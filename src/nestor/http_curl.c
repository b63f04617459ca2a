/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>

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

static size_t take(char *data, size_t size, size_t n, void *userdata)
{
	struct str *out = userdata;

	if (out->len + size * n > HTTP_MAX_REPLY)
		return 0;
	str_addn(out, data, size * n);
	return size * n;
}

int http_request_curl(const char *url, const char *method, const char *body, size_t size, struct http_reply *ret,
		      struct err **e)
{
	struct curl_api api;
	_cleanup_str_ struct str out = {};
	struct curl_slist *headers;
	CURLcode code;
	long status = 0;
	CURL *c;

	if (load(&api) < 0)
		return err_advise(e, err_set_errno(e, "Nestor.NoTls", ENOENT, url, "https needs libcurl, which cannot be loaded."),
				  "install libcurl3-gnutls, or use the daemon's socket");
	c = api.init();
	headers = api.append(NULL, "Content-Type: application/json");
	(void)(api.setopt)(c, CURLOPT_URL, url);
	(void)(api.setopt)(c, CURLOPT_CUSTOMREQUEST, method);
	(void)(api.setopt)(c, CURLOPT_NOSIGNAL, 1L);
	(void)(api.setopt)(c, CURLOPT_WRITEFUNCTION, take);
	(void)(api.setopt)(c, CURLOPT_WRITEDATA, &out);
	if (body) {
		(void)(api.setopt)(c, CURLOPT_HTTPHEADER, headers);
		(void)(api.setopt)(c, CURLOPT_POSTFIELDSIZE, (long)size);
		(void)(api.setopt)(c, CURLOPT_POSTFIELDS, body);
	}
	code = api.perform(c);
	(void)(api.getinfo)(c, CURLINFO_RESPONSE_CODE, &status);
	api.free_all(headers);
	api.cleanup(c);
	if (code != CURLE_OK)
		return err_advise(e, err_set_errno(e, "Nestor.DaemonUnreachable", EIO, url, "The daemon at %s cannot be reached: %s.",
						   url, api.strerror(code)), "check --host, NESTOR_HOST or --hosts");
	ret->status = (int)status;
	ret->size = out.len;
	ret->body = str_take(&out);
	return 0;
}
