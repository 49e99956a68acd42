/* A program outside the repository, as a user would write it: scripts/test_install.sh builds it against an installed
   Tessera. It prints the product of a matrix and its transpose. */
#include <stdio.h>

#include <tessera/memory.h>
#include <tessera/ops.h>

int main(void)
{
    const float numbers[6] = {1, 2, 3, 4, 5, 6};
    tsr_mark m = tsr_scope_open();
    tsr_tensor *a = tsr_from_data(numbers, TSR_SHAPE(2, 3), TSR_F32);
    tsr_status status = tsr_print(tsr_matmul(a, tsr_t(a)), stdout);
    tsr_scope_close(m);
    if (status != TSR_OK) {
        fprintf(stderr, "consumer: %s\n", tsr_error_message());
        return 1;
    }
    return tsr_live_tensors() == 0 ? 0 : 1;
}
