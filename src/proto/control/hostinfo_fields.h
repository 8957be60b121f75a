#pragma once

#include "proto/control/hostinfo.h"
#include "proto/control/wire_types.h"

namespace warren::control {

template <class Visitor, Either<Service> Fields>
void fields(Visitor& visit, Fields& x) {
  visit.always("Proto", x.proto);
  visit.always("Port", x.port);
  visit("Description", x.description);
}

template <class Visitor, Either<Location> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("Country", x.country);
  visit("CountryCode", x.country_code);
  visit("City", x.city);
  visit("CityCode", x.city_code);
  visit("Latitude", x.latitude);
  visit("Longitude", x.longitude);
  visit("Priority", x.priority);
}

template <class Visitor, Either<NetInfo> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("MappingVariesByDestIP", x.mapping_varies_by_dest_ip);
  visit("WorkingIPv6", x.working_ipv6);
  visit("OSHasIPv6", x.os_has_ipv6);
  visit("WorkingUDP", x.working_udp);
  visit("WorkingICMPv4", x.working_icmpv4);
  visit("HavePortMap", x.have_port_map);
  visit("UPnP", x.upnp);
  visit("PMP", x.pmp);
  visit("PCP", x.pcp);
  visit("PreferredDERP", x.preferred_derp);
  visit("LinkType", x.link_type);
  visit("DERPLatency", x.derp_latency);
  visit("FirewallMode", x.firewall_mode);
}

template <class Visitor, Either<Hostinfo> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("IPNVersion", x.ipn_version);
  visit("FrontendLogID", x.frontend_log_id);
  visit("BackendLogID", x.backend_log_id);
  visit("OS", x.os);
  visit("OSVersion", x.os_version);
  visit("Container", x.container);
  visit("Env", x.env);
  visit("Distro", x.distro);
  visit("DistroVersion", x.distro_version);
  visit("DistroCodeName", x.distro_code_name);
  visit("App", x.app);
  visit("Desktop", x.desktop);
  visit("Package", x.package);
  visit("DeviceModel", x.device_model);
  visit("PushDeviceToken", x.push_device_token);
  visit("Hostname", x.hostname);
  visit("ShieldsUp", x.shields_up);
  visit("ShareeNode", x.sharee_node);
  visit("NoLogsNoSupport", x.no_logs_no_support);
  visit("WireIngress", x.wire_ingress);
  visit("IngressEnabled", x.ingress_enabled);
  visit("AllowsUpdate", x.allows_update);
  visit("Machine", x.machine);
  visit("GoArch", x.go_arch);
  visit("GoArchVar", x.go_arch_var);
  visit("GoVersion", x.go_version);
  visit("RoutableIPs", x.routable_ips);
  visit("RequestTags", x.request_tags);
  visit("WoLMACs", x.wol_macs);
  visit("Services", x.services);
  visit("NetInfo", x.net_info);
  visit("sshHostKeys", x.ssh_host_keys);
  visit("Cloud", x.cloud);
  visit("Userspace", x.userspace);
  visit("UserspaceRouter", x.userspace_router);
  visit("AppConnector", x.app_connector);
  visit("ServicesHash", x.services_hash);
  visit("PeerRelay", x.peer_relay);
  visit("ExitNodeID", x.exit_node_id);
  visit("RemoteConfig", x.remote_config);
  visit("Location", x.location);
  visit("StateEncrypted", x.state_encrypted);
}

}  // namespace warren::control
