#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "cli/context.h"

namespace warren::cli {

inline constexpr std::string_view kNodeSocket = "/run/warren/warrend.sock";
inline constexpr std::string_view kAdminSocket = "/run/warren/admin.sock";
inline constexpr Duration kCallTimeout = 10s;

// One of the programs on this machine: warrend or warren-server. An error is text for a person: why
// it does not answer or did not do it, and what to do. Errc::Unavailable and Errc::Timeout are for
// a program that gave no answer at all.
class LocalApi {
 public:
  // What warrend serves under /localapi/v0/ (node-features.md section 17).
  static LocalApi node(Context& context);
  // What warren-server serves under /api/warren/v1/.
  static LocalApi admin(Context& context);

  // The body of an answer that is a success. `target` is what follows the prefix.
  Result<std::string> get(std::string_view target) const { return send("GET", target); }

  Result<std::string> send(std::string_view method,
                           std::string_view target,
                           std::string body = {},
                           Duration timeout = kCallTimeout) const;

  // Each line of an answer that does not end, until `on_line` returns false. Ends with
  // Errc::Timeout after `timeout` without a line.
  Result<void> watch(std::string_view target,
                     Duration timeout,
                     const Context::OnLine& on_line) const;

 private:
  LocalApi(Context& context, std::string_view socket, std::string_view prefix)
      : context_(context),
        socket_(context.socket.empty() ? std::string(socket) : context.socket),
        prefix_(prefix) {}

  bool is_admin() const;
  Error explain(Error error) const;
  Error refusal(unsigned status, const std::string& body) const;

  Context& context_;
  std::string socket_;
  std::string prefix_;
};

// For a path segment or the value of a query parameter.
std::string encode_component(std::string_view text);

// Writes "warren COMMAND: WHY" to stderr; returns the exit code for it.
int fail_with(Context& context, std::string_view command, const Error& error);
int fail_with(Context& context, std::string_view command, int code, std::string_view why);

}  // namespace warren::cli
