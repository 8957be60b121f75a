#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/json_raw.h"
#include "base/result.h"
#include "cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace warren::cli {

// A setting of the node: a flag of `up` and `set`, a member of the preferences' JSON
// (node-features.md section 17.4).
struct Setting {
  enum class Kind : unsigned char { Switch, Text };

  const char* flag;
  const char* name;
  Kind kind;
  const char* placeholder;  // for a text
  const char* help;
  bool is_for_set;          // else only of `up`
  bool default_on = false;  // of a switch
};

inline constexpr std::array kSettings = {
    Setting{"login-server", "ControlURL", Setting::Kind::Text, "URL", "The coordination server",
            false},
    Setting{"hostname", "Hostname", Setting::Kind::Text, "NAME",
            "This machine's name in the network (default: the system's host name)", true},
    Setting{"operator", "OperatorUser", Setting::Kind::Text, "USER",
            "A user of this machine who may control warrend without root", true},
    Setting{"shields-up", "ShieldsUp", Setting::Kind::Switch, "",
            "Let no connection from other machines in", true},
    Setting{"accept-routes", "RouteAll", Setting::Kind::Switch, "",
            "Use the subnets that other machines offer", true},
    Setting{"accept-dns", "CorpDNS", Setting::Kind::Switch, "",
            "Resolve names as the network says, by changing this machine's name resolution", true,
            true},
};

// Values by their names in JSON. What is absent has the default: as the switch is, or an empty
// text.
using Prefs = std::map<std::string, json::Raw>;

// The flags of a command that are settings, and what was given of them.
class SettingFlags {
 public:
  enum class Scope : unsigned char { Up, Set };

  // `command` keeps what it needs alive.
  static std::shared_ptr<SettingFlags> add_to(CLI::App& command, Scope scope);

  Prefs given() const;

 private:
  std::array<std::optional<json::Raw>, kSettings.size()> values_;
};

bool is_default(const Setting& setting, const Prefs& prefs);
json::Raw default_of(const Setting& setting);
// "--hostname=laptop", quoted for a shell.
std::string as_argument(const Setting& setting, const json::Raw& value);
// The text of a text, the JSON of anything else.
std::string as_text(const json::Raw& value);

// {"Hostname":"laptop","HostnameSet":true,…}
std::string masked(const Prefs& changes);

void add_set(CLI::App& root, Context& context);
void add_get(CLI::App& root, Context& context);

}  // namespace warren::cli
