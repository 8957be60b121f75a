#include <vector>

#include "crypto/box.h"
#include "proto/relay/frames.h"
#include "proto/relay/login.h"

using warren::ByteView;
namespace relay = warren::relay;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::array<std::uint8_t, warren::kKeySize> kClientSecret = {1};
constexpr std::array<std::uint8_t, warren::kKeySize> kServerSecret = {2};

// `clear`, a nonce of zeros, and the text in a box that opens.
Bytes sealed(ByteView clear, const warren::BoxKey& key, ByteView text) {
  const std::array<std::uint8_t, warren::kBoxNonceSize> nonce{};
  Bytes out(clear.begin(), clear.end());
  out.resize(clear.size() + nonce.size() + warren::kBoxOverhead + text.size());
  key.seal(warren::MutableByteView(out).subspan(clear.size() + nonce.size()), nonce, text);
  return out;
}

}  // namespace

// The input as the text of both logins, and as a payload of both.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const warren::NodePrivateKey client(kClientSecret);
  const warren::RelayPrivateKey server(kServerSecret);
  const auto client_public = client.public_key();
  const auto server_public = server.public_key();
  warren::BoxKey key;
  WARREN_CHECK(key.init(kClientSecret, server_public.bytes()));
  warren::SeededRandom random(1);

  if (const auto login = relay::open_client_info(input, server)) {
    WARREN_CHECK(!login->client.is_zero());
  }
  if (relay::open_server_info(input, client, server_public)) {
    WARREN_CHECK(input.size() > warren::kBoxNonceSize + warren::kBoxOverhead);
  }
  if (const auto login =
          relay::open_client_info(sealed(client_public.bytes(), key, input), server)) {
    const Bytes frame = seal_client_info(login->info, client, server_public, random);
    const auto again =
        relay::open_client_info(ByteView(frame).subspan(relay::kFrameHeaderSize), server);
    WARREN_CHECK(again.has_value() && again->info == login->info);
    WARREN_CHECK(again->client == client_public);
  }
  if (const auto info = relay::open_server_info(sealed({}, key, input), client, server_public)) {
    const Bytes frame = seal_server_info(*info, server, client_public, random);
    const auto again = relay::open_server_info(ByteView(frame).subspan(relay::kFrameHeaderSize),
                                               client, server_public);
    WARREN_CHECK(again == *info);
  }
  return 0;
}
