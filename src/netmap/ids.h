#pragma once

#include "proto/control/common.h"

// Rows' numbers: positive, below 2^53, never used again (spec: server section 1.2). They are what
// nodes are told.
namespace warren::netmap {

using control::NodeId;
using control::UserId;

}  // namespace warren::netmap
