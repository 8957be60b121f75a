#include "main/node/config.h"

#include "base/json_map.h"
#include "base/log.h"
#include "io/file.h"

namespace warren::noded {
namespace {

constexpr std::size_t kMaxConfig = std::size_t{1} << 20;
constexpr std::size_t kMaxDeviceName = 15;  // IFNAMSIZ - 1

}  // namespace

template <class Visitor>
static void fields(Visitor& visit, Config& x) {
  visit("state-dir", x.state_dir);
  visit("socket", x.socket);
  visit("device", x.device);
  visit.check("device", !x.device.empty() && x.device.size() <= kMaxDeviceName,
              "has 1 to 15 characters");
  visit("port", x.port);
  visit("log-level", x.log_level);
  visit.check("log-level", parse_log_level(x.log_level) != nullptr,
              R"(expected one of "trace", "debug", "info", "warn", "error")");
}

Result<Config> parse_config(std::string_view text) {
  return json::read_text<Config>(text);
}

Result<Config> load_config(const std::string& path) {
  const std::string from = path.empty() ? std::string(kConfigPath) : path;
  const auto text = io::read_file(from, kMaxConfig);
  if (!text && path.empty() && text.error().code == Errc::NotFound) return Config{};
  if (!text) return unexpected(text.error());
  auto out = parse_config(*text);
  if (!out) return with_context(from, std::move(out).error());
  return out;
}

}  // namespace warren::noded
