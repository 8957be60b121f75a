#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "control/core/engine.h"
#include "control/machine_service.h"
#include "control/store.h"
#include "crypto/keys.h"
#include "io/http_routes.h"
#include "io/spawn.h"
#include "netmap/model.h"
#include "proto/control/derp_map.h"

namespace warren::control {

struct ServerOptions {
  EngineOptions engine;
  netmap::Settings settings;
  std::string state_directory;
  std::string program;  // name and version, for people who look at the database
  MachineLimits limits;
};

// The coordination server behind a listener: the store, the model, the engine, and the connections
// of machines, joined. It performs what the engine asks for and tells it what happened.
//
// All of it runs on one strand, one loop's thread; only the store's writer has its own. stop()
// comes before it is destroyed.
class Server final : MachineService::Owner {
 public:
  // Opens the store and starts the engine; `key` is the Noise key. What was done to the database is
  // logged. `random` and `clock` outlive the server.
  static Result<std::unique_ptr<Server>> start(const boost::asio::any_io_executor& executor,
                                               MachinePrivateKey key,
                                               const ServerOptions& options,
                                               Random& random,
                                               const WallClock& clock,
                                               const Log& log);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // /key, /ts2021 and /register/ID. The server outlives the listeners' tasks.
  void add_routes(io::HttpRoutes& routes);

  void set_relay_map(DerpMap map);
  void set_dns(DnsSettings dns);

  // Why the hub does not run, a sentence for administrators; empty: it runs, or is about to.
  void set_hub_problem(std::string why);

  using Members = std::unordered_set<NodePublicKey>;
  // Who may use the relay: called at once, and whenever it changes.
  void on_members(std::function<void(Members)> changed);

  // `done` gets the answer, once, on the strand; perhaps within this call.
  using AdminDone = std::function<void(unsigned status, std::string json)>;
  // Of an administrator, who proved it to the caller: /api/warren/v1/….
  void admin(std::string method, std::string path, std::string body, AdminDone done);

  // --- for metrics and readiness
  const MachinePublicKey& public_key() const { return machines_.public_key(); }

  const netmap::Tables& tables() const { return model_->tables(); }

  std::size_t devices() const { return tables().devices().size(); }

  const Engine& engine() const { return *engine_; }

  const MachineService& machines() const { return machines_; }

  const db::OpenReport& database() const { return store_->report(); }

  // How many records of the database could not be used.
  std::size_t set_aside() const { return store_->set_aside(); }

  // Whether anything can be stored, and if not, a sentence for people.
  db::WriterState storage() const { return store_->state(); }

  db::WriterCounters storage_counters() const { return store_->counters(); }

  // Ends all streams and connections, stores what is not stored yet, and closes the database. Waits
  // for the disk.
  boost::asio::awaitable<void> stop();

 private:
  Server(const boost::asio::any_io_executor& executor,
         MachinePrivateKey key,
         const ServerOptions& options,
         std::unique_ptr<Store> store,
         Random& random,
         const WallClock& clock,
         const Log& log);

  Result<void> load(const ServerOptions& options, Random& random);
  Moment moment() const;

  // --- MachineService::Owner
  RequestId new_request() override;
  void on_request(Request request) override;
  void on_request_gone(RequestId request) override;
  void on_drained(RequestId request) override;
  bool is_member(const MachinePublicKey& machine) const override;

  // --- what the engine asks for
  void perform();
  void perform(Respond& respond);
  void perform(const OpenStream& open);
  void perform(StreamData& data);
  void perform(const EndStream& end);
  void perform(const Commit& commit);
  void perform(const MembersChanged& changed);
  void on_committed(const Result<void>& result);
  void tell_members();

  boost::asio::awaitable<void> keep_time();
  void set_timer();

  boost::asio::any_io_executor executor_;
  const WallClock& clock_;
  Log log_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<netmap::Model> model_;
  std::unique_ptr<Engine> engine_;
  MachineService machines_;
  Actions actions_;
  std::uint64_t last_request_ = 0;
  bool is_performing_ = false;
  bool is_committing_ = false;
  bool is_stopping_ = false;
  bool have_members_changed_ = false;
  std::function<void(Members)> members_changed_;
  // Of administrators; as many as the engine lets wait.
  std::map<RequestId, AdminDone> admins_;
  boost::asio::steady_timer timer_;
  TimePoint timer_at_ = kNever;
  boost::asio::steady_timer committed_;  // cancelled when the commit under way is done
  // Commits that are done find out by it whether the server still lives.
  std::shared_ptr<Server*> self_;
  io::Tasks tasks_;
};

}  // namespace warren::control
