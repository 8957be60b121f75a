#include <atomic>
#include <cstdlib>
#include <new>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/packet_cipher.h"
#include "crypto/testing.h"

// What runs for each packet or each handshake message of a flood must not allocate, neither in our
// code (operator new) nor in OpenSSL's (its own allocator).
namespace {

std::atomic<int> allocations;

void* count_malloc(std::size_t size, const char* /*file*/, int /*line*/) {
  ++allocations;
  return std::malloc(size);
}

void* count_realloc(void* old, std::size_t size, const char* /*file*/, int /*line*/) {
  ++allocations;
  return std::realloc(old, size);
}

void count_free(void* memory, const char* /*file*/, int /*line*/) {
  std::free(memory);
}

// Before main(): OpenSSL refuses once it has allocated.
const bool openssl_is_counted =
    CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) == 1;

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

// NOLINTBEGIN(clang-analyzer-cplusplus.NewDelete): this is where it is freed
void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

// NOLINTEND(clang-analyzer-cplusplus.NewDelete)

namespace warren {
namespace {

// Allocations of the second call: the first may set up this thread's contexts.
template <class Function>
int allocations_of(const Function& function) {
  function();
  const int before = allocations;
  function();
  return allocations - before;
}

TEST(Allocation, IsCounted) {
  ASSERT_TRUE(openssl_is_counted);
  EXPECT_EQ(allocations_of([] { ::operator delete(::operator new(4)); }), 1);
  EXPECT_GE(allocations_of([] { OPENSSL_free(OPENSSL_malloc(16)); }), 1);
}

TEST(Allocation, IsNotDoneByPacketCiphers) {
  for (const CipherChoice choice : {CipherChoice::IpsecMb, CipherChoice::Evp}) {
    auto cipher = create_packet_cipher(choice);
    if (!cipher) continue;
    std::array<std::array<std::uint8_t, kKeySize>, 3> keys{};
    keys[1].fill(1);
    keys[2].fill(2);
    std::array<std::array<std::uint8_t, 1500>, 45> packets{};
    std::array<CipherJob, 45> jobs{};
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      jobs[i] = {.key = keys[i % 3].data(),
                 .counter = i,
                 .data = packets[i].data(),
                 .size = static_cast<std::uint32_t>(i * 33)};
    }
    EXPECT_EQ(allocations_of([&] { (*cipher)->seal(jobs); }), 0) << (*cipher)->name();
    EXPECT_EQ(allocations_of([&] { (*cipher)->open(jobs); }), 0) << (*cipher)->name();
  }
}

TEST(Allocation, IsNotDoneByMacsAndAeads) {
  const SymmetricKey key;
  const std::array<std::uint8_t, 148> message{};
  std::array<std::uint8_t, 148 + kAeadTagSize> sealed{};
  std::array<std::uint8_t, 148> opened{};
  const std::array<std::uint8_t, kXNonceSize> nonce{};
  EXPECT_EQ(allocations_of([&] { blake2s_mac16(key.bytes(), message); }), 0);
  EXPECT_EQ(allocations_of([&] { aead_seal(sealed, key, 1, message, message); }), 0);
  EXPECT_EQ(allocations_of([&] { (void)aead_open(opened, key, 1, sealed, message); }), 0);
  EXPECT_EQ(allocations_of([&] { xaead_seal(sealed, key, nonce, message, message); }), 0);
  EXPECT_EQ(allocations_of([&] { (void)xaead_open(opened, key, nonce, sealed, message); }), 0);
}

// OpenSSL 3.0 makes a digest's state anew each time it starts one: a hash costs one allocation, an
// HMAC two. Only handshakes hash, and not before the sender has passed MAC1.
TEST(Allocation, IsOneStateForEachHash) {
  const std::array<std::uint8_t, 148> message{};
  EXPECT_LE(allocations_of([&] { blake2s({message, message}); }), 1);
  EXPECT_LE(allocations_of([&] {
              SymmetricKey out;
              hmac_blake2s(out, message, {message});
            }),
            2 + 1);  // and one for a key longer than a block
}

}  // namespace
}  // namespace warren
