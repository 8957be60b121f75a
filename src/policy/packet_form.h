#pragma once

#include "base/ip_address.h"
#include "policy/verdict.h"
#include "proto/ip/packet.h"

// What a packet is, before anyone asks who sent it. Both directions (spec: policy section 7.1).
namespace warren::policy {

// TCP, UDP or SCTP, with ports.
bool has_flow(const ip::PacketInfo& packet);

// Of the packet's own family, understood.
bool is_icmp(const ip::PacketInfo& packet);
bool is_icmp_error(const ip::PacketInfo& packet);

// A SYN without ACK.
inline bool is_tcp_start(const ip::PacketInfo& packet) {
  return packet.protocol == ip::protocol::kTcp &&
         (packet.tcp_flags & (ip::tcp_flag::kSyn | ip::tcp_flag::kAck)) == ip::tcp_flag::kSyn;
}

// Accept, or what is wrong with the packet whatever the rules say.
Verdict judge_form(const ip::PacketInfo& packet);
Verdict judge_destination(const IpAddress& destination);

}  // namespace warren::policy
