#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_wire.h"
#include "base/result.h"
#include "base/time.h"
#include "cli/context.h"

namespace warren::cli {

// One line of watch-ipn-bus, as far as commands read it.
struct Notify {
  std::string version;
  std::optional<int> state;
  std::string error;  // why the node cannot go on without a person
  std::string auth_url;
  std::vector<std::string> health;  // what is wrong now, and may pass
};

template <class Visitor, json::wire::Either<Notify> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("Version", x.version);
  visit("State", x.state);
  visit("ErrMessage", x.error);
  visit("BrowseToURL", x.auth_url);
  visit("Health", x.health);
}

struct WaitOptions {
  enum class Login : unsigned char { LeaveIt, AskForIt };

  std::string_view command;         // for messages
  std::optional<Duration> timeout;  // none: for as long as it takes
  Login login = Login::LeaveIt;     // when the node needs a person's login
  bool json = false;
};

// Waits until the node is running; after a second, a line on stderr says for what. Where the node
// needs a login and may ask for one, shows where a person does that. Fails with what the node says
// is in the way.
Result<void> wait_until_running(const WaitOptions& options, Context& context);

// One line on stderr if warrend is of another version than this program.
void warn_of_version(std::string_view daemon_version, Context& context);

}  // namespace warren::cli
