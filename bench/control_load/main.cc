// N machines of a network in one process, as the coordination server sees them: they register,
// stream maps and say where they can be reached. bench/control starts it, gives commands on its
// standard input and reads events, JSON a line.
//
//   join        all at once                    {"event":"known","seconds":…}: every machine knows
//   every other rejoin S    all connections end; machines   {"event":"mapped",…}: every machine has
//   a whole map again
//               come back spread over S seconds
//   change I    machine I has a new endpoint    {"event":"heard",…}: the last of the others has
//   heard of it quit
//
// Events also have `wire`, bytes of map messages since the command, `messages`, and `failures`,
// connections that failed: each is tried again after a second.
#include <chrono>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <fmt/format.h>

#include "control_load/client.h"
#include "crypto/key_text.h"
#include "crypto/system_random.h"

namespace {

using namespace warren;  // NOLINT(google-build-using-namespace): a program's own file
using Clock = std::chrono::steady_clock;

class Load {
 public:
  Load(boost::asio::io_context& loop, bench::Client::Server server, std::size_t nodes)
      : loop_(loop), server_(std::move(server)), input_(loop, ::dup(0)), timer_(loop) {
    observer_.registered = [](bench::Client&) {};
    observer_.message = [this](bench::Client& client, std::string_view json, std::size_t wire) {
      on_message(client, json, wire);
    };
    observer_.failed = [this](bench::Client& client, std::string_view why) {
      if (++failures_ <= 5) fmt::print(stderr, "machine {}: {}\n", client.number(), why);
      retry_.push_back(client.number());
    };
    for (std::size_t i = 0; i < nodes; ++i) {
      clients_.push_back(
          std::make_unique<bench::Client>(loop.get_executor(), server_, observer_, i, random_));
    }
    seen_.resize(nodes);
    known_.resize(nodes);
    read_command();
    retry_later();
  }

 private:
  void read_command() {
    boost::asio::async_read_until(input_, line_, '\n',
                                  [this](const boost::system::error_code& error, std::size_t) {
                                    if (error) return loop_.stop();
                                    std::istream in(&line_);
                                    std::string command;
                                    in >> command;
                                    double argument = 0;
                                    if (command == "rejoin" || command == "change") in >> argument;
                                    in.ignore();
                                    begin();
                                    if (command == "join" || command == "rejoin") {
                                      is_mapping_ = true;
                                      join_over(argument);
                                    } else if (command == "change") {
                                      port_ = port_ >= 60'000 ? 20'000 : port_ + 1;
                                      mover_ = static_cast<std::size_t>(argument);
                                      marker_ = fmt::format(":{}\"", port_);
                                      heard_.assign(clients_.size(), false);
                                      clients_.at(mover_)->move_to(port_);
                                    } else {
                                      return loop_.stop();
                                    }
                                    read_command();
                                  });
  }

  void begin() {
    began_ = Clock::now();
    wire_ = messages_ = failures_ = 0;
    marker_.clear();
    is_mapping_ = false;
  }

  void join_over(double seconds) {
    for (auto& known : known_) known.assign(clients_.size() * 2, false);
    seen_.assign(clients_.size(), 0);
    complete_ = 0;
    for (const auto& client : clients_) client->close();
    for (const auto& client : clients_) {
      const auto after = std::chrono::duration<double>(
          seconds * static_cast<double>(client->number()) / static_cast<double>(clients_.size()));
      auto timer = std::make_shared<boost::asio::steady_timer>(
          loop_, std::chrono::duration_cast<Clock::duration>(after));
      timer->async_wait([timer, &client](const boost::system::error_code&) { client->join(); });
    }
  }

  void retry_later() {
    timer_.expires_after(std::chrono::seconds(1));
    timer_.async_wait([this](const boost::system::error_code&) {
      for (const std::size_t number : std::exchange(retry_, {})) clients_[number]->join();
      retry_later();
    });
  }

  // Which machines a message speaks of as whole entries: by their stable ids.
  void on_message(const bench::Client& client, std::string_view json, std::size_t wire) {
    wire_ += wire;
    ++messages_;
    const std::size_t number = client.number();
    if (is_mapping_ && seen_[number] < clients_.size()) note_peers(number, json);
    if (!marker_.empty() && number != mover_ && !heard_[number] && json.contains(marker_)) {
      heard_[number] = true;
      if (static_cast<std::size_t>(std::ranges::count(heard_, true)) == clients_.size() - 1)
        say("heard");
    }
  }

  void note_peers(std::size_t number, std::string_view json) {
    constexpr std::string_view kKey = R"("StableID":")";
    for (std::size_t at = json.find(kKey); at != std::string_view::npos; at = json.find(kKey, at)) {
      at += kKey.size();
      const std::string id(json.substr(at, json.find('"', at) - at));
      const auto [found, is_new] = ids_.try_emplace(id, ids_.size());
      auto& known = known_[number];
      if (found->second < known.size() && !known[found->second]) {
        known[found->second] = true;
        ++seen_[number];
      }
    }
    if (seen_[number] < clients_.size()) return;  // itself is one of them
    if (++complete_ == clients_.size()) say("known");
  }

  void say(std::string_view event) {
    const std::chrono::duration<double> took = Clock::now() - began_;
    fmt::print(
        "{{\"event\":\"{}\",\"seconds\":{:.4f},\"wire\":{},\"messages\":{},\"failures\":{}}}\n",
        event, took.count(), wire_, messages_, failures_);
    std::fflush(stdout);
    marker_.clear();
  }

  boost::asio::io_context& loop_;
  const bench::Client::Server server_;
  SystemRandom random_;
  bench::Client::Observer observer_;
  std::vector<std::unique_ptr<bench::Client>> clients_;
  boost::asio::posix::stream_descriptor input_;
  boost::asio::streambuf line_;
  boost::asio::steady_timer timer_;

  Clock::time_point began_;
  std::size_t wire_ = 0;
  std::size_t messages_ = 0;
  std::size_t failures_ = 0;
  std::vector<std::size_t> retry_;

  bool is_mapping_ = false;
  std::unordered_map<std::string, std::size_t> ids_;
  std::vector<std::vector<bool>> known_;
  std::vector<std::size_t> seen_;
  std::size_t complete_ = 0;

  std::uint16_t port_ = 42'000;
  std::size_t mover_ = 0;
  std::string marker_;
  std::vector<bool> heard_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Machines of a network, as their coordination server sees them");
  std::string server;
  std::string server_key;
  bench::Client::Server target;
  std::size_t nodes = 100;
  app.add_option("--server", server, "Address and port of its plain HTTP listener")->required();
  app.add_option("--server-key", server_key, "mkey:…")->required();
  app.add_option("--auth-key", target.auth_key, "A reusable key")->required();
  app.add_option("--nodes", nodes)->check(CLI::Range(2, 10'000));
  CLI11_PARSE(app, argc, argv);
  const auto endpoint = Endpoint::parse(server);
  if (!endpoint || !parse_key_text(server_key, target.key)) {
    fmt::print(stderr, "control_load: --server is ADDRESS:PORT, --server-key is mkey:…\n");
    return 2;
  }
  target.endpoint = *endpoint;
  boost::asio::io_context loop(1);
  const Load load(loop, std::move(target), nodes);
  loop.run();
  return 0;
}
