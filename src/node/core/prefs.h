#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// What the user wants (spec: node-features section 17.4; the names are a contract with tools).
namespace warren::node {

// Those that do something. The others of the contract have one value that is in force, and are
// written with it; setting another one is refused with a sentence that names them.
struct Prefs {
  std::string control_url;  // empty: no server was ever named
  bool want_running = false;
  bool logged_out = false;
  std::string hostname;       // empty: the machine's own
  std::string operator_user;  // may change settings without being root; empty: nobody
  bool shields_up = false;    // nobody may open connections to us
  bool route_all = false;     // subnets that peers route are taken into use
  bool corp_dns = true;       // the host resolves names as the network says

  bool operator==(const Prefs&) const = default;
};

// The changes of a PATCH: what is there is set.
struct MaskedPrefs {
  std::optional<std::string> control_url;
  std::optional<bool> want_running;
  std::optional<bool> logged_out;
  std::optional<std::string> hostname;
  std::optional<std::string> operator_user;
  std::optional<bool> shields_up;
  std::optional<bool> route_all;
  std::optional<bool> corp_dns;

  bool operator==(const MaskedPrefs&) const = default;
};

Prefs default_prefs();

// All names of the contract, in its order.
std::string encode_prefs(const Prefs& prefs);
// Names that are missing keep their defaults; those that are not here yet, and unknown ones, are
// skipped. For answers of the daemon, and for the state file.
Result<Prefs> decode_prefs(std::string_view json);

// {"Hostname":"a","HostnameSet":true}. As in stock clients, a value counts only beside its mark,
// and a mark without a value means false or empty.
std::string encode_masked_prefs(const MaskedPrefs& changes);
// Unsupported: a preference of the contract that is not here yet, or another program's;
// InvalidArgument: no such thing, or a value that makes no sense.
Result<MaskedPrefs> decode_masked_prefs(std::string_view json);

// What comes of it; fails when a value makes no sense.
Result<Prefs> apply_prefs(Prefs prefs, const MaskedPrefs& changes);

}  // namespace warren::node
