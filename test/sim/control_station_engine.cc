#include <utility>

#include <fmt/format.h>

#include "proto/control/codec.h"
#include "proto/control/register.h"
#include "sim/control_station_state.h"

// What the engine asks for, and what must hold when it is done.
namespace warren::sim {

using control::RequestId;

namespace {

constexpr Duration kDrainLook = 20ms;
constexpr unsigned kMostWakesAtOnce = 10'000;

}  // namespace

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

}  // namespace warren::sim
