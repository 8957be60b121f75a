#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "acme/core/engine.h"
#include "acme/core/jws.h"
#include "acme/core/problems.h"
#include "base/hex.h"
#include "base/json_object.h"
#include "base/time_text.h"

// An attempt of Engine, from the directory to the certificate.
namespace warren::acme {

namespace {

constexpr Duration kAskEvery = 2s;  // how it goes, where the authority does not say
constexpr unsigned kAsksBeforeSlower = 5;
constexpr Duration kLeastAsk = 1s;
constexpr Duration kMostAsk = 60s;
constexpr Duration kPatience = 10min;               // for validation, and for issuing
constexpr std::size_t kMostAuthorizations = 4;      // of an order for one name
constexpr std::string_view kProfile = "tlsserver";  // of Let's Encrypt: short, and for servers only
constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kWeek = std::int64_t{7} * 24 * kHour;

void note(std::vector<std::int64_t>& times, std::int64_t now, std::int64_t span) {
  std::erase_if(times, [&](std::int64_t time) { return time <= now - span || time > now; });
  if (times.size() >= kMostTimes) times.erase(times.begin());
  times.push_back(now);
}

}  // namespace

void Engine::take_directory(const Answer& answer, Now now, Actions& out) {
  auto directory = answer.status == 200
                       ? decode_directory(answer.body)
                       : fail(Errc::Unavailable, fmt::format("it answered {}", answer.status));
  if (directory && !(is_own(directory->new_nonce) && is_own(directory->new_account) &&
                     is_own(directory->new_order) &&
                     (directory->renewal_info.empty() || is_own(directory->renewal_info)))) {
    directory = fail(Errc::Unavailable, "it names URLs that are not its own");
  }
  if (!directory) {
    if (purpose_ == Purpose::RenewalInfo) return stop_renewal_info(kRenewalInfoEvery, now, out);
    return give_way(
        fmt::format("{} at https://{}{}: {}: is \"tls.acme.directory\" right?", doing(),
                    settings_.directory.host, settings_.directory.target, directory.error().detail),
        answer.retry_after, now, out);
  }
  directory_ = std::move(*directory);
  if (purpose_ == Purpose::RenewalInfo) {
    if (directory_->renewal_info.empty()) return stop_renewal_info(kMostWait, now, out);
    const std::string& base = directory_->renewal_info;
    const auto url = parse_url(
        fmt::format("{}{}{}", base, base.ends_with('/') ? "" : "/", certificate_->renewal_id));
    if (!url) return stop_renewal_info(kMostWait, now, out);
    return get(Step::RenewalInfo, *url, out);
  }
  proceed(now, out);
}

void Engine::take_renewal_info(const Answer& answer, Now now, Actions& out) {
  const auto window =
      answer.status == 200 ? decode_renewal_info(answer.body) : fail(Errc::Unavailable, "");
  if (!window) return stop_renewal_info(kRenewalInfoEvery, now, out);
  if (ledger_.window_start != window->start.seconds || ledger_.window_end != window->end.seconds) {
    ledger_.renewal_id = certificate_->renewal_id;
    ledger_.window_start = window->start.seconds;
    ledger_.window_end = window->end.seconds;
    ledger_.renew_at = renewal_time(certificate_->lifetime, *window, now.wall, random_).seconds;
    keep(out);
  }
  const auto wait = parse_retry_after(answer.retry_after, now.wall);
  stop_renewal_info(std::clamp(wait.value_or(kRenewalInfoEvery), kLeastRenewalInfo, kMostWait), now,
                    out);
}

void Engine::stop_renewal_info(Duration ask_again, Now now, Actions& out) {
  ask_renewal_info_ = now.time + ask_again;
  plan(now, out);
}

// The next thing that is missing: account, order, or its state.
void Engine::proceed(Now now, Actions& out) {
  if (ledger_.account.empty()) return make_account(now, out);
  if (ledger_.order.empty()) return make_order(now, out);
  is_finalized_ = is_order_invalid_ = is_authorized_ = false;
  be_patient(now);
  post(Step::Order, ledger_.order, {}, now, out);
}

void Engine::make_account(Now now, Actions& out) {
  step_ = Step::Account;
  if (directory_->needs_external_account) {
    return refuse(explain_refusal(doing(), settings_.directory.host, 0,
                                  {.type = "externalAccountRequired", .detail = {}}),
                  now, out);
  }
  json::ObjectText payload;
  payload.boolean("termsOfServiceAgreed", true);
  if (!settings_.email.empty()) {
    std::string contact = "[";
    json::Writer writer(contact);
    writer.element();
    writer.text("mailto:" + settings_.email);
    payload.json("contact", contact + "]");
  }
  post(Step::Account, directory_->new_account, payload.done(), now, out);
}

void Engine::make_order(Now now, Actions& out) {
  std::string identifiers = "[";
  identifiers += json::ObjectText().text("type", "dns").text("value", settings_.name).done() + "]";
  json::ObjectText payload;
  payload.json("identifiers", identifiers);
  if (std::ranges::find(directory_->profiles, kProfile) != directory_->profiles.end())
    payload.text("profile", kProfile);
  const bool is_renewal = certificate_ && !certificate_->renewal_id.empty();
  if (is_renewal && may_replace_ && !directory_->renewal_info.empty()) {
    payload.text("replaces", certificate_->renewal_id);
  }
  if (!certificate_) note(ledger_.first_orders, now.wall.seconds, kWeek);
  keep(out);  // before it is sent: it counts, whatever becomes of us
  is_finalized_ = is_order_invalid_ = is_authorized_ = false;
  answered_.reset();
  be_patient(now);
  post(Step::NewOrder, directory_->new_order, payload.done(), now, out);
}

void Engine::take_order(const Answer& answer, Now now, Actions& out) {
  auto order = decode_order(answer.body);
  if (!order) return refuse(fmt::format("{}: {}", doing(), order.error().detail), now, out);
  if (order->authorizations.size() > kMostAuthorizations) {
    return refuse(fmt::format("{}: the order wants more than the name", doing()), now, out);
  }
  authorizations_ = std::move(order->authorizations);
  finalize_ = std::move(order->finalize);
  switch (order->status) {
    case Status::Invalid:
      if (order->error) {
        return refuse(
            explain_refusal(doing(), settings_.directory.host, answer.status, *order->error), now,
            out);
      }
      is_order_invalid_ = true;  // why, an authorization knows
      [[fallthrough]];
    case Status::Pending:
      // Again, although all were valid: it takes a moment.
      if (is_authorized_ && !is_order_invalid_) return ask_again(Step::Order, answer, now, out);
      authorization_ = 0;
      return post(Step::Authorization, authorizations_.front(), {}, now, out);
    case Status::Ready:
      if (is_finalized_) return ask_again(Step::Order, answer, now, out);
      step_ = Step::Request;
      post_.reset();
      be_patient(now);
      out.emplace_back(EndChallenges{});
      out.emplace_back(MakeRequest{settings_.name});
      return;
    case Status::Processing:
      return ask_again(Step::Order, answer, now, out);
    case Status::Valid:
      out.emplace_back(EndChallenges{});
      return post(Step::Download, order->certificate, {}, now, out);
  }
}

// From now on, for what the authority does itself.
void Engine::be_patient(Now now) {
  patience_ends_ = now.time + kPatience;
  asked_again_ = 0;
}

// Later, not at once; but the attempt does not last for ever.
void Engine::ask_again(Step step, const Answer& answer, Now now, Actions& out) {
  step_ = step;
  if (now.time >= patience_ends_) {
    return give_way(fmt::format("{}: {} takes too long", doing(), settings_.directory.host), {},
                    now, out);
  }
  // Where the authority does not say: less and less often.
  const auto wait = parse_retry_after(answer.retry_after, now.wall)
                        .value_or(kAskEvery * (1 + asked_again_++ / kAsksBeforeSlower));
  is_waiting_ = true;
  post_.reset();
  wake_ = now.time + std::clamp(wait, kLeastAsk, kMostAsk);
}

void Engine::take_authorization(const Answer& answer, Now now, Actions& out) {
  const auto authorization = decode_authorization(answer.body);
  if (!authorization) {
    return refuse(fmt::format("{}: {}", doing(), authorization.error().detail), now, out);
  }
  if (authorization->name != settings_.name) {
    return refuse(fmt::format("{}: the authority asks for another name", doing()), now, out);
  }
  switch (authorization->status) {
    case Status::Invalid:
      return validation_failed(*authorization, now, out);
    case Status::Valid:
      if (++authorization_ < authorizations_.size()) {
        answered_.reset();
        return post(Step::Authorization, authorizations_[authorization_], {}, now, out);
      }
      if (is_order_invalid_) {
        return refuse(fmt::format("{}: the order became invalid, and nobody says why", doing()),
                      now, out);
      }
      is_authorized_ = true;
      return post(Step::Order, ledger_.order, {}, now, out);
    case Status::Pending:
    case Status::Ready:
    case Status::Processing:
      if (is_order_invalid_) {
        return refuse(fmt::format("{}: the order became invalid, and nobody says why", doing()),
                      now, out);
      }
      if (answered_) return ask_again(Step::Authorization, answer, now, out);
      return choose_challenge(*authorization, now, out);
  }
}

// The one that worked last, else the first one; not one that has failed in this attempt.
void Engine::choose_challenge(const Authorization& authorization, Now now, Actions& out) {
  std::vector<Method> methods = settings_.methods;
  const auto good = std::ranges::find(methods, parse_method(ledger_.good_method));
  if (good != methods.end()) std::rotate(methods.begin(), good, good + 1);
  for (const Method method : methods) {
    if (to_string(method) == ledger_.failed_method) continue;
    const auto found = std::ranges::find(authorization.challenges, method, &Challenge::method);
    if (found == authorization.challenges.end()) continue;
    answered_ = method;
    be_patient(now);
    out.emplace_back(
        ServeChallenge{.method = method,
                       .name = settings_.name,
                       .token = found->token,
                       .authorization = key_authorization(found->token, key_.public_key())});
    return post(Step::Answer, found->url, "{}", now, out);
  }
  refuse(fmt::format("{}: the authority offers no method that is possible here: open port 80 or "
                     "443 to everybody",
                     doing()),
         now, out);
}

void Engine::validation_failed(const Authorization& authorization, Now now, Actions& out) {
  const auto failed = std::ranges::find_if(
      authorization.challenges, [](const Challenge& one) { return one.error.has_value(); });
  out.emplace_back(EndChallenges{});
  ledger_.order.clear();
  if (failed == authorization.challenges.end()) {
    return refuse(fmt::format("{}: the authorization became invalid, and nobody says why", doing()),
                  now, out);
  }
  std::string sentence = explain_validation(failed->method, settings_.name, *failed->error);
  note(ledger_.failed_validations, now.wall.seconds, kHour);
  const bool has_other = std::ranges::any_of(
      settings_.methods, [&](Method method) { return method != failed->method; });
  if (!ledger_.failed_method.empty() || !has_other || held_until(now.wall)) {
    if (!ledger_.failed_method.empty()) sentence = fmt::format("{}; {}", ledger_.error, sentence);
    return refuse(std::move(sentence), now, out);
  }
  ledger_.failed_method = to_string(failed->method);
  ledger_.error = sentence;
  out.emplace_back(
      Tell{.level = LogLevel::Warn, .sentence = std::move(sentence) + "; trying the other method"});
  make_order(now, out);
}

void Engine::on_request(ByteView der, Now now, Actions& out) {
  if (step_ != Step::Request) return;
  is_finalized_ = true;
  post(Step::Finalize, finalize_, json::ObjectText().text("csr", to_base64url(der)).done(), now,
       out);
}

void Engine::on_stored(Certificate certificate, Now now, Actions& out) {
  if (step_ != Step::Store) return;
  certificate_ = std::move(certificate);
  if (answered_) ledger_.good_method = to_string(*answered_);
  ledger_.order.clear();
  ledger_.failed_method.clear();
  ledger_.error.clear();
  ledger_.failures = ledger_.troubles = 0;
  ledger_.next_try = 0;
  ledger_.renew_at = 0;
  warned_ = 0;
  ask_renewal_info_ = now.time;
  schedule_renewal();
  keep(out);
  out.emplace_back(
      Tell{.level = LogLevel::Info,
           .sentence = fmt::format("the certificate of {} is good until {}", settings_.name,
                                   to_rfc3339(certificate_->lifetime.not_after))});
  plan(now, out);
}

void Engine::on_unusable(std::string_view why, Now now, Actions& out) {
  if (step_ != Step::Store && step_ != Step::Request) return;
  refuse(fmt::format("{}: {}", doing(), why), now, out);
}

void Engine::on_refused(const Answer& answer, const Problem& problem, Now now, Actions& out) {
  const std::string words =
      explain_refusal(doing(), settings_.directory.host, answer.status, problem);
  if (is_passing(answer.status, problem)) return give_way(words, answer.retry_after, now, out);
  if (problem.type == "accountDoesNotExist" && may_make_account_ && step_ != Step::Account) {
    // The authority has forgotten us, with all orders.
    may_make_account_ = false;
    ledger_.account.clear();
    ledger_.order.clear();
    keep(out);
    return proceed(now, out);
  }
  if (step_ == Step::NewOrder && may_replace_ && certificate_) {
    may_replace_ = false;  // "replaces" is what an authority may not like (RFC 9773 section 5)
    return make_order(now, out);
  }
  if (step_ == Step::Answer) {
    // It was told before we were restarted; else the authorization says what is wrong.
    return ask_again(Step::Authorization, answer, now, out);
  }
  if (step_ == Step::Order && !is_finalized_ && answer.status == 404) {
    ledger_.order.clear();
    keep(out);
    return proceed(now, out);
  }
  refuse(words, now, out);
}

// The authority has said no. Asking the same again at once would only fill its quota.
void Engine::refuse(std::string sentence, Now now, Actions& out) {
  ++ledger_.failures;
  const Duration wait = delay_after_failures(ledger_.failures);
  ledger_.order.clear();
  ledger_.failed_method.clear();
  ledger_.next_try = now.wall.after(std::chrono::duration_cast<std::chrono::seconds>(wait)).seconds;
  ledger_.error = std::move(sentence);
  out.emplace_back(EndChallenges{});
  keep(out);
  out.emplace_back(
      Tell{.level = LogLevel::Warn,
           .sentence = fmt::format("{}; next try at {}", ledger_.error,
                                   to_rfc3339(WallTime{.seconds = ledger_.next_try}))});
  plan(now, out);
}

// It cannot be done now. The order, if there is one, waits.
void Engine::give_way(std::string sentence, std::string_view retry_after, Now now, Actions& out) {
  ++ledger_.troubles;
  Duration wait = delay_after_troubles(ledger_.troubles, random_);
  if (const auto said = parse_retry_after(retry_after, now.wall)) wait = std::max(wait, *said);
  wait = std::min(wait, kMostWait);
  ledger_.next_try = now.wall.after(std::chrono::duration_cast<std::chrono::seconds>(wait)).seconds;
  ledger_.error = std::move(sentence);
  keep(out);
  out.emplace_back(
      Tell{.level = LogLevel::Warn,
           .sentence = fmt::format("{}; next try at {}", ledger_.error,
                                   to_rfc3339(WallTime{.seconds = ledger_.next_try}))});
  plan(now, out);
}

}  // namespace warren::acme
