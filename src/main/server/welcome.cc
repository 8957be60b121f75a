#include "main/server/welcome.h"

#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "base/json_object.h"

namespace warren::server {
namespace {

constexpr const char* kUsers = "/api/warren/v1/users";
constexpr const char* kKeys = "/api/warren/v1/keys";

Result<std::string> secret_of(unsigned status, const std::string& json) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(json, error);
  const auto* const secret =
      !error && value.is_object() ? value.get_object().if_contains("key") : nullptr;
  if (status == 200 && secret != nullptr && secret->is_string()) {
    return std::string(secret->get_string());
  }
  return fail(Errc::Unavailable, fmt::format("make a key: {} {}", status, json));
}

}  // namespace

std::string join_command(const std::string& url,
                         const std::string& server_key,
                         const std::string& auth_key) {
  return fmt::format("sudo warren up --login-server {} --server-key {} --auth-key {}", url,
                     server_key, auth_key);
}

void prepare_first_key(const Admin& admin, std::function<void(Result<std::string>)> done) {
  const std::string user = json::ObjectText().text("login", kFirstUser).done();
  const std::string key = json::ObjectText()
                              .text("user", kFirstUser)
                              .text("description", "made at the first start")
                              .boolean("reusable", true)
                              .done();  // for an hour, as the API has it
  admin("POST", kUsers, user,
        [admin, key, done = std::move(done)](unsigned status, const std::string& json) {
          if (status != 200) {
            return done(fail(Errc::Unavailable, fmt::format("make a user: {} {}", status, json)));
          }
          admin("POST", kKeys, key, [done](unsigned key_status, const std::string& key_json) {
            done(secret_of(key_status, key_json));
          });
        });
}

}  // namespace warren::server
