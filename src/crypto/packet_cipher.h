#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "crypto/keys.h"

// The cipher of the packet path: ChaCha20-Poly1305 in place over runs of packets (spec: data-plane
// section 4). We write no cipher: libipsec-mb on x86-64 with AVX2, OpenSSL elsewhere.
namespace warren {

// One packet. `data` holds `size` bytes of text and 16 bytes of tag behind them. The nonce is four
// zero bytes and the counter in little-endian order; there is no associated data.
struct CipherJob {
  const std::uint8_t* key = nullptr;  // 32 bytes, outlives the call
  std::uint64_t counter = 0;
  std::uint8_t* data = nullptr;
  std::uint32_t size = 0;  // without the tag; at most 65,535
  bool ok = false;         // set by open(): authentic. If false, nothing of the text may be read
};

// Belongs to one thread: no call is thread-safe. No call allocates.
class PacketCipher {
 public:
  PacketCipher() = default;
  PacketCipher(const PacketCipher&) = delete;
  PacketCipher& operator=(const PacketCipher&) = delete;
  virtual ~PacketCipher() = default;

  virtual void seal(std::span<CipherJob> jobs) = 0;
  virtual void open(std::span<CipherJob> jobs) = 0;
  virtual std::string_view name() const = 0;  // "ipsec-mb" or "evp", for status and the log
};

enum class CipherChoice : std::uint8_t { Auto, IpsecMb, Evp };

// Auto takes libipsec-mb if it was compiled in, the CPU has AVX2 and the library's self-test
// passes; else OpenSSL. IpsecMb fails with a reason where it cannot be had.
Result<std::unique_ptr<PacketCipher>> create_packet_cipher(CipherChoice choice);

// Null when the text is none of auto, ipsec-mb, evp.
const CipherChoice* parse_cipher_choice(std::string_view text);

}  // namespace warren
