#include "proto/wgquick/config.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/hex.h"
#include "proto/wgquick/value.h"

namespace warren::wgquick {

namespace {

enum class Section : std::uint8_t { None, Interface, Peer };

enum class Key : std::uint8_t {
  PrivateKey,
  Address,
  ListenPort,
  Mtu,
  Table,
  FwMark,
  SaveConfig,
  Dns,
  Hook,
  PublicKey,
  PresharedKey,
  AllowedIps,
  Endpoint,
  PersistentKeepalive,
};

struct KeyName {
  std::string_view text;
  Section section;
  Key key;
};

constexpr std::array kKeys{
    KeyName{"PrivateKey", Section::Interface, Key::PrivateKey},
    KeyName{"Address", Section::Interface, Key::Address},
    KeyName{"ListenPort", Section::Interface, Key::ListenPort},
    KeyName{"MTU", Section::Interface, Key::Mtu},
    KeyName{"Table", Section::Interface, Key::Table},
    KeyName{"FwMark", Section::Interface, Key::FwMark},
    KeyName{"SaveConfig", Section::Interface, Key::SaveConfig},
    KeyName{"DNS", Section::Interface, Key::Dns},
    KeyName{"PreUp", Section::Interface, Key::Hook},
    KeyName{"PostUp", Section::Interface, Key::Hook},
    KeyName{"PreDown", Section::Interface, Key::Hook},
    KeyName{"PostDown", Section::Interface, Key::Hook},
    KeyName{"PublicKey", Section::Peer, Key::PublicKey},
    KeyName{"PresharedKey", Section::Peer, Key::PresharedKey},
    KeyName{"AllowedIPs", Section::Peer, Key::AllowedIps},
    KeyName{"Endpoint", Section::Peer, Key::Endpoint},
    KeyName{"PersistentKeepalive", Section::Peer, Key::PersistentKeepalive},
};

constexpr std::string_view kKeyHint =
    "must be 32 bytes in base64, 44 characters: make one with `wg genkey`";

std::string_view to_string(Section section) {
  return section == Section::Peer ? "[Peer]" : "[Interface]";
}

// Reads line by line into a Config. Each handler returns what is wrong, without the line's number.
class Parser {
 public:
  Result<Config> parse(std::string_view text);

 private:
  using Problem = std::unexpected<std::string>;
  using Outcome = std::expected<void, std::string>;

  Outcome read_line(std::string_view line);
  Outcome begin_section(std::string_view name);
  Outcome end_section();
  Outcome set(const KeyName& key, std::string_view value);
  Outcome set_interface(const KeyName& key, std::string_view value);
  Outcome set_peer(const KeyName& key, std::string_view value);
  Outcome refuse_hook(const KeyName& key);
  Outcome set_save_config(std::string_view value);
  Outcome add_addresses(std::string_view list);
  Outcome add_allowed_ips(std::string_view list);
  Outcome set_public_key(std::string_view value);

  bool is_seen(Key key) const { return (seen_ >> std::to_underlying(key) & 1U) != 0; }

  Config config_;
  Section section_ = Section::None;
  bool had_interface_ = false;
  std::uint32_t seen_ = 0;  // one bit a Key: what this section has given
  std::size_t line_ = 0;
  std::size_t section_line_ = 0;
  std::size_t allowed_ips_ = 0;
  std::unordered_map<NodePublicKey, std::size_t> peer_lines_;
};

std::unexpected<Error> fail_at(std::size_t line, std::string_view problem) {
  return fail(Errc::InvalidArgument, fmt::format("line {}: {}", line, problem));
}

Result<Config> Parser::parse(std::string_view text) {
  if (text.size() > kMaxFileSize) {
    return fail(Errc::InvalidArgument,
                fmt::format("the file is larger than {} KiB: is it a WireGuard configuration?",
                            kMaxFileSize / 1024));
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // editors' byte order mark
  while (!text.empty()) {
    ++line_;
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (const auto done = read_line(line); !done) return fail_at(line_, done.error());
  }
  if (const auto done = end_section(); !done) return fail_at(section_line_, done.error());
  if (!had_interface_) {
    return fail_at(std::max<std::size_t>(line_, 1),
                   "there is no [Interface] section: add one with PrivateKey and Address");
  }
  return std::move(config_);
}

Parser::Outcome Parser::read_line(std::string_view line) {
  if (line.size() > kMaxLineSize) return Problem("longer than 64 KiB: divide the list over lines");
  line = trim(line.substr(0, line.find('#')));
  if (line.empty()) return {};
  if (line.starts_with('[')) return begin_section(line);

  const std::size_t equals = line.find('=');
  const std::string_view name = trim(line.substr(0, equals));
  const auto* const key = std::ranges::find_if(
      kKeys, [&](const KeyName& known) { return equal_ignoring_case(known.text, name); });
  if (equals == std::string_view::npos) {
    return Problem("expected `Key = value`, a [section] or a # comment");
  }
  if (key == kKeys.end()) {
    // A key that lost its name would be the name here: what may be one is not repeated.
    const bool is_word = name.size() <= 24 && std::ranges::all_of(name, [](char c) {
                           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
                         });
    return Problem(fmt::format(
        "{} is not a key of a WireGuard configuration: [Interface] takes PrivateKey, Address, "
        "ListenPort, MTU, Table and FwMark; [Peer] takes PublicKey, PresharedKey, AllowedIPs, "
        "Endpoint and PersistentKeepalive",
        is_word ? name : "what stands before `=`"));
  }
  return set(*key, trim(line.substr(equals + 1)));
}

Parser::Outcome Parser::begin_section(std::string_view name) {
  if (const auto done = end_section(); !done) {
    return Problem(
        fmt::format("the section that began on line {}: {}", section_line_, done.error()));
  }
  section_line_ = line_;
  seen_ = 0;
  if (equal_ignoring_case(name, "[Interface]")) {
    if (had_interface_) return Problem("a second [Interface] section: merge it into the first");
    had_interface_ = true;
    section_ = Section::Interface;
    return {};
  }
  if (!equal_ignoring_case(name, "[Peer]")) {
    return Problem("unknown section: write [Interface] or [Peer]");
  }
  if (config_.peers.size() == kMaxPeers) {
    return Problem(fmt::format("more than {} peers: divide them over two devices", kMaxPeers));
  }
  config_.peers.emplace_back();
  section_ = Section::Peer;
  return {};
}

Parser::Outcome Parser::end_section() {
  if (section_ == Section::Interface && !is_seen(Key::PrivateKey)) {
    return Problem("[Interface] has no PrivateKey: make one with `wg genkey`");
  }
  if (section_ == Section::Peer && !is_seen(Key::PublicKey)) {
    return Problem(
        "this [Peer] has no PublicKey: ask for it at the other end (`wg show DEV public-key`)");
  }
  return {};
}

Parser::Outcome Parser::set(const KeyName& key, std::string_view value) {
  if (section_ == Section::None) {
    return Problem(fmt::format("{} stands before the first section: write {} above it", key.text,
                               to_string(key.section)));
  }
  if (key.section != section_) {
    return Problem(fmt::format("{} belongs into {}, this is {}", key.text, to_string(key.section),
                               to_string(section_)));
  }
  const bool is_list =
      key.key == Key::Address || key.key == Key::AllowedIps || key.key == Key::Hook;
  if (is_seen(key.key) && !is_list) {
    return Problem(fmt::format("{} is given twice in this section: keep one", key.text));
  }
  seen_ |= 1U << std::to_underlying(key.key);
  return section_ == Section::Peer ? set_peer(key, value) : set_interface(key, value);
}

Parser::Outcome Parser::set_interface(const KeyName& key, std::string_view value) {
  Interface& out = config_.interface;
  switch (key.key) {
    case Key::PrivateKey: {
      Secret<kKeySize> bytes;
      if (!parse_base64(value, bytes.mutable_bytes())) {
        return Problem(fmt::format("PrivateKey {}", kKeyHint));
      }
      if (bytes.is_zero()) return Problem("PrivateKey is all zero: make one with `wg genkey`");
      out.private_key = NodePrivateKey(bytes.bytes());
      return {};
    }
    case Key::Address:
      return add_addresses(value);
    case Key::ListenPort: {
      const auto port = parse_number(value, UINT16_MAX);
      if (!port) return Problem("ListenPort must be a number from 1 to 65535, or 0 for any port");
      out.listen_port = static_cast<std::uint16_t>(*port);
      return {};
    }
    case Key::Mtu: {
      const auto mtu = parse_number(value, kMaxMtu);
      if (!mtu || *mtu < kMinMtu) {
        return Problem(fmt::format("MTU must be a number from {} to {}; 1420 suits most links",
                                   kMinMtu, kMaxMtu));
      }
      out.mtu = mtu;
      return {};
    }
    case Key::Table: {
      auto table = parse_table(value);
      if (!table) {
        return Problem("Table must be auto, off, a number from 1, or a name of rt_tables");
      }
      out.table = std::move(*table);
      return {};
    }
    case Key::FwMark: {
      const auto mark = parse_fw_mark(value);
      if (!mark) return Problem("FwMark must be off, a number of 32 bits, or one as 0xHEX");
      out.fw_mark = *mark;
      return {};
    }
    case Key::SaveConfig:
      return set_save_config(value);
    case Key::Dns:
      return Problem(
          "DNS is not set by `warren wg`, because it does not touch the system's resolver: remove "
          "the line and set the server yourself, for example with `resolvectl dns DEV ADDRESS`");
    default:
      return refuse_hook(key);
  }
}

Parser::Outcome Parser::refuse_hook(const KeyName& key) {
  return Problem(fmt::format(
      "{} is refused, because `warren wg` runs no commands from a configuration: remove the line "
      "and run the command from what starts `warren wg`, or let wg-quick run it "
      "(WG_QUICK_USERSPACE_IMPLEMENTATION=warren-wg wg-quick up FILE)",
      key.text));
}

Parser::Outcome Parser::set_save_config(std::string_view value) {
  if (equal_ignoring_case(value, "false")) return {};
  if (!equal_ignoring_case(value, "true")) return Problem("SaveConfig must be false");
  return Problem(
      "SaveConfig = true is refused, because `warren wg` never writes to the file it was given: "
      "remove the line, and keep changes made with `wg set` by `wg showconf DEV`");
}

Parser::Outcome Parser::add_addresses(std::string_view list) {
  while (const auto item = next_item(list)) {
    const auto address = parse_address(*item);
    if (!address) {
      return Problem(
          "Address must be a list of addresses of this machine in the tunnel, such as "
          "10.0.0.2/24 or fd00::2/64");
    }
    if (std::ranges::find(config_.interface.addresses, *address) !=
        config_.interface.addresses.end())
      continue;
    if (config_.interface.addresses.size() == kMaxAddresses) {
      return Problem(fmt::format("more than {} addresses", kMaxAddresses));
    }
    config_.interface.addresses.push_back(*address);
  }
  return {};
}

Parser::Outcome Parser::set_peer(const KeyName& key, std::string_view value) {
  Peer& peer = config_.peers.back();
  switch (key.key) {
    case Key::PublicKey:
      return set_public_key(value);
    case Key::PresharedKey:
      if (!parse_base64(value, peer.preshared_key.mutable_bytes())) {
        return Problem(
            "PresharedKey must be 32 bytes in base64, 44 characters: make one with `wg genpsk` and "
            "give it to both ends");
      }
      return {};
    case Key::AllowedIps:
      return add_allowed_ips(value);
    case Key::Endpoint:
      peer.endpoint = parse_endpoint(value);
      if (!peer.endpoint) {
        return Problem(
            "Endpoint must be HOST:PORT, with an IPv6 address in brackets: vpn.example.org:51820, "
            "192.0.2.1:51820 or [2001:db8::1]:51820");
      }
      return {};
    default: {
      const auto keepalive = parse_keepalive(value);
      if (!keepalive) {
        return Problem("PersistentKeepalive must be off or seconds from 1 to 65535; 25 suits NATs");
      }
      peer.persistent_keepalive = *keepalive;
      return {};
    }
  }
}

Parser::Outcome Parser::set_public_key(std::string_view value) {
  std::array<std::uint8_t, kKeySize> bytes{};
  if (!parse_base64(value, bytes)) {
    return Problem(
        "PublicKey must be 32 bytes in base64, 44 characters: ask for it at the other end (`wg "
        "show DEV public-key`)");
  }
  const NodePublicKey key(bytes);
  const auto [known, is_new] = peer_lines_.try_emplace(key, section_line_);
  if (!is_new) {
    return Problem(
        fmt::format("this peer has a section on line {} already: merge the two", known->second));
  }
  config_.peers.back().public_key = key;
  return {};
}

Parser::Outcome Parser::add_allowed_ips(std::string_view list) {
  while (const auto item = next_item(list)) {
    const auto prefix = IpPrefix::parse(*item);
    if (!prefix) {
      return Problem(
          "AllowedIPs must be a list of what is reached through this peer, such as 10.0.0.0/24, "
          "fd00::/64, or 0.0.0.0/0 for everything");
    }
    if (allowed_ips_ == kMaxAllowedIps) {
      return Problem(fmt::format("more than {} allowed IPs", kMaxAllowedIps));
    }
    ++allowed_ips_;
    config_.peers.back().allowed_ips.push_back(*prefix);
  }
  return {};
}

}  // namespace

std::string InterfaceAddress::to_string() const {
  return fmt::format("{}/{}", address.to_string(), prefix_length);
}

std::string EndpointName::to_string() const {
  return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<Config> parse_config(std::string_view text) {
  return Parser().parse(text);
}

}  // namespace warren::wgquick
