#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

// The node's configuration file: JSON with comments and trailing commas. What the user wants of the
// overlay is not here but in the preferences (`warren set`).
namespace warren::noded {

struct Config {
  std::string state_dir = "/var/lib/warren/node";
  std::string socket = "/run/warren/warrend.sock";
  std::string device = "warren0";
  std::uint16_t port = 41641;
  std::string log_level = "info";

  bool operator==(const Config&) const = default;
};

inline constexpr std::string_view kConfigPath = "/etc/warren/node.json";

Result<Config> parse_config(std::string_view text);
// `path` empty: kConfigPath if it is there, else the defaults.
Result<Config> load_config(const std::string& path);

}  // namespace warren::noded
