/* error.c: the pending error of each thread, and warnings.

   The first error stays until it is cleared: what follows it is only its consequence. Both kinds of text go through
   buffers of one size, so that reporting "no memory" needs none beyond what the thread has; a longer sentence is cut and
   ends in "...". */
#include "tessera/error.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/thread_room.h"
#include "base/util.h"

static TSR_THREAD_LOCAL tsr_status pending_status = TSR_OK;

static void format_cut(char *out, const char *format, va_list args)
{
    int n = vsnprintf(out, TSR_MESSAGE_ROOM, format, args);
    if (n < 0) snprintf(out, TSR_MESSAGE_ROOM, "(a message that could not be formatted: %.100s)", format);
    if (n >= TSR_MESSAGE_ROOM) memcpy(out + TSR_MESSAGE_ROOM - 4, "...", 4);
}

const char *tsr_error_message(void)
{
    if (pending_status == TSR_OK) return NULL;
    tsr_thread_room *room = tsr_get_thread_room();
    return room ? room->message : "no memory, not even for the text of an error";
}

tsr_status tsr_error_status(void) { return pending_status; }

void tsr_error_clear(void) { pending_status = TSR_OK; }

tsr_status tsr_fail(tsr_status status, const char *format, ...)
{
    if (status == TSR_OK || pending_status != TSR_OK) return status;
    tsr_thread_room *room = tsr_get_thread_room();
    va_list args;
    va_start(args, format);
    if (room) format_cut(room->message, format, args);
    va_end(args);
    pending_status = status;
    return status;
}

void tsr_error_name(const char *name)
{
    tsr_thread_room *room = tsr_get_thread_room();
    size_t n = strlen(name), kept;
    if (pending_status == TSR_OK || !room || n + 2 >= TSR_MESSAGE_ROOM / 2) return;
    if (strncmp(room->message, name, n) == 0 && room->message[n] == ':') return;
    kept = strnlen(room->message, TSR_MESSAGE_ROOM - n - 3);
    memmove(room->message + n + 2, room->message, kept);
    memcpy(room->message, name, n);
    memcpy(room->message + n, ": ", 2);
    room->message[n + 2 + kept] = 0;
}

/* ---- warnings ---- */

static void warn_on_stderr(const char *message, void *user)
{
    (void)user;
    fprintf(stderr, "tessera: warning: %s\n", message);
}

static pthread_mutex_t handler_lock = PTHREAD_MUTEX_INITIALIZER;
static tsr_warning_handler handler_now = warn_on_stderr;
static void *handler_user = NULL;

void tsr_set_warning_handler(tsr_warning_handler handler, void *user)
{
    pthread_mutex_lock(&handler_lock);
    handler_now = handler;
    handler_user = user;
    pthread_mutex_unlock(&handler_lock);
}

void tsr_warn(const char *format, ...)
{
    char message[TSR_MESSAGE_ROOM];
    va_list args;
    va_start(args, format);
    format_cut(message, format, args);
    va_end(args);
    pthread_mutex_lock(&handler_lock);
    tsr_warning_handler handler = handler_now;
    void *user = handler_user;
    pthread_mutex_unlock(&handler_lock); /* the handler may set another one, or warn itself */
    if (handler) handler(message, user);
}
