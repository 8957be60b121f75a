#pragma once

#include "base/json_wire.h"
#include "crypto/key_text.h"
#include "proto/control/common.h"

// How values of the control protocol stand in JSON. Keys are texts, and the zero key is one too.
namespace warren::json::wire {

void read(const boost::json::value& from, NodePublicKey& to, const Place& place);
void read(const boost::json::value& from, MachinePublicKey& to, const Place& place);
void read(const boost::json::value& from, DiscoPublicKey& to, const Place& place);
void read(const boost::json::value& from, control::LockPublicKey& to, const Place& place);

}  // namespace warren::json::wire

namespace warren::json {

void write(Writer& out, const NodePublicKey& value);
void write(Writer& out, const MachinePublicKey& value);
void write(Writer& out, const DiscoPublicKey& value);
void write(Writer& out, const control::LockPublicKey& value);

}  // namespace warren::json

namespace warren::control {

using json::wire::Either;

}  // namespace warren::control
