#include "sim/control_station.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "proto/control/codec.h"
#include "proto/control/map_frame.h"
#include "proto/control/register.h"

namespace warren::sim {

using control::RequestId;

namespace {

constexpr std::string_view kRegister = "/machine/register";
constexpr std::string_view kMap = "/machine/map";
constexpr std::string_view kApi = "/api/warren/v1/";
constexpr std::uint16_t kNewestClient = 142;
constexpr Duration kDrainLook = 20ms;
constexpr unsigned kMostWakesAtOnce = 10'000;

class DiskIds final : public netmap::IdSource {
 public:
  explicit DiskIds(const ControlDisk& disk) : user_(disk.last_user()), node_(disk.last_node()) {}

  netmap::UserId next_user() override { return {++user_}; }

  netmap::NodeId next_node() override { return {++node_}; }

 private:
  std::int64_t user_;
  std::int64_t node_;
};

control::EngineOptions engine_options() {
  control::EngineOptions out;
  out.url = "https://warren.example";
  out.domain = "home.internal";
  return out;
}

}  // namespace

struct ControlStation::Connection {
  std::shared_ptr<Stream> stream;
  std::optional<MachinePublicKey> machine;
  std::map<std::uint64_t, RequestId> requests;  // by the node's number
};

// Where a request came from.
struct ControlStation::Asked {
  std::uint64_t connection = 0;
  std::uint64_t number = 0;
  MachinePublicKey machine;
  std::optional<NodePublicKey> registers;
};

// What dies with the program.
struct ControlStation::Process {
  Process(const ControlDisk& disk, std::uint64_t seed)
      : random(seed), ids(disk), model(netmap::Settings{}, ids, random) {}

  struct AdminAsked {
    std::string method;
    std::string path;
    AdminDone done;
  };

  SeededRandom random;
  DiskIds ids;
  netmap::Model model;
  std::optional<control::Engine> engine;
  control::Actions actions;
  bool performs = false;
  std::unique_ptr<RelayStation> relay;
  std::map<std::uint64_t, Connection> connections;
  std::uint64_t last_connection = 0;
  std::uint64_t last_request = 0;
  std::map<RequestId, Asked> asked;
  std::map<RequestId, AdminAsked> admins;
  std::map<RequestId, std::vector<std::uint8_t>> local;  // what fresh_map() asked, and got
  std::optional<control::Commit> commit;                 // under way
  bool members_changed = false;
  TimePoint wake = kNever;
  TimePoint last_wake = TimePoint::min();
  unsigned wakes_at_once = 0;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

ControlStation::ControlStation(Machine& machine, std::uint64_t seed)
    : machine_(machine), random_(seed), wall_clock_(machine.internet().time()) {
  random_.fill(relay_key_);
}

ControlStation::~ControlStation() {
  kill();
}

// --- the program

void ControlStation::start() {
  WARREN_CHECK(process_ == nullptr);
  machine_.internet().note(machine_.name(), "server starts");
  process_ = std::make_unique<Process>(disk_, random_.u64());
  Process& process = *process_;
  if (const auto problem = disk_.load(process.model)) fail(*problem);
  check_disk();
  process.engine.emplace(engine_options(), process.model, process.random);
  for (const control::SoftRow& row : disk_.soft()) process.engine->load(row);
  process.engine->start(moment());
  process.relay =
      std::make_unique<RelayStation>(machine_, RelayPrivateKey(relay_key_), random_.u64());
  const relay::Region region = process.relay->region(kRegion);
  control::DerpRegion derp;
  derp.region_id = kRegion;
  derp.region_code = "sim";
  for (const relay::Node& node : region.nodes) {
    control::DerpNode& out = derp.nodes.emplace_back();
    out.name = node.name;
    out.region_id = kRegion;
    out.host_name = node.name;
    out.ipv4 = node.ipv4;
    out.ipv6 = node.ipv6;
  }
  control::DerpMap map;
  map.regions.emplace().emplace(kRegion, std::move(derp));
  process.engine->set_relay_map(std::move(map), moment());
  admit_members();
  machine_.listen(kPort, [this](const std::shared_ptr<Stream>& stream) { return accept(stream); });
  finish();
}

void ControlStation::kill() {
  if (process_ == nullptr) return;
  machine_.internet().note(machine_.name(), "server is killed");
  const bool was_written = process_->commit && !is_disk_full_ && random_.below(2) == 0;
  if (was_written) disk_.commit(*process_->commit);
  machine_.stop_listening(kPort);
  process_.reset();  // the relay's end resets all streams
}

bool ControlStation::is_committing() const {
  return process_ != nullptr && process_->commit.has_value();
}

void ControlStation::set_clock(Duration step) {
  wall_clock_.step(step);
  address_owners_.clear();
}

control::Moment ControlStation::moment() const {
  return {.now = machine_.internet().time().now(), .wall = wall_clock_.now()};
}

void ControlStation::fail(std::string what) {
  machine_.internet().note(machine_.name(), "WRONG: " + what);
  if (!violation_) violation_ = std::move(what);
}

// --- connections

StreamEvents ControlStation::accept(const std::shared_ptr<Stream>& stream) {
  Process& process = *process_;
  const std::uint64_t number = ++process.last_connection;
  process.connections[number].stream = stream;
  StreamEvents events;
  const std::weak_ptr<bool> alive = process.alive;
  events.on_message = [this, alive, number](ByteView bytes) {
    const auto message = decode_control_message(bytes);
    if (alive.expired() || !message) return;
    on_message(number, *message);
    finish();
  };
  events.on_closed = [this, alive, number](StreamEnd) {
    if (!alive.expired()) on_closed(number);
  };
  return events;
}

void ControlStation::on_message(std::uint64_t number, const ControlMessage& message) {
  Process& process = *process_;
  const auto found = process.connections.find(number);
  if (found == process.connections.end()) return;
  Connection& connection = found->second;
  if (message.kind == ControlKind::Hello) {
    std::array<std::uint8_t, kKeySize> key{};
    if (message.text.size() != key.size()) return;
    std::ranges::copy(as_bytes(message.text), key.begin());
    connection.machine = MachinePublicKey(key);
  } else if (message.kind == ControlKind::Ping) {
    connection.stream->send(encode({.kind = ControlKind::Pong}));
  } else if (message.kind == ControlKind::Cancel) {
    const auto request = connection.requests.find(message.number);
    if (request == connection.requests.end()) return;
    const RequestId id = request->second;
    forget(id);
    process.engine->on_request_gone(id, moment(), process.actions);
  } else if (message.kind == ControlKind::Post && connection.machine) {
    const RequestId id{++process.last_request};
    connection.requests[message.number] = id;
    Asked& asked = process.asked[id];
    asked = {.connection = number,
             .number = message.number,
             .machine = *connection.machine,
             .registers = std::nullopt};
    if (message.path == kRegister) {
      const auto wish = control::decode<control::RegisterRequest>(message.text);
      if (wish) asked.registers = wish->node_key;
    }
    if (machine_.internet().is_traced()) {
      machine_.internet().note(machine_.name(), fmt::format("request {} of {}: {} {}", id.value,
                                                            connection.machine->short_text(),
                                                            message.path, message.text));
    }
    process.engine->on_request({.id = id,
                                .caller = {.machine = *connection.machine,
                                           .version = kNewestClient,
                                           .address = connection.stream->remote().address},
                                .method = "POST",
                                .path = message.path,
                                .body = message.text},
                               moment(), process.actions);
  }
}

void ControlStation::on_closed(std::uint64_t number) {
  Process& process = *process_;
  const auto found = process.connections.find(number);
  if (found == process.connections.end()) return;
  const auto requests = std::move(found->second.requests);
  process.connections.erase(found);
  for (const auto& [node_number, id] : requests) {
    process.asked.erase(id);
    process.engine->on_request_gone(id, moment(), process.actions);
  }
  finish();
}

void ControlStation::forget(RequestId request) {
  Process& process = *process_;
  const auto asked = process.asked.find(request);
  if (asked == process.asked.end()) return;
  const auto connection = process.connections.find(asked->second.connection);
  if (connection != process.connections.end())
    connection->second.requests.erase(asked->second.number);
  process.asked.erase(asked);
}

void ControlStation::send(RequestId to, ControlMessage message) {
  Process& process = *process_;
  const auto asked = process.asked.find(to);
  if (asked == process.asked.end()) return;
  const auto connection = process.connections.find(asked->second.connection);
  if (connection == process.connections.end()) return;
  message.number = asked->second.number;
  if (connection->second.stream->send(encode(message))) return;
  connection->second.stream->abort();  // it does not read: as good as gone
  machine_.internet().time().after(
      0ns, [this, alive = std::weak_ptr(process.alive), number = connection->first] {
        if (!alive.expired()) on_closed(number);
      });
}

// --- what the engine asks for

void ControlStation::finish() {
  Process& process = *process_;
  if (std::exchange(process.performs, true)) return;
  while (!process.actions.empty()) {
    for (control::Action& action : std::exchange(process.actions, {}))
      std::visit([this](auto& what) { perform(what); }, action);
  }
  process.performs = false;
  if (std::exchange(process.members_changed, false)) admit_members();
  wake_later();
}

void ControlStation::wake_later() {
  Process& process = *process_;
  const TimePoint next = process.engine->next_timeout();
  if (next == kNever || next >= process.wake) return;
  process.wake = next;
  machine_.internet().time().at(next, [this, alive = std::weak_ptr(process.alive), next] {
    if (alive.expired() || process_->wake != next) return;
    Process& it = *process_;
    it.wake = kNever;
    const TimePoint now = moment().now;
    it.wakes_at_once = it.last_wake == now ? it.wakes_at_once + 1 : 0;
    it.last_wake = now;
    if (it.wakes_at_once > kMostWakesAtOnce) return fail("the server's timer runs in a circle");
    it.engine->on_timeout(moment(), it.actions);
    finish();
  });
}

void ControlStation::perform(control::Respond& respond) {
  Process& process = *process_;
  if (const auto admin = process.admins.find(respond.to); admin != process.admins.end()) {
    const Process::AdminAsked asked = std::move(admin->second);
    process.admins.erase(admin);
    if (respond.status == 200) check_told(asked.method, asked.path, respond.body);
    if (asked.done) {
      machine_.internet().time().after(0ns, [done = asked.done, status = respond.status,
                                             body = respond.body] { done(status, body); });
    }
    return;
  }
  if (process.local.contains(respond.to)) return;
  const auto asked = process.asked.find(respond.to);
  if (asked == process.asked.end()) return;
  if (machine_.internet().is_traced()) {
    machine_.internet().note(machine_.name(), fmt::format("answer {}: {} {}", respond.to.value,
                                                          respond.status, respond.body));
  }
  if (asked->second.registers && respond.status == 200) check_admitted(asked->second, respond.body);
  send(respond.to, {.kind = ControlKind::Answer,
                    .status = static_cast<std::uint16_t>(respond.status),
                    .text = respond.body});
  forget(respond.to);
}

void ControlStation::perform(const control::OpenStream& /*open*/) {}

void ControlStation::perform(control::StreamData& data) {
  Process& process = *process_;
  if (!(process.model.tables() == disk_.tables())) fail("a node is told what is not on the disk");
  if (const auto local = process.local.find(data.to); local != process.local.end()) {
    local->second.insert(local->second.end(), data.bytes.begin(), data.bytes.end());
    return;
  }
  if (machine_.internet().is_traced()) {
    machine_.internet().note(machine_.name(),
                             fmt::format("stream {}: {} bytes", data.to.value, data.bytes.size()));
  }
  send(data.to, {.kind = ControlKind::Data, .text = std::string(as_text(data.bytes))});
  drain_later(data.to, 0ns);
}

void ControlStation::perform(const control::EndStream& end) {
  Process& process = *process_;
  if (process.local.contains(end.to)) return;
  send(end.to, {.kind = ControlKind::End, .status = 200});
  forget(end.to);
}

void ControlStation::perform(const control::MembersChanged& /*changed*/) {
  process_->members_changed = true;
}

void ControlStation::drain_later(RequestId request, Duration delay) {
  machine_.internet().time().after(delay, [this, alive = std::weak_ptr(process_->alive), request] {
    if (alive.expired()) return;
    Process& process = *process_;
    const auto asked = process.asked.find(request);
    if (asked == process.asked.end()) return;
    const auto connection = process.connections.find(asked->second.connection);
    if (connection == process.connections.end()) return;
    if (connection->second.stream->waiting() > 0) return drain_later(request, kDrainLook);
    process.engine->on_drained(request, moment(), process.actions);
    finish();
  });
}

void ControlStation::perform(control::Commit& commit) {
  Process& process = *process_;
  if (process.commit) fail("two commits at once");
  process.commit = std::move(commit);
  const auto time = static_cast<std::uint64_t>(commit_time_.count());
  machine_.internet().time().after(
      Duration(random_.below(time + 1)), [this, alive = std::weak_ptr(process.alive)] {
        if (alive.expired()) return;
        Process& it = *process_;
        const control::Commit done = *std::exchange(it.commit, std::nullopt);
        Result<void> result;
        if (is_disk_full_) {
          result = warren::fail(Errc::Io, "no space left on the device");
        } else {
          disk_.commit(done);
        }
        it.engine->on_committed(result, moment(), it.actions);
        finish();
        check_disk();
      });
}

void ControlStation::admit_members() {
  const auto members = process_->engine->members();
  process_->relay->admit({members.begin(), members.end()});
}

// --- what must hold

void ControlStation::check_admitted(const Asked& asked, const std::string& body) {
  const auto response = control::decode<control::RegisterResponse>(body);
  if (!response) return fail("a registration's answer cannot be read");
  if (!response->machine_authorized || !response->error.empty()) return;
  const netmap::Node* const node = disk_.tables().find_node(*asked.registers);
  if (node == nullptr || node->machine != asked.machine)
    fail("a registration is acknowledged that is not on the disk");
}

void ControlStation::check_told(const std::string& method,
                                const std::string& path,
                                const std::string& body) {
  const netmap::Tables& tables = disk_.tables();
  if (method == "POST" && path == "keys" && tables.find_auth_key(text_field(body, "id")) == nullptr)
    fail("an auth key is acknowledged that is not on the disk");
  if (method == "POST" && path == "users" && tables.find_user(text_field(body, "login")) == nullptr)
    fail("a user is acknowledged that is not on the disk");
  if (method == "DELETE" && path.starts_with("nodes/") &&
      tables.find_node(path.substr(path.find('/') + 1)) != nullptr)
    fail("a node is said to be deleted that is still on the disk");
}

void ControlStation::check_disk() {
  SeededRandom random(1);
  DiskIds ids(disk_);
  netmap::Model model(netmap::Settings{}, ids, random);
  if (const auto problem = disk_.load(model)) fail(*problem);
  if (const auto holds = model.check(); !holds) fail(holds.error().detail);
  if (const auto holds = process_->model.check(); !holds) fail(holds.error().detail);
  for (const auto& [id, node] : disk_.tables().nodes()) {
    const auto key = key_owners_.emplace(node.key, node.machine).first;
    const auto address = address_owners_.emplace(node.v4, node.machine).first;
    if (key->second != node.machine) fail("a node key went to another machine");
    if (address->second != node.machine) fail("an address went to another machine");
  }
}

// --- administrators and tests

void ControlStation::admin(std::string method, std::string path, std::string body, AdminDone done) {
  if (process_ == nullptr) return;
  Process& process = *process_;
  const RequestId id{++process.last_request};
  machine_.internet().note(machine_.name(), fmt::format("admin: {} {} {}", method, path, body));
  process.admins[id] = {.method = method, .path = path, .done = std::move(done)};
  process.engine->on_admin({.id = id,
                            .method = std::move(method),
                            .path = std::string(kApi) + path,
                            .body = std::move(body)},
                           moment(), process.actions);
  finish();
}

std::optional<control::MapResponse> ControlStation::fresh_map(const netmap::Node& node) {
  if (process_ == nullptr || process_->commit) return std::nullopt;
  Process& process = *process_;
  const RequestId id{++process.last_request};
  process.local[id];
  control::MapRequest wish;
  wish.version = control::CapVersion{kNewestClient};
  wish.node_key = node.key;
  wish.read_only = true;
  process.engine->on_request(
      {.id = id,
       .caller = {.machine = node.machine, .version = kNewestClient, .address = IpAddress()},
       .method = "POST",
       .path = std::string(kMap),
       .body = control::encode(wish)},
      moment(), process.actions);
  finish();
  const std::vector<std::uint8_t> bytes = std::move(process.local[id]);
  if (!process.commit) process.local.erase(id);  // else it comes later, for nobody
  control::MapFrameReader reader(control::Compression::None);
  ByteView rest(bytes);
  const auto text = reader.read(rest);
  if (!text || !*text) return std::nullopt;
  auto map = control::decode<control::MapResponse>(**text);
  if (!map) return std::nullopt;
  return std::move(*map);
}

const control::EngineCounters& ControlStation::counters() const {
  static constexpr control::EngineCounters kNone;
  return process_ == nullptr ? kNone : process_->engine->counters();
}

std::size_t ControlStation::streams() const {
  return process_ == nullptr ? 0 : process_->engine->streams();
}

std::string text_field(const std::string& json, std::string_view name) {
  const std::string key = fmt::format("\"{}\":\"", name);
  const std::size_t at = json.find(key);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + key.size();
  return json.substr(begin, json.find('"', begin) - begin);
}

}  // namespace warren::sim
