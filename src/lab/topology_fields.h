#pragma once

#include "base/json_map.h"
#include "lab/network.h"
#include "lab/topology.h"

// How topologies and commands look in JSON.
namespace warren::lab {

std::span<const json::EnumText<Dependence>> texts_of(Dependence);
std::span<const json::EnumText<PortChoice>> texts_of(PortChoice);
std::span<const json::EnumText<Pooling>> texts_of(Pooling);
std::span<const json::EnumText<Hairpin>> texts_of(Hairpin);
std::span<const json::EnumText<Refresh>> texts_of(Refresh);
std::span<const json::EnumText<Block>> texts_of(Block);
std::span<const json::EnumText<LinkState>> texts_of(LinkState);
std::span<const json::EnumText<Protocol>> texts_of(Protocol);  // those that have ports

std::string_view to_string(Block block);

void read(const boost::json::value& from, InterfaceAddress& to, const json::Place& place);

void fields(json::ObjectReader& visit, LinkQuality& x);
void fields(json::ObjectReader& visit, PortForward& x);
void fields(json::ObjectReader& visit, NatConfig& x);
void fields(json::ObjectReader& visit, FirewallConfig& x);
void fields(json::ObjectReader& visit, HostConfig& x);
void fields(json::ObjectReader& visit, RouterConfig& x);
void fields(json::ObjectReader& visit, Topology& x);

// For what has passed the checks of types: why the addresses can't be a NAT's; empty when they can.
std::string_view why_not_external(const std::vector<IpAddress>& addresses);

// Likewise, of the ports that a NAT forwards.
std::string_view why_not_forwards(const std::vector<PortForward>& forwards);

}  // namespace warren::lab
