#include "control/server.h"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "control/pages.h"
#include "io/clock.h"

namespace warren::control {

namespace asio = boost::asio;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
// Asio's timers do not count suspend: look again after that much.
constexpr Duration kLongestSleep = 30s;

void report(const db::OpenReport& report, const std::string& directory, Log& log) {
  if (report.created) log.info("control: new database directory={}", directory);
  if (report.migrated) {
    log.info("control: the database was brought to this program's schema schema={}", report.schema);
  }
  if (report.salvaged) {
    log.error("control: the database was damaged and replaced by what could be read: {}",
              report.salvaged->summary());
  }
  if (report.read_only) {
    log.warn("control: nothing can be stored until the next start reason={}",
             report.read_only->detail);
  }
  if (report.no_reserve) {
    log.warn("control: the disk is almost full reason={}", report.no_reserve->detail);
  }
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const asio::any_io_executor& executor,
                                              MachinePrivateKey key,
                                              const ServerOptions& options,
                                              Random& random,
                                              const WallClock& clock,
                                              const Log& log) {
  WARREN_TRY(auto store, Store::open(options.state_directory, options.program, clock.now(), log));
  std::unique_ptr<Server> out(
      new Server(executor, std::move(key), options, std::move(store), random, clock, log));
  WARREN_TRY_VOID(out->load(options, random));
  out->machines_.start();
  out->tasks_.spawn("control: deadlines", out->keep_time());
  return out;
}

Server::Server(const asio::any_io_executor& executor,
               MachinePrivateKey key,
               const ServerOptions& options,
               std::unique_ptr<Store> store,
               Random& random,
               const WallClock& clock,
               const Log& log)
    : executor_(executor),
      clock_(clock),
      log_(log),
      store_(std::move(store)),
      machines_(executor, std::move(key), options.limits, random, *this, log),
      timer_(executor),
      committed_(executor),
      self_(std::make_shared<Server*>(this)),
      tasks_(executor, log) {
  committed_.expires_at(asio::steady_timer::time_point::max());
}

Server::~Server() = default;

Result<void> Server::load(const ServerOptions& options, Random& random) {
  report(store_->report(), options.state_directory, log_);
  model_ = std::make_unique<netmap::Model>(options.settings, store_->ids(), random);
  WARREN_TRY(const auto soft, store_->load(*model_, clock_.now()));
  engine_ = std::make_unique<Engine>(options.engine, *model_, random);
  for (const SoftRow& row : soft) engine_->load(row);
  engine_->start(moment());
  log_.info("control: loaded users={} nodes={} set_aside={}", tables().users().size(),
            tables().nodes().size(), set_aside());
  return {};
}

Moment Server::moment() const {
  return {.now = io::boot_now(), .wall = clock_.now()};
}

void Server::add_routes(io::HttpRoutes& routes) {
  routes.page("/key", [this](const io::HttpRequest& request, const Endpoint&) {
    return key_page(request, public_key());
  });
  routes.page(std::string(kRegisterPath), [this](const io::HttpRequest& request, const Endpoint&) {
    const std::string id(request.path().substr(kRegisterPath.size()));
    return register_page(request, engine_->find_login(id));
  });
  routes.take(std::string(ts2021::kUpgradePath), [this](io::HttpConnection connection) {
    return machines_.serve(std::move(connection));
  });
}

void Server::set_relay_map(DerpMap map) {
  engine_->set_relay_map(std::move(map), moment());
  set_timer();
}

void Server::set_dns(DnsSettings dns) {
  engine_->set_dns(std::move(dns), moment());
  set_timer();
}

void Server::set_hub_problem(std::string why) {
  engine_->set_hub_problem(std::move(why));
}

void Server::on_members(std::function<void(Members)> changed) {
  members_changed_ = std::move(changed);
  tell_members();
}

void Server::tell_members() {
  if (members_changed_) members_changed_(engine_->members());
}

void Server::admin(std::string method, std::string path, std::string body, AdminDone done) {
  if (is_stopping_) return done(503, R"({"status":503,"detail":"the server stops"})");
  const RequestId id = new_request();
  admins_.emplace(id, std::move(done));
  engine_->on_admin(
      {.id = id, .method = std::move(method), .path = std::move(path), .body = std::move(body)},
      moment(), actions_);
  perform();
}

RequestId Server::new_request() {
  return {++last_request_};
}

void Server::on_request(Request request) {
  engine_->on_request(std::move(request), moment(), actions_);
  perform();
}

void Server::on_request_gone(RequestId request) {
  engine_->on_request_gone(request, moment(), actions_);
  perform();
}

void Server::on_drained(RequestId request) {
  engine_->on_drained(request, moment(), actions_);
  perform();
}

bool Server::is_member(const MachinePublicKey& machine) const {
  return tables().has_machine(machine);
}

void Server::perform() {
  // What is performed may come back here: its actions then wait for their turn.
  if (std::exchange(is_performing_, true)) return;
  while (!actions_.empty()) {
    for (Action& action : std::exchange(actions_, {})) {
      std::visit([this](auto& what) { perform(what); }, action);
    }
    machines_.flush();
  }
  is_performing_ = false;
  if (std::exchange(have_members_changed_, false)) tell_members();
  set_timer();
}

void Server::perform(Respond& respond) {
  const auto admin = admins_.find(respond.to);
  if (admin == admins_.end()) return machines_.respond(respond);
  const AdminDone done = std::move(admin->second);
  admins_.erase(admin);
  done(respond.status, std::move(respond.body));
}

void Server::perform(const OpenStream& open) {
  machines_.open(open);
}

void Server::perform(StreamData& data) {
  machines_.write(std::move(data));
}

void Server::perform(const EndStream& end) {
  machines_.end(end);
}

void Server::perform(const Commit& commit) {
  WARREN_CHECK(!is_committing_);
  is_committing_ = true;
  store_->commit(commit, clock_.now(),
                 [executor = executor_, self = std::weak_ptr(self_)](Result<void> result) {
                   asio::post(executor, [self, result = std::move(result)] {
                     if (const auto server = self.lock()) (*server)->on_committed(result);
                   });
                 });
}

void Server::perform(const MembersChanged&) {
  have_members_changed_ = true;
}

void Server::on_committed(const Result<void>& result) {
  is_committing_ = false;
  if (!result) log_.warn("control: a change was not stored reason={}", result.error().detail);
  Result<void> told = result;
  // What is wrong with the storage as a whole says more than the one failure.
  const db::WriterState storage = store_->state();
  if (!result && !storage.writable) told = fail(Errc::Unavailable, storage.sentence);
  engine_->on_committed(told, moment(), actions_);
  perform();
  committed_.cancel();
}

asio::awaitable<void> Server::keep_time() {
  while (!is_stopping_) {
    const Duration left = engine_->next_timeout() - io::boot_now();
    timer_at_ = engine_->next_timeout();
    timer_.expires_after(std::clamp<Duration>(left, 0ns, kLongestSleep));
    const auto [error] = co_await timer_.async_wait(kAwait);
    if (is_stopping_) co_return;
    if (error) continue;  // an earlier deadline was set
    engine_->on_timeout(moment(), actions_);
    perform();
  }
}

void Server::set_timer() {
  if (engine_->next_timeout() < timer_at_) timer_.cancel();
}

asio::awaitable<void> Server::stop() {
  is_stopping_ = true;
  tasks_.cancel();
  co_await tasks_.wait();
  co_await machines_.stop();
  // First what is under way, then what nodes said lately.
  for (int round = 0; round < 2; ++round) {
    while (is_committing_) co_await committed_.async_wait(kAwait);
    if (round > 0) break;
    engine_->flush(moment(), actions_);
    perform();
  }
  for (auto& [id, done] : std::exchange(admins_, {})) {
    done(503, R"({"status":503,"detail":"the server stops"})");
  }
  store_->stop();
}

}  // namespace warren::control
