#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_raw.h"
#include "base/result.h"
#include "base/time.h"

// What an authority says (RFC 8555 section 7.1, RFC 9773 section 4.2): lenient in what is more,
// strict in what is used. Texts and lists are bounded; URLs are those of the directory's own origin
// (checked by the engine, which knows it).
namespace warren::acme {

inline constexpr std::size_t kMaxMessage = std::size_t{64} << 10;

struct Directory {
  std::string new_nonce;
  std::string new_account;
  std::string new_order;
  std::string renewal_info;  // empty: not offered
  bool needs_external_account = false;
  std::vector<std::string> profiles;  // empty: there are none to choose from
};

// RFC 7807, and RFC 8555 section 6.7.
struct Problem {
  std::string type;  // behind "urn:ietf:params:acme:error:", or what it is
  std::string detail;

  bool operator==(const Problem&) const = default;
};

enum class Status : std::uint8_t {
  Pending,
  Ready,
  Processing,
  Valid,
  Invalid,  // also deactivated, expired, revoked
};

struct Order {
  Status status = Status::Pending;
  std::vector<std::string> authorizations;
  std::string finalize;
  std::string certificate;  // once it is valid
  std::optional<Problem> error;
};

enum class Method : std::uint8_t { TlsAlpn01, Http01 };

inline constexpr std::size_t kMethods = 2;

std::string_view to_string(Method method);
std::optional<Method> parse_method(std::string_view text);

struct Challenge {
  Method method = Method::Http01;
  std::string url;
  std::string token;
  Status status = Status::Pending;
  std::optional<Problem> error;
};

struct Authorization {
  Status status = Status::Pending;
  std::string name;
  std::vector<Challenge> challenges;  // those that we can answer
};

struct RenewalWindow {
  WallTime start;
  WallTime end;

  bool operator==(const RenewalWindow&) const = default;
};

Result<Directory> decode_directory(std::string_view json);
Result<Order> decode_order(std::string_view json);
Result<Authorization> decode_authorization(std::string_view json);
Result<RenewalWindow> decode_renewal_info(std::string_view json);
// Whatever it is that came with an error's status: for words, so never an error itself. Only
// printable ASCII is kept, and 300 bytes at most.
Problem decode_problem(std::string_view json);

// Seconds or a date (RFC 9110 section 10.2.3); none when it is neither.
std::optional<Duration> parse_retry_after(std::string_view text, WallTime now);

}  // namespace warren::acme
