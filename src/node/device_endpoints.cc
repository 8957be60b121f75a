#include "node/device_endpoints.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include <unistd.h>

#include <fmt/format.h>

#include "crypto/key_text.h"
#include "io/file.h"

namespace warren::node {

namespace {

// 65,536 peers (wg/constants.h) of which each has a line of at most 72 + 1 + 48 characters.
constexpr std::size_t kMaxFile = std::size_t{8} << 20;
constexpr const char* kName = "/device-endpoints";

}  // namespace

DeviceEndpoints load_device_endpoints(const std::string& directory) {
  DeviceEndpoints out;
  const auto text = io::read_file(directory + kName, kMaxFile);
  if (!text) return out;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    NodePublicKey key;
    const auto endpoint = Endpoint::parse(line.substr(space + 1));
    if (parse_key_text(line.substr(0, space), key) && endpoint) out.emplace(key, *endpoint);
  }
  return out;
}

Result<void> save_device_endpoints(const std::string& directory, const DeviceEndpoints& endpoints) {
  const std::string path = directory + kName;
  if (endpoints.empty()) {
    if (unlink(path.c_str()) != 0 && errno != ENOENT)
      return unexpected(errno_error("remove " + path, errno));
    return {};
  }
  std::string text;
  for (const auto& [key, endpoint] : endpoints) {
    text += fmt::format("{} {}\n", to_text(key), endpoint.to_string());
  }
  return io::replace_file(path, text, 0600);
}

}  // namespace warren::node
