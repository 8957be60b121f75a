#pragma once

#include <map>
#include <string>

#include "base/ip_address.h"
#include "base/result.h"
#include "crypto/keys.h"

namespace warren::node {

// Where stock WireGuard devices were heard last, by their keys. Kept beside the state in a file of
// its own, a line for each: losing it costs a device that only waits up to two minutes.
using DeviceEndpoints = std::map<NodePublicKey, Endpoint>;

// What cannot be read is left out.
DeviceEndpoints load_device_endpoints(const std::string& directory);
// No endpoints: no file.
Result<void> save_device_endpoints(const std::string& directory, const DeviceEndpoints& endpoints);

}  // namespace warren::node
