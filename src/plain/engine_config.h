#pragma once

#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "proto/uapi/reply.h"
#include "proto/uapi/request.h"
#include "proto/wgquick/config.h"
#include "wg/engine.h"

// Configurations and the engine: from the file, from the userspace interface, and back.
namespace warren::plain {

// Makes keys and peers those of the file. Like `wg syncconf`, it touches only what differs:
// sessions of peers that stay go on. Endpoints are another matter, since they are names
// (endpoint_keeper.h).
Result<void> sync_engine(const wgquick::Config& config,
                         wg::Engine& engine,
                         TimePoint now,
                         wg::Actions& out);

// The key and peers of a `set`. Zones are numbers by now. Stops at the first failure.
Result<void> apply_set(uapi::SetRequest& request,
                       wg::Engine& engine,
                       TimePoint now,
                       wg::Actions& out);

// Key and peers of the answer to `get`.
uapi::DeviceState describe_engine(const wg::Engine& engine);

}  // namespace warren::plain
