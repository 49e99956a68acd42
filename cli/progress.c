/* progress.c: the bar.

   A line is drawn over the last one, as wide as the terminal. Where stderr is a file or a pipe, whole lines are written
   instead, the first at once and then one every few seconds, so that a log stays readable. */
#include "progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 24 };

double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

progress progress_start(const char *unit, int64_t first, int64_t total, bool shown)
{
    return (progress){.unit = unit,
                      .first = first,
                      .total = total,
                      .shown = shown,
                      .terminal = isatty(STDERR_FILENO) == 1,
                      .started = now_seconds(),
                      .last = -1e9};
}

static const char *format_time(double seconds, char *buffer, size_t size)
{
    long s = seconds < 0 ? 0 : seconds > 3.6e8 ? 360000000 : (long)(seconds + 0.5);
    if (s >= 3600) snprintf(buffer, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else snprintf(buffer, size, "%ld:%02ld", s / 60, s % 60);
    return buffer;
}

static int terminal_width(void)
{
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

static void draw_bar(double part)
{
    int filled = (int)(part * BAR_WIDTH + 0.5);
    fputs("\r[", stderr);
    for (int i = 0; i < BAR_WIDTH; i++) fputc(i < filled ? '#' : '.', stderr);
    fputs("] ", stderr);
}

void progress_update(progress *p, int64_t done, const char *note)
{
    double now = now_seconds(), pause = p->terminal ? 0.1 : 5;
    if (!p->shown || (now - p->last < pause && done < p->total)) return;
    p->last = now;
    char line[512], left[32];
    double rate = (double)(done - p->first) / (now - p->started + 1e-9);
    snprintf(line, sizeof line, "%lld/%lld %s  %.3g/s  %s left  %s", (long long)done, (long long)p->total, p->unit,
             rate, format_time((double)(p->total - done) / (rate + 1e-12), left, sizeof left), note ? note : "");
    if (!p->terminal) {
        fprintf(stderr, "%s\n", line);
        return;
    }
    draw_bar(p->total > 0 ? (double)done / (double)p->total : 1);
    fprintf(stderr, "%.*s\033[K", terminal_width() - BAR_WIDTH - 4, line);
    fflush(stderr);
}

void progress_end(progress *p)
{
    if (p->shown && p->terminal) fputs("\r\033[K", stderr);
}
