#include "policy/packet_form.h"

namespace warren::policy {

namespace {

constexpr IpAddress kMetadataService = IpAddress::v4({169, 254, 169, 254});  // policy section 7.1

}  // namespace

bool has_flow(const ip::PacketInfo& packet) {
  return packet.kind == ip::PacketKind::Transport &&
         (packet.protocol == ip::protocol::kTcp || packet.protocol == ip::protocol::kUdp ||
          packet.protocol == ip::protocol::kSctp);
}

bool is_icmp(const ip::PacketInfo& packet) {
  return packet.kind == ip::PacketKind::Transport &&
         packet.protocol ==
             (packet.version == ip::kVersion4 ? ip::protocol::kIcmp : ip::protocol::kIcmpV6);
}

bool is_icmp_error(const ip::PacketInfo& packet) {
  if (!is_icmp(packet)) return false;
  const std::uint8_t type = packet.icmp_type;
  if (packet.version == ip::kVersion4) {
    return type == ip::icmp_type::kUnreachable || type == ip::icmp_type::kTimeExceeded ||
           type == ip::icmp_type::kParameterProblem;
  }
  return type >= ip::icmp6_type::kUnreachable && type <= ip::icmp6_type::kParameterProblem;
}

Verdict judge_form(const ip::PacketInfo& packet) {
  if (packet.kind != ip::PacketKind::Unknown) return Verdict::Accept;
  if (packet.version == ip::kVersion6 && ip::is_extension_header(packet.protocol)) {
    return Verdict::ExtensionHeader;
  }
  const bool is_cut_tsmp = packet.is_fragment && packet.protocol == ip::protocol::kTsmp;
  if (packet.fragment_offset > 0 || is_cut_tsmp) return Verdict::Fragment;
  return Verdict::BadHeader;
}

Verdict judge_destination(const IpAddress& destination) {
  if (destination.is_multicast()) return Verdict::Multicast;
  if (destination.is_link_local() && destination != kMetadataService) return Verdict::LinkLocal;
  return Verdict::Accept;
}

}  // namespace warren::policy
