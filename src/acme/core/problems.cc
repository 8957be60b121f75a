#include "acme/core/problems.h"

#include <fmt/format.h>

namespace warren::acme {

namespace {

// "…: it says: …", where it says something.
std::string quoted(const Problem& problem) {
  if (!problem.detail.empty()) return fmt::format(" (it says: {})", problem.detail);
  return problem.type.empty() ? std::string() : fmt::format(" (it says: {})", problem.type);
}

}  // namespace

std::string explain_validation(Method method, const std::string& name, const Problem& problem) {
  const int port = method == Method::Http01 ? 80 : 443;
  const std::string what = fmt::format("{} for {}", to_string(method), name);
  if (problem.type == "dns") {
    return fmt::format(
        "{} failed: the authority finds no address of {} in DNS: let an A or AAAA record point to "
        "this server{}",
        what, name, quoted(problem));
  }
  if (problem.type == "caa") {
    return fmt::format(
        "{} failed: a CAA record of {} or above it in DNS does not allow this authority: add it "
        "there{}",
        what, name, quoted(problem));
  }
  if (problem.type == "connection") {
    return fmt::format(
        "{0} failed: the authority cannot connect to TCP port {1} of {2}: open it in the firewall "
        "of this server and of its provider, and look where {2} points to in DNS{3}",
        what, port, name, quoted(problem));
  }
  if (problem.type == "unauthorized" || problem.type == "incorrectResponse" ||
      problem.type == "tls") {
    return fmt::format(
        "{0} failed: somebody else answers at TCP port {1} of {2}: does {2} point to this server "
        "in DNS, also with its AAAA record, and is no proxy before it{3}",
        what, port, name, quoted(problem));
  }
  return fmt::format("{} failed{}", what, quoted(problem));
}

std::string explain_refusal(const std::string& doing,
                            const std::string& authority,
                            unsigned status,
                            const Problem& problem) {
  const std::string what = fmt::format("{} at {}", doing, authority);
  if (problem.type == "rateLimited" || status == 429) {
    return fmt::format(
        "{}: too many requests for this name or from this address lately; it is tried again when "
        "that is allowed. Nothing is to be done, unless several servers share the name{}",
        what, quoted(problem));
  }
  if (problem.type == "rejectedIdentifier" || problem.type == "unsupportedIdentifier") {
    return fmt::format(
        "{}: it gives no certificates for this name: choose another one in \"url\"{}", what,
        quoted(problem));
  }
  if (problem.type == "caa") {
    return fmt::format("{}: a CAA record in DNS does not allow this authority: add it there{}",
                       what, quoted(problem));
  }
  if (problem.type == "invalidContact" || problem.type == "unsupportedContact") {
    return fmt::format("{}: it does not take \"tls.acme.email\": correct it, or leave it out{}",
                       what, quoted(problem));
  }
  if (problem.type == "externalAccountRequired") {
    return fmt::format(
        "{}: it wants an account that was made with it before, which this server cannot use: "
        "choose another \"tls.acme.directory\"{}",
        what, quoted(problem));
  }
  if (problem.type == "userActionRequired") {
    return fmt::format("{}: its terms have changed, and somebody has to agree{}", what,
                       quoted(problem));
  }
  return fmt::format("{}: it answered {}{}", what, status, quoted(problem));
}

bool is_passing(unsigned status, const Problem& problem) {
  return status == 429 || status >= 500 || problem.type == "rateLimited" ||
         problem.type == "serverInternal" || problem.type == "badNonce";
}

}  // namespace warren::acme
