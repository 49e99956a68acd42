/* tessera.h: all of Tessera.

   Start with tensor.h (tensors, ownership) and error.h; ops.h lists the operators; autograd.h differentiates them; nn.h
   and optim.h train networks; data.h, io.h, image.h and events.h read and write files; vqgan.h and gpt.h are the models;
   profile.h says where the time goes. */
#ifndef TESSERA_TESSERA_H
#define TESSERA_TESSERA_H

#include "tessera/autograd.h"
#include "tessera/call.h"
#include "tessera/data.h"
#include "tessera/dtype.h"
#include "tessera/error.h"
#include "tessera/events.h"
#include "tessera/gpt.h"
#include "tessera/image.h"
#include "tessera/io.h"
#include "tessera/memory.h"
#include "tessera/named.h"
#include "tessera/nn.h"
#include "tessera/node.h"
#include "tessera/observe.h"
#include "tessera/ops.h"
#include "tessera/optim.h"
#include "tessera/profile.h"
#include "tessera/random.h"
#include "tessera/runtime.h"
#include "tessera/tensor.h"
#include "tessera/vqgan.h"

#endif
