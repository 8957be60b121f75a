// The datagram side of bench/tunnel: paced small packets with a count at the far end, and an echo
// with round-trip times. Each mode prints one JSON object when it ends; receive and echo end with
// SIGTERM.
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/core.h>

namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatch = 64;           // messages a system call
constexpr int kSocketBuffer = 4 << 20;       // the probe's own queue is not what is measured
constexpr auto kPause = microseconds(50);    // when the sender is ahead of its rate
constexpr auto kQuiet = milliseconds(200);   // after SIGTERM: longer than any queue on the way
constexpr auto kInterval = milliseconds(1);  // between two echo requests
constexpr std::size_t kMaxDatagram = 2048;

volatile std::sig_atomic_t g_ended = 0;

struct Probe {
  std::uint64_t sequence = 0;
  std::int64_t sent_at = 0;  // nanoseconds of the sender's steady clock
};

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

int open_socket() {
  const int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int off = 0;
  if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) return -1;
  for (const int option : {SO_RCVBUFFORCE, SO_SNDBUFFORCE}) {
    if (setsockopt(fd, SOL_SOCKET, option, &kSocketBuffer, sizeof kSocketBuffer) != 0) return -1;
  }
  return fd;
}

// IPv4 destinations travel as mapped addresses: one socket family for both.
int connected(std::string_view address, std::uint16_t port) {
  const bool is_v4 = address.find(':') == std::string_view::npos;
  const auto text = fmt::format("{}{}", is_v4 ? "::ffff:" : "", address);
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(port);
  const int fd = open_socket();
  if (inet_pton(AF_INET6, text.c_str(), &to.sin6_addr) != 1 || fd < 0) return -1;
  return connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ? fd : -1;
}

int bound(std::uint16_t port) {
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(port);
  const int fd = open_socket();
  if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) return -1;
  fmt::print("ready\n");
  static_cast<void>(std::fflush(stdout));
  return fd;
}

bool readable_within(int fd, milliseconds wait) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&entry, 1, static_cast<int>(wait.count())) > 0;
}

struct Batch {
  explicit Batch(std::size_t size) : bytes(kBatch * size) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      parts[i] = {.iov_base = bytes.data() + i * size, .iov_len = size};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
  }

  std::vector<std::uint8_t> bytes;
  std::array<iovec, kBatch> parts{};
  std::array<mmsghdr, kBatch> messages{};
};

int send_paced(int fd, double rate, double seconds, std::size_t size) {
  Batch batch(size);
  std::uint64_t sent = 0;
  const auto start = Clock::now();
  for (;;) {
    const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    if (elapsed >= seconds) break;
    const auto due = static_cast<std::uint64_t>(elapsed * rate);
    if (sent >= due) {
      std::this_thread::sleep_for(kPause);
      continue;
    }
    const auto count = static_cast<unsigned>(std::min<std::uint64_t>(due - sent, kBatch));
    const int done = sendmmsg(fd, batch.messages.data(), count, 0);
    if (done > 0) sent += static_cast<std::uint64_t>(done);
    if (done < 0 && errno != ENOBUFS && errno != ECONNREFUSED) return 1;
  }
  fmt::print("{{\"sent\": {}}}\n", sent);
  return 0;
}

int receive(int fd) {
  Batch batch(kMaxDatagram);
  std::uint64_t received = 0;
  while (readable_within(fd, kQuiet) || g_ended == 0) {
    const int done = recvmmsg(fd, batch.messages.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (done > 0) received += static_cast<std::uint64_t>(done);
  }
  fmt::print("{{\"received\": {}}}\n", received);
  return 0;
}

int echo(int fd) {
  std::array<std::uint8_t, kMaxDatagram> buffer{};
  std::uint64_t answered = 0;
  while (g_ended == 0) {
    sockaddr_in6 from{};
    socklen_t length = sizeof from;
    auto* const peer = reinterpret_cast<sockaddr*>(&from);
    if (!readable_within(fd, kQuiet)) continue;
    const auto size = recvfrom(fd, buffer.data(), buffer.size(), 0, peer, &length);
    if (size <= 0) continue;
    if (sendto(fd, buffer.data(), static_cast<std::size_t>(size), 0, peer, length) == size)
      ++answered;
  }
  fmt::print("{{\"answered\": {}}}\n", answered);
  return 0;
}

std::int64_t now_ns() {
  return duration_cast<nanoseconds>(Clock::now().time_since_epoch()).count();
}

void take_answers(int fd, std::vector<double>& round_trips) {
  Probe probe;
  while (recv(fd, &probe, sizeof probe, MSG_DONTWAIT) == sizeof probe) {
    round_trips.push_back(static_cast<double>(now_ns() - probe.sent_at) / 1000);
  }
}

double quantile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

int ping(int fd, double seconds) {
  std::vector<double> round_trips;
  const auto count = static_cast<std::uint64_t>(seconds * 1000);
  round_trips.reserve(count);
  const auto start = Clock::now();
  Probe probe;
  for (probe.sequence = 0; probe.sequence < count; ++probe.sequence) {
    const auto due = start + kInterval * static_cast<std::int64_t>(probe.sequence);
    for (auto left = due - Clock::now(); left > nanoseconds::zero(); left = due - Clock::now()) {
      pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
      const timespec wait{.tv_sec = 0, .tv_nsec = duration_cast<nanoseconds>(left).count()};
      if (ppoll(&entry, 1, &wait, nullptr) > 0) take_answers(fd, round_trips);
    }
    probe.sent_at = now_ns();
    if (send(fd, &probe, sizeof probe, 0) < 0 && errno != ECONNREFUSED) return 1;
  }
  while (round_trips.size() < count && readable_within(fd, kQuiet)) take_answers(fd, round_trips);
  std::ranges::sort(round_trips);
  fmt::print(
      "{{\"sent\": {}, \"answered\": {}, \"p50\": {:.1f}, \"p99\": {:.1f}, \"max\": {:.1f}}}\n",
      count, round_trips.size(), quantile(round_trips, 0.5), quantile(round_trips, 0.99),
      quantile(round_trips, 1));
  return 0;
}

int usage() {
  fmt::print(stderr,
             "usage: udp_probe receive PORT | echo PORT\n"
             "       udp_probe send ADDRESS PORT PACKETS_PER_SECOND SECONDS SIZE\n"
             "       udp_probe ping ADDRESS PORT SECONDS\n");
  return 2;
}

int run(const std::vector<std::string_view>& words) {
  const bool serves = words.size() == 2 && (words[0] == "receive" || words[0] == "echo");
  const bool sends =
      (words.size() == 6 && words[0] == "send") || (words.size() == 4 && words[0] == "ping");
  if (!serves && !sends) return usage();
  std::array<double, 6> value{};
  for (std::size_t i = serves ? 1 : 2; i < words.size(); ++i) {
    const auto parsed = number(words[i]);
    if (!parsed || *parsed <= 0) return usage();
    value[i] = *parsed;
  }
  const auto port = static_cast<std::uint16_t>(serves ? value[1] : value[2]);
  const int fd = serves ? bound(port) : connected(words[1], port);
  if (fd < 0) {
    fmt::print(stderr, "udp_probe: {}\n", std::generic_category().message(errno));
    return 1;
  }
  if (words[0] == "receive") return receive(fd);
  if (words[0] == "echo") return echo(fd);
  if (words[0] == "ping") return ping(fd, value[3]);
  return send_paced(fd, value[3], value[4], static_cast<std::size_t>(value[5]));
}

}  // namespace

int main(int argc, char** argv) {
  struct sigaction action{};
  action.sa_handler = [](int) { g_ended = 1; };
  sigaction(SIGTERM, &action, nullptr);
  return run({argv + 1, argv + argc});
}
