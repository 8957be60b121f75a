#include "cli/local_api.h"

#include <ostream>
#include <utility>

#include <fmt/format.h>

#include "cli/json_text.h"

namespace warren::cli {

namespace {

constexpr std::string_view kNodePrefix = "/localapi/v0/";
constexpr std::string_view kAdminPrefix = "/api/warren/v1/";

// RFC 3986 section 2.3, and what is harmless in a path and in a query: keys and logins stay
// readable.
bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~:@").find(c) != std::string_view::npos;
}

}  // namespace

LocalApi LocalApi::node(Context& context) {
  return {context, kNodeSocket, kNodePrefix};
}

LocalApi LocalApi::admin(Context& context) {
  return {context, kAdminSocket, kAdminPrefix};
}

bool LocalApi::is_admin() const {
  return prefix_ == kAdminPrefix;
}

Result<std::string> LocalApi::send(std::string_view method,
                                   std::string_view target,
                                   std::string body,
                                   Duration timeout) const {
  auto response = context_.call(socket_, io::LocalCall{.method = std::string(method),
                                                       .target = prefix_ + std::string(target),
                                                       .body = std::move(body),
                                                       .timeout = timeout});
  if (!response) return unexpected(explain(std::move(response.error())));
  if (response->status >= 300) return unexpected(refusal(response->status, response->body));
  return std::move(response->body);
}

Result<void> LocalApi::watch(std::string_view target,
                             Duration timeout,
                             const Context::OnLine& on_line) const {
  auto done = context_.stream(
      socket_,
      io::LocalCall{
          .method = "GET", .target = prefix_ + std::string(target), .body = {}, .timeout = timeout},
      on_line);
  if (!done && done.error().code != Errc::Timeout)
    return unexpected(explain(std::move(done.error())));
  return done;
}

// Why there was no answer.
Error LocalApi::explain(Error error) const {
  if (error.code == Errc::PermissionDenied) {
    error.detail = is_admin() ? fmt::format(
                                    "you may not use {}: only root may, and the group "
                                    "warren-admin; try with sudo",
                                    socket_)
                              : fmt::format("you may not use {}: try with sudo", socket_);
    return error;
  }
  if (error.code == Errc::Timeout) {
    error.detail = fmt::format("{} does not answer ({}): look at its log with `journalctl -u {}`",
                               is_admin() ? "warren-server" : "warrend", error.detail,
                               is_admin() ? "warren-server" : "warrend");
    return error;
  }
  if (error.code == Errc::NotFound) error.detail = fmt::format("there is no {}", socket_);
  error.code = Errc::Unavailable;
  error.detail =
      is_admin()
          ? fmt::format(
                "warren-server does not run on this machine ({}): administrators' commands work "
                "on the server itself; start it with `sudo systemctl start warren-server`",
                error.detail)
          : fmt::format(
                "warrend does not run ({}): start it with `sudo systemctl start warrend`, or in a "
                "terminal with `sudo warrend`",
                error.detail);
  return error;
}

// Why the answer is no.
Error LocalApi::refusal(unsigned status, const std::string& body) const {
  std::string why = problem_of(body);
  switch (status) {
    case 400:
      return {.code = Errc::InvalidArgument, .detail = std::move(why)};
    case 401:
    case 403:
      if (is_admin()) return {.code = Errc::PermissionDenied, .detail = std::move(why)};
      return {.code = Errc::PermissionDenied,
              .detail = fmt::format("access denied: {}: try with sudo, or let yourself in for good "
                                    "with `sudo warren set --operator={}`",
                                    why, context_.user.empty() ? "$USER" : context_.user)};
    case 404:
      return {.code = Errc::NotFound, .detail = std::move(why)};
    case 409:
      return {.code = Errc::AlreadyExists, .detail = std::move(why)};
    default:
      break;
  }
  return {.code = Errc::Io,
          .detail = why.empty() ? fmt::format("the answer is an error, status {}", status)
                                : std::move(why)};
}

std::string encode_component(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_plain(c)) {
      out.push_back(c);
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

int fail_with(Context& context, std::string_view command, int code, std::string_view why) {
  context.err << fmt::format("warren {}: {}\n", command, why);
  return code;
}

int fail_with(Context& context, std::string_view command, const Error& error) {
  const bool has_no_answer = error.code == Errc::Unavailable || error.code == Errc::Timeout;
  const int code = has_no_answer && command.starts_with("admin") ? kUnreachable : kFailed;
  return fail_with(context, command, code, error.detail);
}

}  // namespace warren::cli
