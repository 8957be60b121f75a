#include "acme/core/engine.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "acme/core/jws.h"
#include "acme/core/problems.h"
#include "base/time_text.h"

namespace warren::acme {

namespace {

constexpr Duration kLookEvery = 1h;  // at the wall clock, which may have been set
constexpr std::size_t kMostNonces = 4;
constexpr std::size_t kMaxNonce = 512;
constexpr unsigned kMostRefusedNonces = 10;  // of one request
// Four fifths of what Let's Encrypt allows (spec: edge section 3.1): 5 certificates for the same
// names in a week, 5 failed validations of a name in an hour.
constexpr std::size_t kFirstOrders = 4;
constexpr std::int64_t kFirstOrdersIn = std::int64_t{7} * 86400;
constexpr std::size_t kFailedValidations = 4;
constexpr std::int64_t kFailedValidationsIn = 3600;
constexpr std::int64_t kMostSeconds = 86400;  // so that nothing overflows
// Alarms when so much of the lifetime is over (same section).
constexpr std::array<double, 2> kAlarms = {0.75, 0.9};

}  // namespace

Engine::Engine(Settings settings, const P256PrivateKey& key, Random& random)
    : settings_(std::move(settings)), key_(key), random_(random) {}

void Engine::start(Ledger ledger, std::optional<Certificate> certificate, Now now, Actions& out) {
  ledger_ = std::move(ledger);
  certificate_ = std::move(certificate);
  ask_renewal_info_ = now.time;
  if (certificate_) schedule_renewal();
  // Orders are made when one is due: this one's result was stored, and then there was no time left
  // to say so.
  if (certificate_ && ledger_.renew_at > now.wall.seconds) ledger_.order.clear();
  plan(now, out);
}

bool Engine::is_own(std::string_view url) const {
  const auto parsed = parse_url(url);
  return parsed && parsed->has_same_origin(settings_.directory);
}

// --- idle

void Engine::schedule_renewal() {
  if (!certificate_->renewal_id.empty() && ledger_.renewal_id == certificate_->renewal_id &&
      ledger_.renew_at != 0) {
    return;  // drawn before
  }
  ledger_.renewal_id = certificate_->renewal_id;
  ledger_.window_start = 0;
  ledger_.window_end = 0;
  ledger_.renew_at = renewal_time(certificate_->lifetime, random_).seconds;
}

// Until when the quota of the authority must be spared; none: it need not.
std::optional<WallTime> Engine::held_until(WallTime now) const {
  std::int64_t until = 0;
  const auto count = [&](const std::vector<std::int64_t>& times, std::size_t most,
                         std::int64_t span) {
    std::vector<std::int64_t> recent;
    std::ranges::copy_if(times, std::back_inserter(recent), [&](std::int64_t time) {
      return time > now.seconds - span && time <= now.seconds;
    });
    if (recent.size() >= most) until = std::max(until, recent[recent.size() - most] + span);
  };
  count(ledger_.failed_validations, kFailedValidations, kFailedValidationsIn);
  if (!certificate_ && ledger_.order.empty()) {
    count(ledger_.first_orders, kFirstOrders, kFirstOrdersIn);
  }
  if (until == 0) return std::nullopt;
  return WallTime{.seconds = until};
}

void Engine::warn_of_the_end(Now now, Actions& out) {
  while (warned_ < kAlarms.size() && certificate_->lifetime.at(kAlarms.at(warned_)) <= now.wall) {
    ++warned_;
    const bool is_last = warned_ == kAlarms.size();
    out.emplace_back(Tell{
        .level = is_last ? LogLevel::Error : LogLevel::Warn,
        .sentence =
            fmt::format("the certificate of {} ends at {} and is not renewed yet: {}",
                        settings_.name, to_rfc3339(certificate_->lifetime.not_after),
                        ledger_.error.empty() ? "the authority is being asked" : ledger_.error)});
  }
}

// Decides what is next while nothing is under way.
void Engine::plan(Now now, Actions& out) {
  step_ = Step::Idle;
  is_waiting_ = false;
  post_.reset();
  if (certificate_) warn_of_the_end(now, out);
  std::int64_t due = certificate_ ? ledger_.renew_at : now.wall.seconds;
  // A wall clock that was set back must not make it wait for years.
  const std::int64_t latest_try =
      now.wall.seconds + std::chrono::duration_cast<std::chrono::seconds>(kMostWait).count();
  due = std::max(due, std::min(ledger_.next_try, latest_try));
  if (due <= now.wall.seconds) {
    const auto held = held_until(now.wall);
    if (!held) return begin(Purpose::Order, out);
    due = held->seconds;
    if (ledger_.next_try < due) {
      ledger_.next_try = due;
      ledger_.error = fmt::format(
          "no certificate is asked for {} before {}: too many were, or failed, lately, and the "
          "authority would refuse",
          settings_.name, to_rfc3339(*held));
      keep(out);
      out.emplace_back(Tell{.level = LogLevel::Warn, .sentence = ledger_.error});
    }
  }
  wake_ = now.time + std::min<Duration>(std::chrono::seconds(std::min<std::int64_t>(
                                            due - now.wall.seconds, kMostSeconds)),
                                        kLookEvery);
  if (!certificate_ || certificate_->renewal_id.empty()) return;
  if (ask_renewal_info_ <= now.time) return begin(Purpose::RenewalInfo, out);
  wake_ = std::min(wake_, ask_renewal_info_);
}

void Engine::begin(Purpose purpose, Actions& out) {
  purpose_ = purpose;
  may_replace_ = may_make_account_ = true;
  answered_.reset();
  nonces_.clear();  // they are older than an authority remembers
  get(Step::Directory, settings_.directory, out);
}

void Engine::on_timeout(Now now, Actions& out) {
  if (now.time < wake_) return;
  wake_ = kNever;
  if (step_ == Step::Idle) return plan(now, out);
  if (!is_waiting_) return;
  is_waiting_ = false;
  const std::string url = step_ == Step::Order ? ledger_.order : authorizations_.at(authorization_);
  post(step_, url, {}, now, out);
}

// --- requests

void Engine::get(Step step, const Url& url, Actions& out) {
  step_ = step;
  wake_ = kNever;
  out.emplace_back(SendRequest{.kind = SendRequest::Kind::Get, .url = url, .body = {}});
}

// An empty payload only asks.
void Engine::post(Step step, std::string_view url, std::string payload, Now now, Actions& out) {
  const auto parsed = parse_url(url);
  step_ = step;
  if (!parsed || !parsed->has_same_origin(settings_.directory)) {
    return refuse(fmt::format("{}: the authority names a URL that is not its own", doing()), now,
                  out);
  }
  wake_ = kNever;
  post_ = Post{.url = *parsed, .payload = std::move(payload), .is_by_key = step == Step::Account};
  nonces_refused_ = 0;
  send_post(out);
}

void Engine::send_post(Actions& out) {
  is_nonce_asked_ = nonces_.empty();
  if (is_nonce_asked_) {
    const auto url = parse_url(directory_->new_nonce);
    WARREN_CHECK(url);  // decode_directory() has looked
    out.emplace_back(SendRequest{.kind = SendRequest::Kind::Head, .url = *url, .body = {}});
    return;
  }
  const Url& url = post_->url;
  const bool is_v6 = url.host.contains(':');
  JwsHeader header;
  header.url = fmt::format("https://{}{}{}{}{}", is_v6 ? "[" : "", url.host, is_v6 ? "]" : "",
                           url.port == 443 ? "" : fmt::format(":{}", url.port), url.target);
  header.nonce = std::move(nonces_.back());
  nonces_.pop_back();
  if (!post_->is_by_key) header.account = ledger_.account;
  out.emplace_back(SendRequest{
      .kind = SendRequest::Kind::Post, .url = url, .body = sign_jws(key_, header, post_->payload)});
}

// RFC 8555 section 6.5.1: base64url, or it is not used.
void Engine::keep_nonce(const std::string& nonce) {
  const bool is_usable =
      !nonce.empty() && nonce.size() <= kMaxNonce && std::ranges::all_of(nonce, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
      });
  if (is_usable && nonces_.size() < kMostNonces) nonces_.push_back(nonce);
}

void Engine::on_answer(const Answer& answer, Now now, Actions& out) {
  if (step_ == Step::Idle || is_waiting_) return;
  keep_nonce(answer.nonce);
  if (step_ == Step::Directory) return take_directory(answer, now, out);
  if (step_ == Step::RenewalInfo) return take_renewal_info(answer, now, out);
  if (!post_) return;
  if (is_nonce_asked_) {
    if (!nonces_.empty()) return send_post(out);
    return give_way(fmt::format("{}: {} gives no nonce (it answered {})", doing(),
                                settings_.directory.host, answer.status),
                    answer.retry_after, now, out);
  }
  on_posted(answer, now, out);
}

void Engine::on_no_answer(std::string_view why, Now now, Actions& out) {
  if (step_ == Step::Idle || is_waiting_) return;
  if (purpose_ == Purpose::RenewalInfo) return stop_renewal_info(kRenewalInfoEvery, now, out);
  give_way(fmt::format("{}: {}", doing(), why), {}, now, out);
}

void Engine::on_posted(const Answer& answer, Now now, Actions& out) {
  if (answer.status >= 300 || answer.status < 200) {
    const Problem problem = decode_problem(answer.body);
    if (problem.type == "badNonce" && ++nonces_refused_ <= kMostRefusedNonces) {
      return send_post(out);  // RFC 8555 section 6.5: with the nonce that came with it
    }
    return on_refused(answer, problem, now, out);
  }
  switch (step_) {
    case Step::Account:
      if (!is_own(answer.location)) {
        return refuse(fmt::format("{}: the answer has no usable Location", doing()), now, out);
      }
      ledger_.account = answer.location;
      keep(out);
      return proceed(now, out);
    case Step::NewOrder:
      if (!is_own(answer.location)) {
        return refuse(fmt::format("{}: the answer has no usable Location", doing()), now, out);
      }
      ledger_.order = answer.location;
      keep(out);
      return take_order(answer, now, out);
    case Step::Order:
    case Step::Finalize:
      return take_order(answer, now, out);
    case Step::Authorization:
      return take_authorization(answer, now, out);
    case Step::Answer:
      return ask_again(Step::Authorization, answer, now, out);
    case Step::Download:
      step_ = Step::Store;
      post_.reset();
      out.emplace_back(StoreCertificate{answer.body});
      return;
    case Step::Idle:
    case Step::Directory:
    case Step::RenewalInfo:
    case Step::Request:
    case Step::Store:
      return;  // nothing was posted
  }
}

// What is being done, for a sentence.
std::string Engine::doing() const {
  switch (step_) {
    case Step::Directory:
      return "find the certificate authority";
    case Step::Account:
      return "make an account";
    case Step::NewOrder:
      return "order a certificate for " + settings_.name;
    case Step::Authorization:
    case Step::Answer:
      return "show that " + settings_.name + " is ours";
    case Step::Finalize:
    case Step::Order:
    case Step::Download:
    case Step::Request:
    case Step::Store:
      return "get the certificate for " + settings_.name;
    case Step::RenewalInfo:
      return "ask when to renew";
    case Step::Idle:
      break;
  }
  return "wait";
}

}  // namespace warren::acme
