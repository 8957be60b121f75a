#pragma once

#include <string>
#include <string_view>

#include "control/core/pending_logins.h"
#include "crypto/keys.h"
#include "io/http_request.h"

// What people and machines may read without a login (spec: control section 3.3). Whole responses.
namespace warren::control {

// GET /key: the server's Noise key, asked for before anything else (spec: control section 2.2).
std::string key_page(const io::HttpRequest& request, const MachinePublicKey& key);

inline constexpr std::string_view kRegisterPath = "/register/";

// Behind the link that a machine shows when it wants to join: what to do, and for which machine.
// Null: nobody waits for an answer there.
std::string register_page(const io::HttpRequest& request, const PendingLogin* login);

}  // namespace warren::control
