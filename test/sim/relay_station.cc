#include "sim/relay_station.h"

#include <algorithm>
#include <string>
#include <utility>

#include "proto/stun/binding.h"

namespace warren::sim {

namespace {

constexpr std::uint16_t kStunPort = 3478;
constexpr std::uint16_t kRelayPort = 443;
constexpr std::size_t kRecord = 16384;
constexpr std::size_t kMaxHead = 8192;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

}  // namespace

struct RelayStation::Client {
  std::shared_ptr<Stream> stream;
  bool is_secured = false;
  std::string head;  // of the HTTP request, until it is whole
  std::optional<relay::ConnectionId> connection;
};

std::optional<RelayPublicKey> RelayStation::key_in_hello(ByteView hello) {
  if (hello.size() != 1 + kKeySize) return std::nullopt;
  std::array<std::uint8_t, kKeySize> key{};
  std::ranges::copy(hello.subspan(1), key.begin());
  return RelayPublicKey(key);
}

RelayStation::RelayStation(Machine& machine, RelayPrivateKey key, std::uint64_t seed)
    : machine_(machine), random_(seed), hub_(std::move(key), {}, random_) {
  machine_.bind(kStunPort, *this);
  machine_.listen(kRelayPort,
                  [this](const std::shared_ptr<Stream>& stream) { return accept(stream); });
}

RelayStation::~RelayStation() {
  machine_.unbind(kStunPort);
  machine_.stop_listening(kRelayPort);
  machine_.reset_streams();
}

relay::Region RelayStation::region(relay::RegionId id) const {
  relay::Region out;
  out.id = id;
  relay::Node node;
  node.name = machine_.name();
  for (const Machine::Interface& interface : machine_.interfaces()) {
    if (interface.addresses.v4) node.ipv4 = interface.addresses.v4->to_string();
    if (interface.addresses.v6) node.ipv6 = interface.addresses.v6->to_string();
  }
  out.nodes.push_back(node);
  return out;
}

void RelayStation::admit(const std::vector<NodePublicKey>& members) {
  auto admitted = std::make_shared<relay::Members>();
  admitted->keys.insert(members.begin(), members.end());
  hub_.set_members(std::move(admitted), actions_);
  finish();
}

void RelayStation::on_datagram(ByteView datagram, const UdpPath& from) {
  const auto transaction = stun::decode_binding_request(datagram);
  if (!transaction) return;
  std::array<std::uint8_t, stun::kMaxBindingSuccessSize> answer{};
  const std::size_t size =
      stun::encode_binding_success(answer, {.transaction = *transaction, .mapped = from.remote});
  machine_.send(kStunPort, from, ByteView(answer).first(size));
}

StreamEvents RelayStation::accept(const std::shared_ptr<Stream>& stream) {
  const std::uint64_t number = next_number_++;
  auto client = std::make_unique<Client>();
  client->stream = stream;
  clients_[number] = std::move(client);
  StreamEvents events;
  const std::weak_ptr<bool> alive = alive_;
  events.on_message = [this, alive, number](ByteView bytes) {
    if (!alive.expired()) on_message(number, bytes);
  };
  events.on_closed = [this, alive, number](StreamEnd) {
    if (!alive.expired()) on_closed(number);
  };
  return events;
}

void RelayStation::on_message(std::uint64_t number, ByteView bytes) {
  const auto found = clients_.find(number);
  if (found == clients_.end()) return;
  Client& client = *found->second;
  if (!client.is_secured) {
    client.is_secured = true;
    std::vector<std::uint8_t> hello{kClientHello.begin(), kClientHello.end()};
    hello.insert(hello.end(), hub_.public_key().bytes().begin(), hub_.public_key().bytes().end());
    client.stream->send(hello);
  } else if (client.connection) {
    on_bytes(client, bytes);
  } else {
    client.head += as_text(bytes);
    const std::size_t end = client.head.find(kHeadEnd);
    if (end == std::string::npos && client.head.size() < kMaxHead) return;
    if (end != std::string::npos) client.connection = hub_.on_connected(now(), actions_);
    if (!client.connection) {
      client.stream->close();
      clients_.erase(found);
      return;
    }
    const std::string rest = client.head.substr(end + kHeadEnd.size());
    on_bytes(client, as_bytes(rest));
  }
  finish();
}

void RelayStation::on_bytes(Client& client, ByteView bytes) {
  while (!bytes.empty()) {
    const MutableByteView buffer = hub_.receive_buffer(*client.connection, actions_);
    const std::size_t size = std::min(buffer.size(), bytes.size());
    if (size == 0) return;
    std::ranges::copy(bytes.first(size), buffer.begin());
    hub_.on_received(*client.connection, size, now(), actions_);
    bytes = bytes.subspan(size);
  }
  hub_.on_receive_idle(*client.connection);
}

void RelayStation::on_closed(std::uint64_t number) {
  const auto found = clients_.find(number);
  if (found == clients_.end()) return;
  if (found->second->connection) hub_.on_closed(*found->second->connection, actions_);
  clients_.erase(found);
  finish();
}

void RelayStation::finish() {
  if (performs_) return;
  performs_ = true;
  while (!actions_.empty()) {
    for (const relay::Action& action : std::exchange(actions_, {})) perform(action);
  }
  performs_ = false;
  const TimePoint next = hub_.next_timeout();
  if (next == kNever || next >= wake_) return;
  wake_ = next;
  machine_.internet().time().at(next, [this, alive = std::weak_ptr(alive_), next] {
    if (alive.expired() || wake_ != next) return;
    wake_ = kNever;
    hub_.on_timeout(now(), actions_);
    finish();
  });
}

void RelayStation::perform(const relay::Action& action) {
  const auto connection = std::visit([](const auto& what) { return what.connection; }, action);
  const auto found = std::ranges::find_if(
      clients_, [&](const auto& entry) { return entry.second->connection == connection; });
  if (std::holds_alternative<relay::Close>(action)) {
    hub_.on_closed(connection, actions_);
    if (found == clients_.end()) return;
    found->second->stream->close();
    clients_.erase(found);
    return;
  }
  std::vector<std::uint8_t> record(kRecord);
  while (const std::size_t size = hub_.fill(connection, record, now())) {
    if (found != clients_.end()) found->second->stream->send(ByteView(record).first(size));
  }
}

}  // namespace warren::sim
