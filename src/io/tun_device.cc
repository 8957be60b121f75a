#include "io/tun_device.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>

namespace warren::io {

namespace {

// linux/if_tun.h. Ours, because Debian 12's copy (6.1) lacks USO4 and USO6 (6.2).
constexpr short kIffTun = 0x0001;
constexpr short kIffNoPi = 0x1000;
constexpr short kIffVnetHeader = 0x4000;
constexpr unsigned kTunFChecksum = 0x01;
constexpr unsigned kTunFTso4 = 0x02;
constexpr unsigned kTunFTso6 = 0x04;
constexpr unsigned kTunFUso4 = 0x20;
constexpr unsigned kTunFUso6 = 0x40;
constexpr unsigned long kTunSetIff = _IOW('T', 202, int);
constexpr unsigned long kTunSetOffload = _IOW('T', 208, unsigned);

constexpr unsigned kTcpOffloads = kTunFChecksum | kTunFTso4 | kTunFTso6;  // 0x07
constexpr unsigned kAllOffloads = kTcpOffloads | kTunFUso4 | kTunFUso6;   // 0x67

constexpr std::size_t kHeaderSize = 10;  // virtio_net_hdr without num_buffers
constexpr std::size_t kMaxParts = 66;    // data-plane section 2.5

Error open_error(int error) {
  Error out = errno_error("open /dev/net/tun", error);
  if (out.code == Errc::NotFound) out.detail += " (load the module: modprobe tun)";
  if (out.code == Errc::PermissionDenied) out.detail += " (run as root, or grant CAP_NET_ADMIN)";
  return out;
}

Error create_error(const std::string& name, int error) {
  Error out = errno_error(fmt::format("create TUN device {}", name), error);
  switch (error) {
    case EBUSY:
      out.detail += " (another program has it open: stop that program or choose another name)";
      break;
    case EINVAL:  // what the kernel says for an interface of another kind
      out.code = Errc::AlreadyExists;
      out.detail = fmt::format(
          "create TUN device {}: an interface of another kind has this name: remove it (ip link "
          "del "
          "{}) or choose another name",
          name, name);
      break;
    case EPERM:
      out.detail += " (run as root, or grant CAP_NET_ADMIN)";
      break;
    default:
      break;
  }
  return out;
}

// The kernel's rules for interface names (dev_valid_name), less what breaks tools and /proc/sys.
bool is_valid_name(const std::string& name) {
  return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
         std::ranges::all_of(
             name, [](char c) { return c > ' ' && c < 0x7f && c != '/' && c != ':'; });
}

struct Created {
  FileDescriptor fd;
  std::string name;
};

Result<Created> create(const std::string& name, bool vnet_header) {
  FileDescriptor fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd.is_open()) return unexpected(open_error(errno));
  ifreq request{};
  request.ifr_flags =
      static_cast<short>(kIffTun | kIffNoPi | (vnet_header ? kIffVnetHeader : short{0}));
  std::memcpy(request.ifr_name, name.data(), name.size());
  if (ioctl(fd.get(), kTunSetIff, &request) != 0) return unexpected(create_error(name, errno));
  return Created{std::move(fd), request.ifr_name};
}

bool set_offloads(const FileDescriptor& fd, unsigned offloads) {
  return ioctl(fd.get(), kTunSetOffload, static_cast<unsigned long>(offloads)) == 0;
}

}  // namespace

Result<std::unique_ptr<TunDevice>> TunDevice::open(const std::string& name,
                                                   TunOffloadChoice choice) {
  if (!is_valid_name(name)) {
    return fail(Errc::InvalidArgument,
                fmt::format("\"{}\" is no name for an interface: 1 to 15 characters, no space, "
                            "slash or colon",
                            name));
  }
  TunOffloads offloads;
  Created created;
  if (choice != TunOffloadChoice::None) {
    WARREN_TRY(created, create(name, true));
    // Unknown bits are EINVAL, so the ioctl is the probe.
    offloads.udp = choice == TunOffloadChoice::Auto && set_offloads(created.fd, kAllOffloads);
    offloads.tcp = offloads.udp || set_offloads(created.fd, kTcpOffloads);
    offloads.vnet_header = offloads.tcp;
  }
  if (!offloads.vnet_header) {
    created = {};  // the first device goes before one of the same name comes
    WARREN_TRY(created, create(name, false));
  }
  const unsigned index = if_nametoindex(created.name.c_str());
  if (index == 0) return unexpected(errno_error("find interface " + created.name, errno));
  return std::unique_ptr<TunDevice>(
      new TunDevice(std::move(created.fd), std::move(created.name), index, offloads));
}

ssize_t TunDevice::read(std::span<std::uint8_t, 10> header, MutableByteView packet) {
  const iovec parts[] = {{.iov_base = header.data(), .iov_len = header.size()},
                         {.iov_base = packet.data(), .iov_len = packet.size()}};
  const bool has_header = offloads_.vnet_header;
  if (!has_header) std::ranges::fill(header, std::uint8_t{0});
  ssize_t got = -1;
  do {
    got = has_header ? readv(fd_.get(), parts, 2) : ::read(fd_.get(), packet.data(), packet.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  if (!has_header) return got;
  return std::max<ssize_t>(got - static_cast<ssize_t>(kHeaderSize), 0);
}

int TunDevice::write(std::span<const iovec> parts) {
  iovec bare[kMaxParts];
  if (!offloads_.vnet_header) {
    if (parts.empty() || parts.size() > kMaxParts || parts[0].iov_len < kHeaderSize) return -EINVAL;
    std::ranges::copy(parts, bare);
    bare[0].iov_base = static_cast<std::uint8_t*>(bare[0].iov_base) + kHeaderSize;
    bare[0].iov_len -= kHeaderSize;
    parts = std::span<const iovec>(bare, parts.size());
  }
  ssize_t put = -1;
  do {
    put = writev(fd_.get(), parts.data(), static_cast<int>(parts.size()));
  } while (put < 0 && errno == EINTR);
  return put < 0 ? -errno : 0;
}

}  // namespace warren::io
