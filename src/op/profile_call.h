/* profile_call.h: what the profiler is told of an operator's call. */
#ifndef OP_PROFILE_CALL_H
#define OP_PROFILE_CALL_H

#include "base/profile.h"
#include "op/op.h"

/* Record the ended frame with the operands' shapes and the bytes of operands and results; n < 0: the call failed, and its
   arguments are not looked at. */
void profile_record_call(profile_frame *f, const op_info *info, const void *args, tsr_tensor *const *out, int64_t n);

#endif
