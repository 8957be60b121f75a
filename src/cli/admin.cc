#include "cli/admin.h"

#include <memory>
#include <ostream>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "base/time_text.h"
#include "cli/admin_call.h"
#include "cli/admin_status.h"

namespace warren::cli {

namespace {

std::string certificate_words(const ServerCertificate& certificate) {
  if (certificate.source.empty()) return {};
  std::string out = certificate.source == "own"     ? "the server's own"
                    : certificate.source == "files" ? "from files"
                                                    : "from an authority";
  if (certificate.expires) out += ", good until " + to_rfc3339(*certificate.expires);
  if (certificate.acme && certificate.source == "own") out += "; waits for one of an authority";
  if (!certificate.error.empty()) out += ": " + certificate.error;
  if (certificate.next_try) out += ", next try at " + to_rfc3339(*certificate.next_try);
  return out;
}

int run_status(bool json, Context& context) {
  return call_admin<ServerStatus>(
      context, {.command = "admin status", .method = "GET", .target = "status", .body = {}},
      json ? Form::Json : Form::Text, [&](const ServerStatus& server) {
        TextTable table;
        const auto line = [&table](const char* name, const std::string& value) {
          if (!value.empty()) table.add({name, printable(value)});
        };
        line("Version", server.version);
        line("Address", server.url);
        line("Key", server.server_key);
        line("Domain", server.domain);
        line("Users", std::to_string(server.users));
        line("Nodes", fmt::format("{}, {} online", server.nodes, server.online));
        if (server.devices > 0) line("Devices", std::to_string(server.devices));
        line("Logins", server.waiting_logins == 0
                           ? "none waits"
                           : fmt::format("{} waiting: `warren admin login list` shows them",
                                         server.waiting_logins));
        line("Certificate", certificate_words(server.certificate));
        if (!server.hub.state.empty()) line("Hub", describe(server.hub));
        context.out << table.text();
        if (const auto join = join_command(server, {}); !join.empty())
          context.out << fmt::format("\nA machine joins with:\n\n\t{}\n", join);
      });
}

}  // namespace

std::string join_command(const ServerStatus& server, const std::string& auth_key) {
  if (server.url.empty()) return {};
  std::string out = fmt::format("sudo warren up --login-server {}", printable(server.url));
  if (!server.server_key.empty()) out += " --server-key " + printable(server.server_key);
  if (!auth_key.empty()) out += " --auth-key " + printable(auth_key);
  return out;
}

void add_admin(CLI::App& root, Context& context) {
  CLI::App* const admin = root.add_subcommand(
      "admin", "Users, keys, nodes, devices and logins, on the server's machine");
  admin->require_subcommand(1);
  admin->footer(
      "For root and the group warren-admin, on the machine where warren-server runs.\n"
      "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no answer.\n"
      "\n"
      "Example, two machines of one person:\n"
      "  sudo warren admin user add alice\n"
      "  sudo warren admin key create --user alice      prints what to type on a machine");
  auto json = std::make_shared<bool>(false);
  CLI::App* const status = admin->add_subcommand("status", "The server in a few lines");
  status->footer("Example:\n  sudo warren admin status");
  status->add_flag("--json", *json, "Print JSON");
  status->callback([json, &context] { context.exit_code = run_status(*json, context); });
  add_admin_hub(*admin, context);
  add_admin_users(*admin, context);
  add_admin_keys(*admin, context);
  add_admin_nodes(*admin, context);
  add_admin_devices(*admin, context);
  add_admin_logins(*admin, context);
}

}  // namespace warren::cli
