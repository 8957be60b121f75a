#include "io/udp_sender.h"

#include <cerrno>

#include <poll.h>

#include "io/control_messages.h"
#include "io/socket_address.h"

namespace warren::io {

namespace {

// 65,535 less the UDP header, for IPv4 also less the IP header (data-plane section 3.2).
constexpr std::uint32_t kMaxPayloadV4 = 65507;
constexpr std::uint32_t kMaxPayloadV6 = 65527;

constexpr std::size_t kNone = SIZE_MAX;

// Sizes of a message's datagrams; a segment size of 0 is taken for a single datagram.
std::uint32_t segment_of(const OutMessage& message) {
  const std::uint32_t segment = message.segment_size;
  return segment == 0 || segment > message.size ? message.size : segment;
}

std::uint32_t count_datagrams(std::uint32_t size, std::uint32_t segment) {
  return size <= segment ? 1 : (size + segment - 1) / segment;
}

void add(std::atomic<std::uint64_t>& counter, std::uint64_t more) {
  counter.fetch_add(more, std::memory_order_relaxed);
}

// Any of these can be the kernel's word for a source address or interface that is gone: IPv4 says
// EINVAL for an address that is not ours, both say ENODEV for an interface that does not exist.
bool may_blame_source(int error) {
  return error == EADDRNOTAVAIL || error == ENETUNREACH || error == EHOSTUNREACH ||
         error == EINVAL || error == ENODEV;
}

}  // namespace

struct UdpSender::Batch {
  // What one mmsghdr carries: a piece of a message, of one or several datagrams.
  struct Unit {
    std::size_t message = 0;
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    std::uint32_t datagrams = 0;
    bool has_source = false;

    bool is_segmented() const { return datagrams > 1; }
  };

  struct PlainDestination {
    Endpoint destination;
    TimePoint until;
  };

  Unit units[kMaxMessages];
  mmsghdr headers[kMaxMessages] = {};
  iovec parts[kMaxMessages] = {};
  SocketAddress to[kMaxMessages];
  alignas(16) std::uint8_t control[kMaxMessages][kSendControlSize];

  PlainDestination plain[kPlainDestinations];
  std::size_t plain_count = 0;

  void fill(std::size_t slot, const Unit& unit, const OutMessage& message);
};

void UdpSender::Batch::fill(std::size_t slot, const Unit& unit, const OutMessage& message) {
  const bool is_v6 = message.path->remote.address.is_v6();
  units[slot] = unit;
  // The kernel only reads what it sends; iovec has no const.
  parts[slot] = {.iov_base = const_cast<std::uint8_t*>(message.data + unit.offset),
                 .iov_len = unit.size};
  headers[slot] = {};
  msghdr& header = headers[slot].msg_hdr;
  header.msg_name = &to[slot];
  header.msg_namelen = to_socket_address(message.path->remote, to[slot]);
  header.msg_iov = &parts[slot];
  header.msg_iovlen = 1;

  ControlWriter writer(control[slot]);
  if (unit.is_segmented()) writer.segment_size(message.segment_size);
  const auto& source = message.path->source;
  if (unit.has_source && source) writer.source(*source);
  if (message.tos != 0) writer.tos(is_v6, message.tos);
  if (writer.size() == 0) return;
  header.msg_control = control[slot];
  header.msg_controllen = writer.size();
}

// One send(): where it is in the messages, and what was found out about the message it is at.
class UdpSender::Call {
 public:
  Call(UdpSender& sender, std::span<OutMessage> messages, TimePoint now)
      : sender_(sender), batch_(*sender.batch_), messages_(messages), now_(now) {}

  void run();

 private:
  using Unit = Batch::Unit;

  enum class Next { GoOn, SendAgain, BuildAgain };

  // How the message that failed last is sent instead. Units are in order, so by the time another
  // message fails this one is done with.
  struct Fallback {
    std::size_t message = kNone;
    bool plain = false;
    bool on_trial = false;  // the first plain datagram tells whether segmentation was at fault
    bool without_source = false;
    bool blamed_source = false;
    bool waited = false;
  };

  UdpPort* port_of(std::size_t message) const;
  bool may_segment(std::size_t message) const;
  Unit next_unit() const;
  std::size_t build(UdpPort* port);
  void send_built(UdpPort& port, std::size_t count);
  Next on_error(UdpPort& port, const Unit& unit, int error);
  Next wait_for_room(UdpPort& port, const Unit& unit);
  void on_sent(const Unit& unit);
  void lose(const Unit& unit, int error);
  void pass(const Unit& unit);

  UdpSender& sender_;
  Batch& batch_;
  std::span<OutMessage> messages_;
  TimePoint now_;
  std::size_t message_ = 0;   // where the next built unit begins
  std::uint32_t offset_ = 0;  // in that message
  Fallback fallback_;
  bool may_wait_ = true;
};

void UdpSender::Call::run() {
  for (OutMessage& message : messages_) {
    message.error = 0;
    message.source_refused = false;
  }
  while (message_ < messages_.size()) {
    UdpPort* const port = port_of(message_);
    if (port != nullptr) {
      send_built(*port, build(port));
    } else {
      const Unit unit = next_unit();
      lose(unit, EAFNOSUPPORT);
      pass(unit);
    }
  }
}

UdpPort* UdpSender::Call::port_of(std::size_t message) const {
  return messages_[message].path->remote.address.is_v6() ? sender_.ports_.v6 : sender_.ports_.v4;
}

bool UdpSender::Call::may_segment(std::size_t message) const {
  if (!sender_.stats_.gso_enabled.load(std::memory_order_relaxed)) return false;
  if (fallback_.message == message && fallback_.plain) return false;
  return !sender_.is_plain(messages_[message].path->remote, now_);
}

UdpSender::Call::Unit UdpSender::Call::next_unit() const {
  const OutMessage& message = messages_[message_];
  const UdpPath& path = *message.path;
  const std::uint32_t segment = segment_of(message);
  const std::uint32_t rest = message.size - offset_;
  const bool without_source = fallback_.message == message_ && fallback_.without_source;

  std::uint32_t size = std::min(rest, segment);
  if (rest > segment && may_segment(message_)) {
    const std::uint32_t limit = path.remote.address.is_v6() ? kMaxPayloadV6 : kMaxPayloadV4;
    const std::uint32_t datagrams = std::min<std::uint32_t>(kMaxSegments, limit / segment);
    size = std::min(rest, std::max(1U, datagrams) * segment);
  }
  return {.message = message_,
          .offset = offset_,
          .size = size,
          .datagrams = count_datagrams(size, segment),
          .has_source = path.source && !without_source &&
                        path.source->address.is_v6() == path.remote.address.is_v6()};
}

std::size_t UdpSender::Call::build(UdpPort* port) {
  std::size_t count = 0;
  while (count < kMaxMessages && message_ < messages_.size() && port_of(message_) == port) {
    const Unit unit = next_unit();
    batch_.fill(count++, unit, messages_[message_]);
    pass(unit);
  }
  return count;
}

// sendmmsg reports an error only for the first message it is given: after a short count, what
// follows is offered again, and the error is that of its first.
void UdpSender::Call::send_built(UdpPort& port, std::size_t count) {
  std::size_t first = 0;
  while (first < count) {
    const int sent = port.send(std::span(batch_.headers).subspan(first, count - first));
    for (int i = 0; i < sent && first < count; ++i) on_sent(batch_.units[first++]);
    if (sent > 0) continue;
    const Unit& unit = batch_.units[first];
    switch (on_error(port, unit, sent < 0 ? -sent : EAGAIN)) {
      case Next::GoOn:
        ++first;
        break;
      case Next::SendAgain:
        break;
      case Next::BuildAgain:
        message_ = unit.message;
        offset_ = unit.offset;
        return;
    }
  }
}

UdpSender::Call::Next UdpSender::Call::on_error(UdpPort& port, const Unit& unit, int error) {
  if (fallback_.message != unit.message) fallback_ = {.message = unit.message};
  // Segmentation may have been turned off since this unit was built.
  if (unit.is_segmented() && !may_segment(unit.message)) return Next::BuildAgain;
  if (error == EAGAIN) return wait_for_room(port, unit);

  if (error == EIO && unit.is_segmented()) {
    sender_.stats_.gso_enabled.store(false, std::memory_order_relaxed);
    add(sender_.stats_.gso_retries, 1);
    return Next::BuildAgain;
  }
  if (may_blame_source(error) && unit.has_source && !fallback_.blamed_source) {
    fallback_.without_source = fallback_.blamed_source = true;
    return Next::BuildAgain;
  }
  if ((error == EINVAL || error == EMSGSIZE) && unit.is_segmented()) {
    // Leaving out the source did not help, so it was not to blame.
    fallback_ = {.message = unit.message, .plain = true, .on_trial = true};
    add(sender_.stats_.gso_retries, 1);
    return Next::BuildAgain;
  }
  lose(unit, error);
  return Next::GoOn;
}

// Waits once for a unit, and after one wait in vain not again in this call: the worker has packets
// to receive.
UdpSender::Call::Next UdpSender::Call::wait_for_room(UdpPort& port, const Unit& unit) {
  if (may_wait_ && !fallback_.waited) {
    pollfd ready{.fd = port.fd(), .events = POLLOUT, .revents = 0};
    if (poll(&ready, 1, static_cast<int>(kSendWait.count())) > 0) {
      fallback_.waited = true;
      return Next::SendAgain;
    }
    may_wait_ = false;
  }
  lose(unit, EAGAIN);
  return Next::GoOn;
}

void UdpSender::Call::on_sent(const Unit& unit) {
  add(sender_.stats_.datagrams, unit.datagrams);
  add(sender_.stats_.messages, 1);
  if (fallback_.message != unit.message) return;
  OutMessage& message = messages_[unit.message];
  fallback_.waited = false;
  if (fallback_.on_trial) sender_.remember_plain(message.path->remote, now_);
  fallback_.on_trial = false;
  if (fallback_.without_source && !message.source_refused) {
    message.source_refused = true;
    add(sender_.stats_.sources_refused, 1);
  }
}

void UdpSender::Call::lose(const Unit& unit, int error) {
  UdpSenderStats& stats = sender_.stats_;
  messages_[unit.message].error = error;
  fallback_.waited = false;
  fallback_.on_trial = false;  // it fails without segmentation too
  if (error == EAGAIN || error == ENOBUFS) {
    add(stats.send_buffer, unit.datagrams);
  } else if (error == EPERM) {
    add(stats.forbidden, unit.datagrams);
  } else {
    add(stats.send_errors, unit.datagrams);
  }
}

void UdpSender::Call::pass(const Unit& unit) {
  offset_ = unit.offset + unit.size;
  if (offset_ < messages_[unit.message].size) return;
  ++message_;
  offset_ = 0;
}

UdpSender::UdpSender(UdpPorts ports, bool use_gso)
    : ports_(ports), use_gso_(use_gso), batch_(std::make_unique<Batch>()) {
  stats_.gso_enabled = use_gso;
}

UdpSender::~UdpSender() = default;

void UdpSender::send(std::span<OutMessage> messages, TimePoint now) {
  Call(*this, messages, now).run();
}

void UdpSender::on_network_change() {
  stats_.gso_enabled = use_gso_;
  batch_->plain_count = 0;
}

bool UdpSender::is_plain(const Endpoint& destination, TimePoint now) const {
  for (const auto& plain : std::span(batch_->plain).first(batch_->plain_count)) {
    if (plain.destination == destination) return now < plain.until;
  }
  return false;
}

void UdpSender::remember_plain(const Endpoint& destination, TimePoint now) {
  const std::span known = std::span(batch_->plain).first(batch_->plain_count);
  auto slot = std::ranges::find(known, destination, &Batch::PlainDestination::destination);
  if (slot == known.end()) {
    if (batch_->plain_count < kPlainDestinations) {
      batch_->plain[batch_->plain_count++] = {destination, now + kPlainFor};
      return;
    }
    slot = std::ranges::min_element(known, {}, &Batch::PlainDestination::until);
  }
  *slot = {destination, now + kPlainFor};
}

}  // namespace warren::io
