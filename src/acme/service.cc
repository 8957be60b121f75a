#include "acme/service.h"

#include <algorithm>
#include <deque>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "acme/core/engine.h"
#include "acme/store.h"
#include "base/version.h"
#include "crypto/sha256.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/http_response.h"
#include "io/https_exchange.h"
#include "io/run_blocking.h"
#include "io/spawn.h"
#include "io/tls_client.h"

namespace warren::acme {

namespace asio = boost::asio;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr Duration kAnswerLimit = 30s;  // of one request: authorities are slow, not dead
constexpr std::size_t kMaxPem = std::size_t{1} << 20;
constexpr const char* kChallengePath = "/.well-known/acme-challenge/";  // RFC 8555 section 8.3
constexpr std::int64_t kDamagedLedgerWait = 3600;  // what was asked before is not known

Certificate facts_of(const io::TlsCertificate& certificate) {
  const auto validity = certificate.validity();
  return {.lifetime = {.not_before = validity.not_before, .not_after = validity.not_after},
          .renewal_id = certificate.renewal_id()};
}

std::string field(const io::HttpAnswer& answer, std::string_view name) {
  const std::string* const found = answer.find(name);
  return found == nullptr ? std::string() : *found;
}

class RunningService final : public Service {
 public:
  RunningService(const asio::any_io_executor& executor,
                 ServiceOptions options,
                 Settings settings,
                 Store store,
                 P256PrivateKey key,
                 io::TlsContext tls,
                 io::TlsChallenges& challenges,
                 Random& random,
                 const WallClock& wall_clock,
                 const Log& log)
      : options_(std::move(options)),
        store_(std::move(store)),
        key_(std::move(key)),
        tls_(std::move(tls)),
        challenges_(challenges),
        wall_clock_(wall_clock),
        log_(log),
        engine_(std::move(settings), key_, random),
        timer_(executor),
        tasks_(executor, log) {}

  void start(std::function<void()> use) override {
    use_ = std::move(use);
    tasks_.spawn("acme: certificate of " + options_.name, run());
  }

  void add_routes(io::HttpRoutes& routes) override {
    routes.page(kChallengePath, [this](const io::HttpRequest& request, const Endpoint&) {
      const std::string_view token = request.path().substr(std::string_view(kChallengePath).size());
      if (token_.empty() || token != token_) return io::http_response(404, "text/plain", "");
      return io::http_response(200, "application/octet-stream", authorization_);
    });
  }

  Result<std::optional<io::TlsCertificate>> certificate() const override {
    return store_.certificate();
  }

  ServiceStatus status() const override {
    const Ledger& ledger = engine_.ledger();
    ServiceStatus out{
        .is_working = engine_.is_working(), .error = ledger.error, .next_try = {}, .renew_at = {}};
    if (!ledger.error.empty() && ledger.next_try != 0) {
      out.next_try = WallTime{.seconds = ledger.next_try};
    }
    if (engine_.certificate()) out.renew_at = engine_.renew_at();
    return out;
  }

  const ServiceCounters& counters() const override { return counters_; }

  asio::awaitable<void> stop() override {
    tasks_.cancel();
    co_await tasks_.wait();
  }

 private:
  Now now() const { return {.time = io::boot_now(), .wall = wall_clock_.now()}; }

  asio::awaitable<void> run() {
    engine_.start(kept_ledger(), kept_certificate(), now(), actions_);
    while (true) {
      while (!actions_.empty()) {
        const Actions actions = std::exchange(actions_, {});
        for (const Action& action : actions) {
          if (const auto* const request = std::get_if<SendRequest>(&action)) {
            co_await send(*request);
          } else if (!perform(action)) {
            break;
          }
        }
      }
      const Duration wait = std::clamp<Duration>(engine_.next_timeout() - io::boot_now(), 0s, 1h);
      timer_.expires_after(wait);
      const auto [error] = co_await timer_.async_wait(kAwait);
      if (error) co_return;
      engine_.on_timeout(now(), actions_);
    }
  }

  Ledger kept_ledger() {
    auto ledger = store_.ledger();
    if (ledger) return std::move(*ledger);
    Ledger out;
    out.next_try = wall_clock_.now().seconds + kDamagedLedgerWait;
    out.error = ledger.error().detail;
    log_.error("acme: {}; what was asked of the authority is not known, so nothing is for an hour",
               ledger.error().detail);
    return out;
  }

  std::optional<Certificate> kept_certificate() {
    const auto kept = store_.certificate();
    if (!kept) log_.error("acme: {}; getting a new one", kept.error().detail);
    if (!kept || !*kept) return std::nullopt;
    return facts_of(**kept);
  }

  asio::awaitable<void> send(SendRequest request) {
    io::HttpsRequest http;
    http.host = request.url.host;
    http.port = request.url.port;
    http.target = request.url.target;
    http.fields = {{"User-Agent", fmt::format("warren-server/{}", version())}};
    http.max_answer = kMaxMessage;
    if (request.kind == SendRequest::Kind::Head) http.method = "HEAD";
    if (request.kind == SendRequest::Kind::Post) {
      http.method = "POST";
      http.fields.emplace_back("Content-Type", "application/jose+json");
      http.body = std::move(request.body);
    }
    log_.debug("acme: {} https://{}:{}{}", http.method, http.host, http.port, http.target);
    ++counters_.requests;
    auto answer =
        co_await io::https_exchange(lookups_, tls_, std::move(http), io::boot_now() + kAnswerLimit);
    if (!answer) {
      ++counters_.unanswered;
      engine_.on_no_answer(answer.error().detail, now(), actions_);
      co_return;
    }
    log_.debug("acme: answer {}", answer->status);
    const Answer read{.status = answer->status,
                      .body = std::move(answer->body),
                      .nonce = field(*answer, "Replay-Nonce"),
                      .location = field(*answer, "Location"),
                      .retry_after = field(*answer, "Retry-After")};
    engine_.on_answer(read, now(), actions_);
  }

  // False when what follows must not be done.
  bool perform(const Action& action) {
    if (const auto* const served = std::get_if<ServeChallenge>(&action)) {
      serve(*served);
    } else if (std::holds_alternative<EndChallenges>(action)) {
      token_.clear();
      authorization_.clear();
      challenges_.clear();
    } else if (const auto* const wanted = std::get_if<MakeRequest>(&action)) {
      make_request(wanted->name);
    } else if (const auto* const ledger = std::get_if<Keep>(&action)) {
      return keep(ledger->ledger);
    } else if (const auto* const issued = std::get_if<StoreCertificate>(&action)) {
      store(issued->chain);
    } else if (const auto* const told = std::get_if<Tell>(&action)) {
      tell(*told);
    }
    return true;
  }

  void serve(const ServeChallenge& challenge) {
    log_.info("acme: the authority may look: {} for {}", to_string(challenge.method),
              challenge.name);
    if (challenge.method == Method::Http01) {
      token_ = challenge.token;
      authorization_ = challenge.authorization;
      return;
    }
    auto certificate = io::TlsCertificate::make_for_challenge(
        challenge.name, sha256(as_bytes(challenge.authorization)), wall_clock_.now());
    if (!certificate) return log_.error("acme: {}", certificate.error().detail);
    challenges_.add(challenge.name, std::move(*certificate));
  }

  void make_request(const std::string& name) {
    const auto key = store_.pending_key();
    if (!key) return engine_.on_unusable(key.error().detail, now(), actions_);
    const auto der = io::make_certificate_request(*key, {name});
    if (!der) return engine_.on_unusable(der.error().detail, now(), actions_);
    engine_.on_request(*der, now(), actions_);
  }

  bool keep(const Ledger& ledger) {
    const auto kept = store_.keep(ledger);
    if (kept) return true;
    // Without its memory it might ask the authority again and again.
    log_.error("acme: {}", kept.error().detail);
    actions_.clear();
    engine_.on_no_answer(kept.error().detail, now(), actions_);
    return false;
  }

  void store(const std::string& chain) {
    const auto installed = store_.install(chain);
    if (!installed) return engine_.on_unusable(installed.error().detail, now(), actions_);
    ++counters_.certificates;
    engine_.on_stored(facts_of(*installed), now(), actions_);
    use_();
  }

  void tell(const Tell& told) {
    switch (told.level) {
      case LogLevel::Error:
        return log_.error("acme: {}", told.sentence);
      case LogLevel::Warn:
        ++counters_.errors;
        return log_.warn("acme: {}", told.sentence);
      case LogLevel::Info:
      case LogLevel::Debug:
      case LogLevel::Trace:
        return log_.info("acme: {}", told.sentence);
    }
  }

  const ServiceOptions options_;
  const Store store_;
  const P256PrivateKey key_;
  io::TlsContext tls_;
  io::TlsChallenges& challenges_;
  const WallClock& wall_clock_;
  Log log_;
  io::BlockingPool lookups_{1, 4};
  Engine engine_;
  Actions actions_;
  std::string token_;  // of the http-01 challenge; empty: there is none
  std::string authorization_;
  ServiceCounters counters_;
  std::function<void()> use_;
  asio::steady_timer timer_;
  io::Tasks tasks_;
};

}  // namespace

Result<std::unique_ptr<Service>> Service::create(const asio::any_io_executor& executor,
                                                 ServiceOptions options,
                                                 io::TlsChallenges& challenges,
                                                 Random& random,
                                                 const WallClock& wall_clock,
                                                 const Log& log) {
  const auto url = parse_url(options.directory);
  if (!url) {
    return fail(Errc::InvalidArgument,
                fmt::format("{} is no https URL of an ACME directory", options.directory));
  }
  WARREN_TRY(auto tls, io::TlsContext::create());
  if (!options.ca_file.empty()) {
    WARREN_TRY(const std::string pem, io::read_file(options.ca_file, kMaxPem));
    if (auto trusted = tls.trust(pem); !trusted) {
      return with_context(options.ca_file, std::move(trusted).error());
    }
  }
  WARREN_TRY(auto store,
             Store::open(options.state_directory, authority_name(options.directory), options.name));
  WARREN_TRY(auto key, store.account_key());
  Settings settings{
      .directory = *url, .name = options.name, .email = options.email, .methods = options.methods};
  return std::make_unique<RunningService>(executor, std::move(options), std::move(settings),
                                          std::move(store), std::move(key), std::move(tls),
                                          challenges, random, wall_clock, log);
}

}  // namespace warren::acme
