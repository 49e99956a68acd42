/* prior_condition.h: what a prior's sequences begin with: a class, the one start token, or ids as they are. */
#ifndef CLI_PRIOR_CONDITION_H
#define CLI_PRIOR_CONDITION_H

#include "tessera/gpt.h"

/* i64 [count, 1] from labels [count]: class tokens of a class-conditional prior, else start tokens. */
tsr_tensor *condition_of_labels(const tsr_gpt_config *c, tsr_tensor *labels, int64_t count);

/* i64 [count, 1], all classes in turn, or start tokens. An error when the prior has neither. */
tsr_tensor *condition_of_classes(const tsr_gpt_config *c, int64_t count);

/* i64 [count, 1] from text, "0,7" or "cat,dog": classes by number or by name (a JSON array of names, or NULL) of a
   class-conditional prior, else token ids. Fewer than `count` are repeated in turn; count 0: as many as there are. NULL and an
   error for an id or a name that is none. */
tsr_tensor *condition_of_text(const tsr_gpt_config *c, const char *class_names, const char *text, int64_t count);

#endif
