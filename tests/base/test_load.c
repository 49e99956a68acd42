/* The shared library as others load it at run time (dlopen, Python's ctypes): its thread-local variables must fit into
   the few hundred bytes that the C library keeps in reserve for all libraries that come late. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tessera/tessera.h"

/* As the library exports it: the test program itself is linked with the static one. */
static void *loaded(const char *name)
{
    void *library = dlopen(TSR_SHARED_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) fail_msg("%s", dlerror());
    void *symbol = dlsym(library, name);
    assert_non_null(symbol);
    assert_int_equal(dlclose(library), 0);
    return symbol;
}

static int find_thread_local(struct dl_phdr_info *info, size_t size, void *bytes)
{
    (void)size;
    if (!strstr(info->dlpi_name, "libtessera.so")) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS) *(size_t *)bytes = info->dlpi_phdr[i].p_memsz;
    return 1;
}

static void thread_local_variables_are_few(void **state)
{
    (void)state;
    size_t bytes = 0;
    loaded("tsr_error_status");
    assert_int_equal(dl_iterate_phdr(find_thread_local, &bytes), 1);
    assert_in_range(bytes, 1, 224);
}

static void *fail_a_sum(void *as_said)
{
    int64_t (*call)(const char *, const tsr_arg *, int64_t, tsr_tensor **, int64_t) = NULL;
    const char *(*message)(void) = NULL;
    tsr_tensor *out[1];
    *(void **)&call = loaded("tsr_call");
    *(void **)&message = loaded("tsr_error_message");
    *(bool *)as_said = call("sum", NULL, 0, out, 1) == -1 && strstr(message(), "'input' is missing");
    return NULL;
}

static void a_thread_of_the_loading_program_gets_its_own_errors_and_may_end_after_dlclose(void **state)
{
    (void)state;
    pthread_t thread;
    bool as_said = false;
    const char *(*mine)(void) = NULL;
    assert_int_equal(pthread_create(&thread, NULL, fail_a_sum, &as_said), 0);
    pthread_join(thread, NULL);
    assert_true(as_said);
    *(void **)&mine = loaded("tsr_error_message");
    assert_null(mine());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread_local_variables_are_few),
        cmocka_unit_test(a_thread_of_the_loading_program_gets_its_own_errors_and_may_end_after_dlclose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
