#include "proto/control/codec_impl.h"
#include "proto/control/map_fields.h"

namespace warren::control {

namespace {

constexpr std::string_view kHomeDerpPrefix = "127.3.3.40:";  // spec: control section 7.1

}  // namespace

void read(const boost::json::value& from,
          HomeDerpText<relay::RegionId> to,
          const json::wire::Place& place) {
  std::string text;
  read(from, text, place);
  if (place.is_failed() || text.empty() || *to.region != relay::kNoRegion) return;
  if (!text.starts_with(kHomeDerpPrefix) ||
      !json::wire::read_key(std::string_view(text).substr(kHomeDerpPrefix.size()), *to.region)) {
    place.expected("127.3.3.40 and a region");
  }
}

void write(json::Writer& out, HomeDerpText<const relay::RegionId> value) {
  out.plain_text(std::string(kHomeDerpPrefix) + std::to_string(value.region->value));
}

void read(const boost::json::value& from, Severity& to, const json::wire::Place& place) {
  std::string text;
  read(from, text, place);
  to = text == "high" ? Severity::High : text == "low" ? Severity::Low : Severity::Medium;
}

void write(json::Writer& out, Severity value) {
  out.plain_text(value == Severity::High ? "high" : value == Severity::Low ? "low" : "medium");
}

void read(const boost::json::value& from, EndpointType& to, const json::wire::Place& place) {
  int number = 0;
  read(from, number, place);
  const bool is_known = number >= 0 && number <= static_cast<int>(EndpointType::Explicit);
  to = is_known ? static_cast<EndpointType>(number) : EndpointType::Unknown;
}

void write(json::Writer& out, EndpointType value) {
  out.integer(static_cast<std::int64_t>(value));
}

template <>
inline constexpr json::wire::Limits kLimitsOf<MapResponse> = kMapLimits;

template <>
inline constexpr json::wire::Limits kLimitsOf<DerpMap> = kResponseLimits;

template Result<MapRequest> decode(std::string_view);
template Result<MapResponse> decode(std::string_view);
template Result<Node> decode(std::string_view);
template Result<PeerChange> decode(std::string_view);
template Result<UserProfile> decode(std::string_view);
template Result<FilterRule> decode(std::string_view);
template Result<DnsConfig> decode(std::string_view);
template Result<DerpMap> decode(std::string_view);
template Result<SshAction> decode(std::string_view);
template Result<PingResponse> decode(std::string_view);

template void append(std::string&, const MapRequest&);
template void append(std::string&, const MapResponse&);
template void append(std::string&, const Node&);
template void append(std::string&, const PeerChange&);
template void append(std::string&, const UserProfile&);
template void append(std::string&, const FilterRule&);
template void append(std::string&, const DnsConfig&);
template void append(std::string&, const DerpMap&);
template void append(std::string&, const SshAction&);
template void append(std::string&, const PingResponse&);

}  // namespace warren::control
