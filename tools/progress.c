// SPDX-License-Identifier: MIT
/* A line on the terminal while something takes long, drawn by a thread: the work itself blocks. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/tool.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
/* under lock */
static char text[160];
static bool running;
/* the main thread's */
static pthread_t thread;

static void *draw(void *arg)
{
	double since = now_ms();
	bool drawn = false;

	pthread_mutex_lock(&lock);
	while (running) {
		double gone = now_ms() - since;
		struct timespec until;

		if (gone >= 1000) {
			fprintf(stderr, "\r\033[K%s, %.0f s", text, gone / 1e3);
			fflush(stderr);
			drawn = true;
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += drawn ? 250000000 : 100000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&ended, &lock, &until);
	}
	pthread_mutex_unlock(&lock);
	if (drawn)
		fputs("\r\033[K", stderr);
	return NULL;
}

void progress(const char *fmt, ...)
{
	bool start;
	va_list ap;

	if (!isatty(STDERR_FILENO))
		return;
	pthread_mutex_lock(&lock);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	start = !running;
	running = true;
	pthread_mutex_unlock(&lock);
	if (start && pthread_create(&thread, NULL, draw, NULL))
		running = false;	/* no thread, no line */
}

void progress_end(void)
{
	bool was;

	pthread_mutex_lock(&lock);
	was = running;
	running = false;
	pthread_cond_signal(&ended);
	pthread_mutex_unlock(&lock);
	if (was)
		pthread_join(thread, NULL);
}
