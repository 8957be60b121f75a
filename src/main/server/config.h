#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/json_map.h"
#include "base/result.h"
#include "base/time.h"
#include "control/core/dns_settings.h"

// The server's configuration file (spec: server section 7.1): JSON with comments and trailing
// commas. All that is not there yet is an unknown key, and so an error.
namespace warren::server {

// ":443" (both families), "192.0.2.1:443", "[2001:db8::1]:443".
std::optional<std::vector<Endpoint>> parse_listen(std::string_view text);

struct ListenConfig {
  std::vector<std::string> https = {":443"};
  std::vector<std::string> http = {":80"};  // for stock clients; [] closes it
  std::uint16_t stun = 3478;                // 0: none
  std::uint16_t wireguard = 41641;          // UDP: the hub, for stock WireGuard devices
  std::vector<std::string> metrics = {"127.0.0.1:9180"};
  std::string admin_socket = "/run/warren/admin.sock";

  bool operator==(const ListenConfig&) const = default;
};

enum class TlsMode : std::uint8_t {
  Auto,   // files where there are some, else ACME where it is configured, else our own
  Files,  // PEM
  Acme,
  Own,  // made by the server: nodes know it by the join command
};

std::span<const json::EnumText<TlsMode>> texts_of(TlsMode);

// An authority that gives certificates by itself (RFC 8555).
struct AcmeConfig {
  std::string directory;  // its URL; empty: Let's Encrypt
  std::string email;      // for its mails; empty: none
  bool staging = false;   // Let's Encrypt's, for trying: nobody trusts what it gives
  std::string ca_file;    // PEM of who vouches for the authority's own certificate

  bool operator==(const AcmeConfig&) const = default;
};

struct TlsConfig {
  TlsMode mode = TlsMode::Auto;
  std::string certificate;
  std::string key;  // empty: it is in the same file
  std::optional<AcmeConfig> acme;

  bool operator==(const TlsConfig&) const = default;
};

struct NetworkConfig {
  std::string name = "home";
  std::string base_domain;  // empty: NAME.internal

  bool operator==(const NetworkConfig&) const = default;
};

struct DnsRecordConfig {
  std::string name;
  std::string type;  // "A", "AAAA"; empty: what the value is
  std::string value;

  bool operator==(const DnsRecordConfig&) const = default;
};

// As control::DnsSettings.
struct DnsConfig {
  bool magic = true;
  std::vector<std::string> resolvers;
  bool override_local = false;
  std::map<std::string, std::vector<std::string>> split;
  std::vector<std::string> search;
  std::vector<DnsRecordConfig> records;

  bool operator==(const DnsConfig&) const = default;
};

struct RelayConfig {
  std::uint16_t region = 901;  // own ones begin at 900 (spec: paths section 2.8)
  std::string code;            // empty: the network's name

  bool operator==(const RelayConfig&) const = default;
};

struct LimitsConfig {
  std::size_t nodes = 20'000;
  std::size_t streams = 25'000;

  bool operator==(const LimitsConfig&) const = default;
};

struct DatabaseConfig {
  Duration soft_flush = 30s;

  bool operator==(const DatabaseConfig&) const = default;
};

struct LogConfig {
  std::string level = "info";

  bool operator==(const LogConfig&) const = default;
};

struct Config {
  std::string url;  // what machines are told; empty: https and this machine's address
  std::string state_dir = "/var/lib/warren/server";
  // What it does; "hub" may be left out.
  std::vector<std::string> roles = {"control", "relay", "hub"};
  ListenConfig listen;
  TlsConfig tls;
  NetworkConfig network;
  DnsConfig dns;
  RelayConfig relay;
  LimitsConfig limits;
  DatabaseConfig database;
  LogConfig log;

  bool has_role(std::string_view role) const {
    return std::ranges::find(roles, role) != roles.end();
  }

  bool operator==(const Config&) const = default;
};

inline constexpr std::string_view kConfigPath = "/etc/warren/server.json";

// The file's text; errors say where.
Result<Config> parse_config(std::string_view text);
// `path` empty: kConfigPath if it is there, else the defaults.
Result<Config> load_config(const std::string& path);

control::DnsSettings dns_settings(const DnsConfig& config);

}  // namespace warren::server
