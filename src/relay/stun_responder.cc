#include "relay/stun_responder.h"

#include <array>
#include <utility>

#include "io/clock.h"
#include "io/epoll.h"
#include "io/udp_receiver.h"
#include "io/udp_sender.h"
#include "proto/stun/binding.h"

namespace warren::relay {

namespace {

constexpr std::uint64_t kStop = 0;
constexpr std::uint64_t kV4 = 1;
constexpr std::uint64_t kV6 = 2;
constexpr int kBatches = 16;  // of one socket before the other has its turn

void add_one(std::atomic<std::uint64_t>& counter) {
  counter.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

// The buffers of the thread.
class StunResponder::Worker {
 public:
  explicit Worker(StunResponder& responder)
      : responder_(responder), sender_(responder.sockets_.ports(), /*use_gso=*/false) {}

  void answer_all(io::UdpPort& port);

 private:
  // False: it is not answered.
  bool answer(const io::InMessage& request, TimePoint now, std::size_t slot);

  StunResponder& responder_;
  io::UdpReceiver receiver_;
  io::UdpSender sender_;
  std::array<std::array<std::uint8_t, stun::kMaxBindingSuccessSize>, io::UdpReceiver::kSlots>
      answers_{};
  std::array<io::OutMessage, io::UdpReceiver::kSlots> messages_{};
};

void StunResponder::Worker::answer_all(io::UdpPort& port) {
  for (int i = 0; i < kBatches; ++i) {
    int error = 0;
    const auto requests = receiver_.receive(port, error);
    const TimePoint now = io::boot_now();
    std::size_t count = 0;
    for (const io::InMessage& request : requests) {
      if (answer(request, now, count)) ++count;
    }
    sender_.send(std::span(messages_).first(count), now);
    if (requests.size() < io::UdpReceiver::kSlots) return;
  }
}

bool StunResponder::Worker::answer(const io::InMessage& request, TimePoint now, std::size_t slot) {
  const auto transaction = stun::decode_binding_request({request.data, request.size});
  if (!transaction) {
    add_one(responder_.counters_.malformed);
    return false;
  }
  const Endpoint& from = request.from.remote;
  if (!responder_.limiter_.allow(from.address, now)) {
    add_one(responder_.counters_.limited);
    return false;
  }
  const std::size_t size =
      stun::encode_binding_success(answers_[slot], {.transaction = *transaction, .mapped = from});
  messages_[slot] = {.path = &request.from,
                     .data = answers_[slot].data(),
                     .size = static_cast<std::uint32_t>(size),
                     .segment_size = static_cast<std::uint16_t>(size)};
  add_one(responder_.counters_.answered);
  return true;
}

Result<std::unique_ptr<StunResponder>> StunResponder::start(const StunOptions& options,
                                                            Random& random) {
  WARREN_TRY(auto sockets, io::bind_udp_pair({.port = options.port, .use_gro = false}));
  std::unique_ptr<StunResponder> out(new StunResponder(options, std::move(sockets), random));
  WARREN_TRY(auto thread,
             io::Thread::start("warren-stun", [responder = out.get()](const io::EventFd& stop) {
               responder->run(stop);
             }));
  out->thread_ = std::make_unique<io::Thread>(std::move(thread));
  return out;
}

StunResponder::StunResponder(const StunOptions& options, io::UdpSocketPair sockets, Random& random)
    : sockets_(std::move(sockets)), limiter_(options.interval, options.burst, random) {}

StunResponder::~StunResponder() = default;

void StunResponder::run(const io::EventFd& stop) {
  auto epoll = io::Epoll::create();
  if (!epoll || !epoll->add(stop.fd(), EPOLLIN, kStop)) return;
  for (const auto& [socket, tag] :
       {std::pair(sockets_.v4.get(), kV4), std::pair(sockets_.v6.get(), kV6)}) {
    if (socket != nullptr && !epoll->add(socket->fd(), EPOLLIN, tag)) return;
  }
  Worker worker(*this);
  epoll_event events[4];
  while (true) {
    for (const epoll_event& event : epoll->wait(events, -1)) {
      const std::uint64_t tag = io::tag_of(event);
      if (tag == kStop) return;
      worker.answer_all(tag == kV4 ? *sockets_.v4 : *sockets_.v6);
    }
  }
}

}  // namespace warren::relay
