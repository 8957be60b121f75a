#pragma once

#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

// `warren admin`: the coordination server, on the machine where it runs (server.md section 7.7).
void add_admin(CLI::App& root, Context& context);

// Its families, each with its own commands below `admin`.
void add_admin_hub(CLI::App& admin, Context& context);
void add_admin_users(CLI::App& admin, Context& context);
void add_admin_keys(CLI::App& admin, Context& context);
void add_admin_nodes(CLI::App& admin, Context& context);
void add_admin_devices(CLI::App& admin, Context& context);
void add_admin_logins(CLI::App& admin, Context& context);

}  // namespace warren::cli
