#include "acme/core/messages.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "acme/core/url.h"
#include "base/json_wire.h"

namespace warren::acme {

namespace {

namespace wire = json::wire;

// An order of ours has one name; answers have some kilobytes.
constexpr wire::Limits kLimits{.bytes = kMaxMessage, .depth = 8, .list = 64};
constexpr std::size_t kMaxToken = 128;  // RFC 8555 section 8: at least 128 bits, so 22 characters
constexpr std::size_t kMaxWords = 300;
constexpr std::string_view kErrorPrefix = "urn:ietf:params:acme:error:";

struct DirectoryMeta {
  bool external_account_required = false;
  std::map<std::string, json::Raw> profiles;
};

struct DirectoryText {
  std::string new_nonce;
  std::string new_account;
  std::string new_order;
  std::string renewal_info;
  DirectoryMeta meta;
};

struct ProblemText {
  std::string type;
  std::string detail;
};

struct OrderText {
  std::string status;
  std::vector<std::string> authorizations;
  std::string finalize;
  std::string certificate;
  std::optional<ProblemText> error;
};

struct ChallengeText {
  std::string type;
  std::string url;
  std::string token;
  std::string status;
  std::optional<ProblemText> error;
};

struct IdentifierText {
  std::string type;
  std::string value;
};

struct AuthorizationText {
  std::string status;
  IdentifierText identifier;
  std::vector<ChallengeText> challenges;
};

struct WindowText {
  std::optional<WallTime> start;
  std::optional<WallTime> end;
};

struct RenewalInfoText {
  WindowText suggested_window;
};

template <class Visitor, wire::Either<DirectoryMeta> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("externalAccountRequired", x.external_account_required);
  visit("profiles", x.profiles);
}

template <class Visitor, wire::Either<DirectoryText> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("newNonce", x.new_nonce);
  visit("newAccount", x.new_account);
  visit("newOrder", x.new_order);
  visit("renewalInfo", x.renewal_info);
  visit("meta", x.meta);
}

template <class Visitor, wire::Either<ProblemText> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("type", x.type);
  visit("detail", x.detail);
}

template <class Visitor, wire::Either<OrderText> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("status", x.status);
  visit("authorizations", x.authorizations);
  visit("finalize", x.finalize);
  visit("certificate", x.certificate);
  visit("error", x.error);
}

template <class Visitor, wire::Either<ChallengeText> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("type", x.type);
  visit("url", x.url);
  visit("token", x.token);
  visit("status", x.status);
  visit("error", x.error);
}

template <class Visitor, wire::Either<IdentifierText> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("type", x.type);
  visit("value", x.value);
}

template <class Visitor, wire::Either<AuthorizationText> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("status", x.status);
  visit("identifier", x.identifier);
  visit("challenges", x.challenges);
}

template <class Visitor, wire::Either<WindowText> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("start", x.start);
  visit("end", x.end);
}

template <class Visitor, wire::Either<RenewalInfoText> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("suggestedWindow", x.suggested_window);
}

std::unexpected<Error> no(std::string_view what) {
  return fail(Errc::Unavailable, std::string(what));
}

std::optional<Status> parse_status(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Status>, 8> kAll = {{
      {"pending", Status::Pending},
      {"ready", Status::Ready},
      {"processing", Status::Processing},
      {"valid", Status::Valid},
      {"invalid", Status::Invalid},
      {"deactivated", Status::Invalid},
      {"expired", Status::Invalid},
      {"revoked", Status::Invalid},
  }};
  const auto* const found =
      std::ranges::find(kAll, text, &std::pair<std::string_view, Status>::first);
  return found == kAll.end() ? std::nullopt : std::optional(found->second);
}

// Printed on terminals and in logs.
std::string words(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMaxWords)) out += c >= ' ' && c < 0x7f ? c : '?';
  return out;
}

Problem to_problem(const ProblemText& text) {
  std::string_view type = text.type;
  if (type.starts_with(kErrorPrefix)) type.remove_prefix(kErrorPrefix.size());
  return {.type = words(type), .detail = words(text.detail)};
}

// It becomes part of a path and of a file that is served (RFC 8555 section 8.3: base64url only).
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kMaxToken && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7; the obsolete forms are not read).
std::optional<WallTime> parse_http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") return {};
  const auto number = [&](std::size_t at, std::size_t size) {
    int out = -1;
    const char* const end = text.data() + at + size;
    const auto [stop, error] = std::from_chars(text.data() + at, end, out);
    return error == std::errc{} && stop == end ? out : -1;
  };
  const auto* const month = std::ranges::find(kMonths, text.substr(8, 3));
  const int day = number(5, 2);
  const int year = number(12, 4);
  const int hour = number(17, 2);
  const int minute = number(20, 2);
  const int second = number(23, 2);
  if (month == kMonths.end() || year < 0 || hour < 0 || minute < 0 || second < 0) return {};
  const std::chrono::year_month_day date(
      std::chrono::year(year),
      std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
      std::chrono::day(day < 0 ? 0U : static_cast<unsigned>(day)));
  if (!date.ok()) return {};
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return WallTime{.seconds = days * 86400 + hour * 3600 + minute * 60 + second};
}

}  // namespace

std::string_view to_string(Method method) {
  return method == Method::TlsAlpn01 ? "tls-alpn-01" : "http-01";
}

std::optional<Method> parse_method(std::string_view text) {
  for (const Method method : {Method::TlsAlpn01, Method::Http01}) {
    if (text == to_string(method)) return method;
  }
  return std::nullopt;
}

Result<Directory> decode_directory(std::string_view json) {
  WARREN_TRY(auto text, wire::read_text<DirectoryText>(json, kLimits));
  if (text.new_nonce.empty() || text.new_account.empty() || text.new_order.empty()) {
    return no("this is no directory of an ACME server");
  }
  for (const std::string* const url : {&text.new_nonce, &text.new_account, &text.new_order}) {
    if (!parse_url(*url)) return no("the directory of the ACME server names no https addresses");
  }
  Directory out{.new_nonce = std::move(text.new_nonce),
                .new_account = std::move(text.new_account),
                .new_order = std::move(text.new_order),
                .renewal_info = std::move(text.renewal_info),
                .needs_external_account = text.meta.external_account_required,
                .profiles = {}};
  for (auto& [name, description] : text.meta.profiles) out.profiles.push_back(name);
  return out;
}

Result<Order> decode_order(std::string_view json) {
  WARREN_TRY(auto text, wire::read_text<OrderText>(json, kLimits));
  const auto status = parse_status(text.status);
  if (!status) return no("the order has no status");
  if (text.authorizations.empty() || text.finalize.empty()) return no("the order is not complete");
  if (*status == Status::Valid && text.certificate.empty()) return no("the order has no result");
  Order out{.status = *status,
            .authorizations = std::move(text.authorizations),
            .finalize = std::move(text.finalize),
            .certificate = std::move(text.certificate),
            .error = {}};
  if (text.error) out.error = to_problem(*text.error);
  return out;
}

Result<Authorization> decode_authorization(std::string_view json) {
  WARREN_TRY(auto text, wire::read_text<AuthorizationText>(json, kLimits));
  const auto status = parse_status(text.status);
  if (!status) return no("the authorization has no status");
  if (text.identifier.type != "dns") return no("the authorization is not for a name");
  Authorization out{.status = *status, .name = std::move(text.identifier.value), .challenges = {}};
  for (ChallengeText& one : text.challenges) {
    const auto method = parse_method(one.type);
    const auto state = parse_status(one.status);
    if (!method || !state || !is_token(one.token)) continue;
    Challenge challenge{.method = *method,
                        .url = std::move(one.url),
                        .token = std::move(one.token),
                        .status = *state,
                        .error = {}};
    if (one.error) challenge.error = to_problem(*one.error);
    out.challenges.push_back(std::move(challenge));
  }
  return out;
}

Result<RenewalWindow> decode_renewal_info(std::string_view json) {
  WARREN_TRY(const auto text, wire::read_text<RenewalInfoText>(json, kLimits));
  const auto& [start, end] = text.suggested_window;
  if (!start || !end || *end <= *start) return no("the renewal information has no window");
  return RenewalWindow{.start = *start, .end = *end};
}

Problem decode_problem(std::string_view json) {
  const auto text = wire::read_text<ProblemText>(json, kLimits);
  return text ? to_problem(*text) : Problem{};
}

std::optional<Duration> parse_retry_after(std::string_view text, WallTime now) {
  constexpr std::int64_t kMost = 365 * std::int64_t{86400};  // no number is added to in vain
  std::int64_t seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, seconds);
  if (error == std::errc{} && stop == end) {
    return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kMost));
  }
  const auto date = parse_http_date(text);
  if (!date) return std::nullopt;
  return std::chrono::seconds(std::clamp<std::int64_t>(date->seconds - now.seconds, 0, kMost));
}

}  // namespace warren::acme
