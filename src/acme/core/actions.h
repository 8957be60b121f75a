#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "acme/core/ledger.h"
#include "acme/core/messages.h"
#include "acme/core/url.h"
#include "base/log.h"

// What the engine asks for. Each is done before the next one.
namespace warren::acme {

// Answered by on_answer() or on_no_answer(). One at a time.
struct SendRequest {
  enum class Kind : std::uint8_t { Get, Head, Post };

  Kind kind = Kind::Get;
  Url url;
  std::string body;  // of a POST: JWS

  bool operator==(const SendRequest&) const = default;
};

// From now on, until EndChallenges: at /.well-known/acme-challenge/TOKEN the authorization, or with
// tls-alpn-01 a certificate with its hash.
struct ServeChallenge {
  Method method = Method::Http01;
  std::string name;
  std::string token;
  std::string authorization;

  bool operator==(const ServeChallenge&) const = default;
};

struct EndChallenges {
  bool operator==(const EndChallenges&) const = default;
};

// A certificate request for `name` with a key that is kept before it is used: the one that waits
// for its certificate already, or a new one. Answered by on_request().
struct MakeRequest {
  std::string name;

  bool operator==(const MakeRequest&) const = default;
};

// The ledger must be on disk before the next action.
struct Keep {
  Ledger ledger;

  bool operator==(const Keep&) const = default;
};

// Certificates in PEM for the key of MakeRequest. Answered by on_stored() or on_unusable().
struct StoreCertificate {
  std::string chain;

  bool operator==(const StoreCertificate&) const = default;
};

// A line for the log.
struct Tell {
  LogLevel level = LogLevel::Info;
  std::string sentence;

  bool operator==(const Tell&) const = default;
};

using Action = std::
    variant<SendRequest, ServeChallenge, EndChallenges, MakeRequest, Keep, StoreCertificate, Tell>;
using Actions = std::vector<Action>;

}  // namespace warren::acme
