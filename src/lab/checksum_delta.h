#pragma once

#include "base/ip_address.h"
#include "proto/ip/checksum.h"

namespace warren::lab {

// What replacing words under an Internet checksum does to it (RFC 1624).
class ChecksumDelta {
 public:
  void replace(std::uint16_t before, std::uint16_t after) {
    sum_.remove_be16(before);
    sum_.add_be16(after);
  }

  // Of the same family.
  void replace(const IpAddress& before, const IpAddress& after) {
    for (std::size_t i = 0; i < before.bytes().size(); i += 2) {
      replace(load_be<std::uint16_t>(before.bytes().data() + i),
              load_be<std::uint16_t>(after.bytes().data() + i));
    }
  }

  // `at`: a checksum field.
  void apply(std::uint8_t* at) const {
    ip::Sum sum = sum_;
    sum.add_be16(static_cast<std::uint16_t>(~load_be<std::uint16_t>(at)));
    store_be(at, sum.checksum());
  }

  // As apply(); zero means that there is none, and is never written (RFC 768).
  void apply_udp(std::uint8_t* at) const {
    if (load_be<std::uint16_t>(at) == 0) return;
    apply(at);
    if (load_be<std::uint16_t>(at) == 0) store_be(at, std::uint16_t{0xFFFF});
  }

  // `at`: the sum of the pseudo-header, not complemented, as a packet with
  // VIRTIO_NET_HDR_F_NEEDS_CSUM has it.
  void apply_partial(std::uint8_t* at) const {
    ip::Sum sum = sum_;
    sum.add_be16(load_be<std::uint16_t>(at));
    store_be(at, sum.folded());
  }

 private:
  ip::Sum sum_;
};

}  // namespace warren::lab
