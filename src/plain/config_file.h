#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "proto/wgquick/config.h"

namespace warren::plain {

struct ConfigFile {
  wgquick::Config config;
  bool is_world_readable = false;  // others on this machine can read the private key
};

// Reads a wg-quick file (or a pipe) whole; its text is wiped. Errors begin with the path.
Result<ConfigFile> load_config_file(const std::string& path);

// wg-quick's rule for names of devices: [a-zA-Z0-9_=+.-]{1,15}.
bool is_device_name(std::string_view name);

// "wg0" of "/etc/wireguard/wg0.conf"; InvalidArgument when that is no name for a device.
Result<std::string> device_name_of(std::string_view path);

}  // namespace warren::plain
