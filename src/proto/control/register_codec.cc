#include "proto/control/codec_impl.h"
#include "proto/control/register_fields.h"
#include "proto/control/small_fields.h"

namespace warren::control {

template <>
inline constexpr json::wire::Limits kLimitsOf<RegisterResponse> = kResponseLimits;

template Result<RegisterRequest> decode(std::string_view);
template Result<RegisterResponse> decode(std::string_view);
template Result<Hostinfo> decode(std::string_view);
template Result<KeyResponse> decode(std::string_view);
template Result<HealthChangeRequest> decode(std::string_view);
template Result<SetDnsRequest> decode(std::string_view);
template Result<TokenRequest> decode(std::string_view);
template Result<TokenResponse> decode(std::string_view);
template Result<QueryFeatureRequest> decode(std::string_view);
template Result<QueryFeatureResponse> decode(std::string_view);
template Result<SetDeviceAttributesRequest> decode(std::string_view);

template void append(std::string&, const RegisterRequest&);
template void append(std::string&, const RegisterResponse&);
template void append(std::string&, const Hostinfo&);
template void append(std::string&, const KeyResponse&);
template void append(std::string&, const HealthChangeRequest&);
template void append(std::string&, const SetDnsRequest&);
template void append(std::string&, const TokenRequest&);
template void append(std::string&, const TokenResponse&);
template void append(std::string&, const QueryFeatureRequest&);
template void append(std::string&, const QueryFeatureResponse&);
template void append(std::string&, const SetDeviceAttributesRequest&);

}  // namespace warren::control
