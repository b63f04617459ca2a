/* SPDX-License-Identifier: Apache-2.0 */
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		abort();
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		abort();
	return p;
}

void *xreallocarray(void *old, size_t n, size_t size)
{
	void *p = reallocarray(old, n ? n : 1, size ? size : 1);

	if (!p)
		abort();
	return p;
}

char *xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = xmalloc(len + 1);

	memcpy(p, s, len);
	p[len] = 0;
	return p;
}

char *xstrdup(const char *s)
{
	return xmemdup(s, strlen(s) + 1);
}

void *xmemdup(const void *p, size_t n)
{
	void *copy = xmalloc(n);

	if (n)
		memcpy(copy, p, n);
	return copy;
}

char *xvasprintf(const char *format, va_list ap)
{
	char *p;

	if (vasprintf(&p, format, ap) < 0)
		abort();
	return p;
}

char *xasprintf(const char *format, ...)
{
	va_list ap;
	char *p;

	va_start(ap, format);
	p = xvasprintf(format, ap);
	va_end(ap);
	return p;
}

static unsigned char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : (unsigned char)c;
}

int stricmp(const char *a, const char *b)
{
	while (*a && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return (int)lower(*a) - (int)lower(*b);
}

bool strieq(const char *a, const char *b)
{
	return stricmp(a, b) == 0;
}

bool str_has_prefix_nocase(const char *s, const char *prefix)
{
	while (*prefix) {
		if (lower(*s) != lower(*prefix))
			return false;
		s++;
		prefix++;
	}
	return true;
}

bool wildcard_has(const char *pattern)
{
	return strpbrk(pattern, "*?[") != NULL;
}

/*
 * Matches one [set] at *pattern (which points at '['); steps *pattern behind it. An unclosed [ stands for itself: last is
 * the pattern's last ], since looking for it at every [ would be another factor of the length.
 */
static bool set_match(const char **pattern, const char *last, char c)
{
	const char *p = *pattern + 1;
	bool hit = false;

	if (!last || last < p || *p == ']') {
		*pattern = p;
		return c == '[';
	}
	for (; *p != ']'; p++) {
		if (p[1] == '-' && p[2] != ']' && p[2]) {
			hit |= lower(*p) <= lower(c) && lower(c) <= lower(p[2]);
			p += 2;
		} else {
			hit |= lower(*p) == lower(c);
		}
	}
	*pattern = p + 1;
	return hit;
}

bool wildcard_match(const char *pattern, const char *s)
{
	const char *star = NULL, *resume = NULL, *last = strrchr(pattern, ']');

	while (*s) {
		const char *next = pattern;
		bool hit = false;

		if (*pattern == '*') {
			star = ++pattern;
			resume = s;
			continue;
		}
		if (*pattern == '[') {
			hit = set_match(&next, last, *s);
		} else if (*pattern) {
			hit = *pattern == '?' || lower(*pattern) == lower(*s);
			next = pattern + 1;
		}
		if (hit) {
			pattern = next;
			s++;
		} else if (star) {
			pattern = star;
			s = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

int parse_u64(const char *s, uint64_t max, uint64_t *ret)
{
	bool overflow = false;
	unsigned base = 10;
	uint64_t v = 0;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	}
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		unsigned digit;

		if (*s >= '0' && *s <= '9')
			digit = (unsigned)(*s - '0');
		else if (base == 16 && lower(*s) >= 'a' && lower(*s) <= 'f')
			digit = (unsigned)(lower(*s) - 'a' + 10);
		else
			return -EINVAL;
		overflow |= __builtin_mul_overflow(v, base, &v);
		overflow |= __builtin_add_overflow(v, digit, &v);
	}
	if (overflow || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int read_file(const char *path, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *data = NULL;
	size_t size = 0, room = 4096;

	if (fd < 0)
		return -errno;
	data = xmalloc(room + 1);
	for (;;) {
		ssize_t n;

		if (size == room) {
			if (size > max)
				return -EFBIG;
			room *= 2;
			data = xreallocarray(data, room + 1, 1);
		}
		n = read(fd, data + size, room - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	if (size > max)
		return -EFBIG;
	data[size] = 0;
	*ret = TAKE_PTR(data);
	if (ret_size)
		*ret_size = size;
	return 0;
}

int write_all(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int write_file_atomic(const char *path, const void *data, size_t size)
{
	_cleanup_free_ char *tmp = xasprintf("%s.XXXXXX", path);
	_cleanup_close_ int fd = mkostemp(tmp, O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, data, size);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(tmp);
	return r;
}

int mkdir_p(const char *path, unsigned mode)
{
	_cleanup_free_ char *copy = xstrdup(path);

	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (mkdir(copy, mode) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

#define DESCRIPTORS 8

void remove_tree(const char *path)
{
	nftw(path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

uint64_t clock_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}
