#include "e2e/static_map.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "base/hex.h"
#include "base/json_map.h"
#include "base/secret.h"

namespace warren::e2e {

namespace {

// Reads a text and turns it into a value; `why` when that fails.
template <class T, class Parse>
void convert(
    json::ObjectReader& visit, std::string_view name, std::string_view why, Parse parse, T& to) {
  std::string text;
  visit(name, text);
  if (text.empty()) return;
  std::optional<T> value = parse(text);
  visit.check(name, value.has_value(), why);
  if (value) to = std::move(*value);
}

template <class Key>
std::optional<Key> parse_key(const std::string& text) {
  std::array<std::uint8_t, kKeySize> bytes{};
  const bool is_good = parse_base64(text, bytes);
  std::optional<Key> out;
  if (is_good) out.emplace(bytes);
  wipe(bytes);
  return out;
}

template <class Key>
void key(json::ObjectReader& visit, std::string_view name, Key& to) {
  convert(visit, name, "expected 32 bytes in base64", parse_key<Key>, to);
}

// A list of texts, each turned into a value.
template <class T, class Parse>
void convert_all(json::ObjectReader& visit,
                 std::string_view name,
                 std::string_view why,
                 Parse parse,
                 std::vector<T>& to) {
  std::vector<std::string> texts;
  visit(name, texts);
  for (const std::string& text : texts) {
    const std::optional<T> value = parse(text);
    visit.check(name, value.has_value(), why);
    if (value) to.push_back(*value);
  }
}

std::optional<io::LinkAddress> parse_link_address(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  const auto prefix = IpPrefix::parse(text);
  if (!address || !prefix) return std::nullopt;
  return io::LinkAddress{.link = 0, .address = *address, .prefix_length = prefix->length()};
}

// relay::Map and its parts belong to another folder: what is read is one of these.
struct RelayEntry {
  relay::Node node;
};

struct RegionEntry {
  relay::Region region;
};

void fields(json::ObjectReader& visit, RelayEntry& x) {
  visit("name", x.node.name);
  visit.required("host_name", x.node.host_name);
  visit("cert_name", x.node.cert_name);
  visit("ipv4", x.node.ipv4);
  visit("ipv6", x.node.ipv6);
  visit("relay_port", x.node.relay_port);
  visit("stun_port", x.node.stun_port);
}

void fields(json::ObjectReader& visit, RegionEntry& x) {
  std::vector<RelayEntry> nodes;
  visit.required("id", x.region.id.value);
  visit("code", x.region.code);
  visit("name", x.region.name);
  visit.required("nodes", nodes);
  visit.check("id", x.region.id != relay::kNoRegion, "expected 1 to 65535");
  for (RelayEntry& entry : nodes) {
    if (entry.node.name.empty()) entry.node.name = entry.node.host_name;
    x.region.nodes.push_back(std::move(entry.node));
  }
}

}  // namespace

void fields(json::ObjectReader& visit, StaticPeer& x) {
  key(visit, "public_key", x.config.node_key);
  key(visit, "disco_key", x.config.disco_key);
  visit("allowed_ips", x.allowed_ips);
  convert_all(visit, "endpoints", "expected addresses with ports", Endpoint::parse,
              x.config.endpoints);
  visit("home", x.config.home.value);
  visit.check("public_key", !x.config.node_key.is_zero(), "is missing");
}

void fields(json::ObjectReader& visit, StaticMap& x) {
  std::vector<RegionEntry> regions;
  key(visit, "private_key", x.private_key);
  key(visit, "disco_key", x.disco_key);
  visit("device", x.device);
  convert_all(visit, "addresses", "expected addresses with lengths", parse_link_address,
              x.addresses);
  visit("port", x.port);
  visit("mtu", x.mtu);
  visit("mark", x.mark);
  visit("regions", regions);
  visit("peers", x.peers);
  visit.check("private_key", !x.private_key.is_zero(), "is missing");
  visit.check("disco_key", !x.disco_key.is_zero(), "is missing");
  for (RegionEntry& entry : regions) x.relays.regions.push_back(std::move(entry.region));
  std::ranges::sort(x.relays.regions, {}, &relay::Region::id);
}

Result<StaticMap> parse_static_map(std::string_view text) {
  return json::read_text<StaticMap>(text);
}

Result<StaticMap> load_static_map(const std::string& path) {
  std::ifstream file(path);
  if (!file) return unexpected(errno_error("open " + path, errno));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return unexpected(errno_error("read " + path, errno));
  auto map = parse_static_map(text);
  if (!map) return with_context(path, std::move(map).error());
  return map;
}

std::vector<IpPrefix> extra_routes(const StaticMap& map) {
  std::vector<IpPrefix> out;
  for (const StaticPeer& peer : map.peers) {
    for (const IpPrefix& prefix : peer.allowed_ips) {
      const bool is_covered = std::ranges::any_of(map.addresses, [&](const io::LinkAddress& own) {
        return own.prefix_length <= prefix.length() &&
               IpPrefix(own.address, own.prefix_length).contains(prefix.address());
      });
      if (!is_covered) out.push_back(prefix);
    }
  }
  return out;
}

}  // namespace warren::e2e
