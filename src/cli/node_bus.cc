#include "cli/node_bus.h"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include "base/json_object.h"
#include "base/version.h"
#include "cli/json_text.h"
#include "cli/local_api.h"
#include "cli/text_table.h"
#include "cli/version.h"
#include "node/core/backend_state.h"

namespace warren::cli {

namespace {

// Initial state, initial health: node-features.md section 17.3.
constexpr unsigned kMask = (1U << 1U) | (1U << 7U);
constexpr Duration kProgressAfter = 1s;

class Waiting {
 public:
  Waiting(const WaitOptions& options, Context& context)
      : options_(options), context_(context), api_(LocalApi::node(context)) {
    if (options.timeout) deadline_ = context.now() + *options.timeout;
    next_progress_ = context.now() + kProgressAfter;
  }

  Result<void> run() {
    const std::string target = fmt::format("watch-ipn-bus?mask={}", kMask);
    while (!outcome_) {
      const TimePoint now = context_.now();
      if (now >= deadline_) {
        return fail(Errc::Io,
                    fmt::format("gave up after {}: {}", brief(*options_.timeout), what()));
      }
      // Without news the stream ends after a second, so that waiting can be told and can end.
      const auto watched = api_.watch(target, std::min(kProgressAfter, deadline_ - now),
                                      [this](std::string_view line) { return on_line(line); });
      if (outcome_) break;
      if (watched && context_.now() < deadline_) {
        return fail(Errc::Io, "warrend ended meanwhile: see `journalctl -u warrend`");
      }
      if (!watched && watched.error().code != Errc::Timeout) return watched;
      tell_progress();
    }
    return *outcome_;
  }

 private:
  bool on_line(std::string_view line) {
    const auto notify = read_answer<Notify>(line);
    if (!notify) {
      outcome_ = unexpected(notify.error());
      return false;
    }
    if (!notify->version.empty() && !std::exchange(knows_version_, true))
      warn_of_version(notify->version, context_);
    if (!notify->health.empty()) health_ = notify->health.front();
    if (!notify->error.empty()) outcome_ = fail(Errc::Io, printable(notify->error));
    if (notify->state) on_state(static_cast<node::BackendState>(*notify->state));
    if (!notify->auth_url.empty()) show_login(notify->auth_url);
    const TimePoint now = context_.now();
    if (!outcome_ && now >= deadline_) return false;
    if (!outcome_) tell_progress();
    return !outcome_;
  }

  void on_state(node::BackendState state) {
    state_ = state;
    if (outcome_) return;
    if (state == node::BackendState::Running) {
      if (options_.json) {
        context_.out << indented(json::ObjectText().text("BackendState", "Running").done());
      } else if (!shown_url_.empty()) {
        context_.err << "Success.\n";
      }
      outcome_ = Result<void>();
    } else if (state == node::BackendState::InUseOtherUser) {
      outcome_ = fail(Errc::Io, "another user of this machine uses warrend now");
    } else if (state == node::BackendState::NeedsLogin &&
               options_.login == WaitOptions::Login::AskForIt && !std::exchange(has_asked_, true)) {
      const auto asked = api_.send("POST", "login-interactive");
      if (!asked) outcome_ = unexpected(asked.error());
    }
  }

  void show_login(const std::string& url) {
    if (options_.login == WaitOptions::Login::LeaveIt || url == shown_url_) return;
    shown_url_ = url;
    if (options_.json) {
      context_.out << indented(json::ObjectText()
                                   .text("AuthURL", url)
                                   .text("BackendState", node::to_string(state_))
                                   .done());
      context_.out.flush();
      return;
    }
    context_.err << fmt::format("\nTo authenticate, visit:\n\n\t{}\n\n", printable(url));
    const std::size_t slash = url.rfind('/');
    if (slash != std::string::npos && slash + 1 < url.size()) {
      context_.err << fmt::format(
          "or let an administrator run on the server:\n\n\tsudo warren admin login approve {} "
          "--user USER\n\n",
          printable(std::string_view(url).substr(slash + 1)));
    }
    context_.err.flush();
  }

  std::string what() const {
    switch (state_) {
      case node::BackendState::NeedsLogin:
        return options_.login == WaitOptions::Login::LeaveIt
                   ? "this machine is not logged in: run `warren up`"
                   : "waiting for somebody to approve the login";
      case node::BackendState::NeedsMachineAuth:
        return "waiting for an administrator to approve this machine";
      case node::BackendState::Stopped:
        return options_.login == WaitOptions::Login::LeaveIt ? "Warren is stopped: run `warren up`"
                                                             : "waiting for warrend to start";
      default:
        break;
    }
    return health_.empty() ? "waiting for the server"
                           : fmt::format("waiting for the server: {}", printable(health_));
  }

  void tell_progress() {
    if (context_.now() < next_progress_) return;
    const std::string now_for = what();
    if (now_for == told_) return;
    told_ = now_for;
    context_.err << fmt::format("warren {}: {}\n", options_.command, now_for);
    context_.err.flush();
  }

  const WaitOptions& options_;
  Context& context_;
  LocalApi api_;
  TimePoint deadline_ = kNever;
  TimePoint next_progress_;
  std::optional<Result<void>> outcome_;
  node::BackendState state_ = node::BackendState::NoState;
  std::string health_;
  std::string shown_url_;
  std::string told_;
  bool has_asked_ = false;
  bool knows_version_ = false;
};

}  // namespace

Result<void> wait_until_running(const WaitOptions& options, Context& context) {
  return Waiting(options, context).run();
}

void warn_of_version(std::string_view daemon_version, Context& context) {
  if (daemon_version.empty() || daemon_version == version()) return;
  context.err << fmt::format(
      "warning: this is warren {}, and warrend is {}: restart it with `sudo systemctl restart "
      "warrend`\n",
      version(), printable(daemon_version));
}

}  // namespace warren::cli
