#pragma once

#include <functional>
#include <string>

#include "base/result.h"

// How a newcomer's first machine gets in (design section 5, "first trust").
namespace warren::server {

// For a terminal on the machine that is to join.
std::string join_command(const std::string& url,
                         const std::string& server_key,
                         const std::string& auth_key);

using AdminDone = std::function<void(unsigned status, std::string json)>;
using Admin =
    std::function<void(std::string method, std::string path, std::string body, AdminDone done)>;

inline constexpr const char* kFirstUser = "owner";

// Makes the first user and an auth key for an hour and any number of machines; `done` gets the key.
void prepare_first_key(const Admin& admin, std::function<void(Result<std::string>)> done);

}  // namespace warren::server
