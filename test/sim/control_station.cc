#include "sim/control_station.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "proto/control/codec.h"
#include "proto/control/map_frame.h"
#include "proto/control/register.h"
#include "sim/control_station_state.h"

namespace warren::sim {

using control::RequestId;

namespace {

constexpr std::string_view kRegister = "/machine/register";
constexpr std::string_view kMap = "/machine/map";
constexpr std::string_view kApi = "/api/warren/v1/";
constexpr std::uint16_t kNewestClient = 142;

control::EngineOptions engine_options() {
  control::EngineOptions out;
  out.url = "https://warren.example";
  out.domain = "home.internal";
  return out;
}

}  // namespace

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
