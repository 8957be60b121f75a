#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "proto/control/common.h"
#include "proto/relay/region.h"

// What a node tells about itself; servers relay part of it to peers (spec: control sections 7.2,
// 7.3). All comes from the node: a server bounds and cleans what it relays. Members of unknown
// shape are not kept, so nothing passes through that could spoil a peer's decoder.
namespace warren::control {

struct Service {
  std::string proto;  // "tcp", "udp", "peerapi4", "peerapi6", "peerapi-dns-proxy"
  std::uint16_t port = 0;
  std::string description;

  bool operator==(const Service&) const = default;
};

// Where a foreign exit node stands.
struct Location {
  std::string country;
  std::string country_code;
  std::string city;
  std::string city_code;
  double latitude = 0;
  double longitude = 0;
  int priority = 0;

  bool operator==(const Location&) const = default;
};

// The last network report. Where a bool is optional, absent means not measured.
struct NetInfo {
  std::optional<bool> mapping_varies_by_dest_ip;
  std::optional<bool> working_ipv6;
  std::optional<bool> os_has_ipv6;
  std::optional<bool> working_udp;
  std::optional<bool> working_icmpv4;
  bool have_port_map = false;
  std::optional<bool> upnp;
  std::optional<bool> pmp;
  std::optional<bool> pcp;
  relay::RegionId preferred_derp;              // the home; none: unknown yet
  std::string link_type;                       // "wired", "wifi", "mobile"
  std::map<std::string, double> derp_latency;  // "901-v4": seconds
  std::string firewall_mode;

  bool operator==(const NetInfo&) const = default;
};

struct Hostinfo {
  std::string ipn_version;
  std::string frontend_log_id;
  std::string backend_log_id;  // a stock client always sends one
  std::string os;              // "linux", "windows", "macOS", "iOS", "android", ...
  std::string os_version;
  std::optional<bool> container;
  std::string env;
  std::string distro;
  std::string distro_version;
  std::string distro_code_name;
  std::string app;
  std::optional<bool> desktop;
  std::string package;
  std::string device_model;
  std::string push_device_token;
  std::string hostname;
  bool shields_up = false;
  bool sharee_node = false;
  bool no_logs_no_support = false;
  bool wire_ingress = false;
  bool ingress_enabled = false;
  bool allows_update = false;
  std::string machine;  // of uname
  std::string go_arch;
  std::string go_arch_var;
  std::string go_version;
  std::vector<IpPrefix> routable_ips;  // advertised; an exit node: both /0 routes
  std::vector<std::string> request_tags;
  std::vector<std::string> wol_macs;
  std::vector<Service> services;
  std::optional<NetInfo> net_info;         // absent: keep the last one (spec: control section 5.1)
  std::vector<std::string> ssh_host_keys;  // any: the SSH server is on
  std::string cloud;
  std::optional<bool> userspace;
  std::optional<bool> userspace_router;
  std::optional<bool> app_connector;
  std::string services_hash;
  bool peer_relay = false;
  std::string exit_node_id;
  bool remote_config = false;
  std::optional<Location> location;
  std::optional<bool> state_encrypted;

  bool operator==(const Hostinfo&) const = default;
};

}  // namespace warren::control
