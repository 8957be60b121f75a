#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "io/file_descriptor.h"
#include "io/tun_port.h"

namespace warren::io {

enum class TunOffloadChoice : std::uint8_t { Auto, NoUdp, None };

// A TUN device that goes with its descriptor (also after kill -9), one queue.
class TunDevice final : public TunPort {
 public:
  // `name` of 1 to 15 characters; "wg%d" lets the kernel number it. Errors say what to do: name in
  // use, no CAP_NET_ADMIN, no /dev/net/tun.
  static Result<std::unique_ptr<TunDevice>> open(const std::string& name,
                                                 TunOffloadChoice choice = TunOffloadChoice::Auto);

  const std::string& name() const { return name_; }

  unsigned index() const { return index_; }

  const TunOffloads& offloads() const { return offloads_; }

  int fd() const override { return fd_.get(); }

  ssize_t read(std::span<std::uint8_t, 10> header, MutableByteView packet) override;
  int write(std::span<const iovec> parts) override;

 private:
  TunDevice(FileDescriptor fd, std::string name, unsigned index, const TunOffloads& offloads)
      : fd_(std::move(fd)), name_(std::move(name)), index_(index), offloads_(offloads) {}

  FileDescriptor fd_;
  std::string name_;
  unsigned index_;
  TunOffloads offloads_;
};

}  // namespace warren::io
