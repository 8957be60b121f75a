#include "proto/relay/login.h"

#include <cctype>
#include <optional>

#include <gtest/gtest.h>

#include "crypto/box.h"
#include "crypto/testing.h"
#include "proto/relay/frames.h"

namespace warren::relay {
namespace {

// Spec: paths appendix A: client A, server B.
constexpr std::string_view kPrivateA =
    "0101010101010101010101010101010101010101010101010101010101010101";
constexpr std::string_view kPrivateB =
    "0202020202020202020202020202020202020202020202020202020202020202";
constexpr std::string_view kSpecNonce = "000102030405060708090a0b0c0d0e0f1011121314151617";
constexpr std::string_view kSpecClientInfo =
    "0200000068a4e09292b651c278b9772c569f5fa9bb13d906b46ab68c9df9dc2b4409f8a209"
    "000102030405060708090a0b0c0d0e0f1011121314151617"
    "3886897e2cda6c0d8dc4ad5c4b74ca7f99edf5a6e8428f59d77442f5e0be4499b5921f8df3dea51572626156526589"
    "c1";
constexpr std::string_view kMeshKey =
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

constexpr ServerInfo kStockServer{.version = kProtocolVersion};

ClientInfo stock_client() {
  return {.mesh_key = "", .version = kProtocolVersion, .can_ack_pings = true};
}

template <class PrivateKey>
PrivateKey key_from_hex(std::string_view hex) {
  return PrivateKey(array_from_hex<kKeySize>(hex));
}

// The nonce of a recording.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {}

  void fill(MutableByteView out) override {
    WARREN_CHECK(out.size() == bytes_.size());
    std::ranges::copy(bytes_, out.begin());
  }

 private:
  Bytes bytes_;
};

// A talks to B; what is sealed is any text.
class RelayLogin : public testing::Test {
 protected:
  Bytes box(std::string_view text) {
    BoxKey key;
    EXPECT_TRUE(key.init(client_.bytes(), server_.public_key().bytes()));
    const auto nonce = array_from_hex<kBoxNonceSize>(kSpecNonce);
    Bytes out(nonce.begin(), nonce.end());
    out.resize(kBoxNonceSize + kBoxOverhead + text.size());
    key.seal(MutableByteView(out).subspan(kBoxNonceSize), nonce, as_bytes(text));
    return out;
  }

  Bytes client_payload(std::string_view text) {
    const NodePublicKey key = client_.public_key();
    Bytes out(key.bytes().begin(), key.bytes().end());
    const Bytes rest = box(text);
    out.insert(out.end(), rest.begin(), rest.end());
    return out;
  }

  Result<ClientInfo, DecodeError> client_says(std::string_view text) {
    auto opened = open_client_info(client_payload(text), server_);
    if (!opened) return unexpected(opened.error());
    EXPECT_EQ(opened->client, client_.public_key());
    return opened->info;
  }

  Result<ServerInfo, DecodeError> server_says(std::string_view text) {
    return open_server_info(box(text), client_, server_.public_key());
  }

  // The text inside what we seal.
  std::string said(const ClientInfo& info) {
    return text_in(ByteView(seal_client_info(info, client_, server_.public_key(), random_))
                       .subspan(kFrameHeaderSize + kKeySize));
  }

  std::string said(const ServerInfo& info) {
    return text_in(ByteView(seal_server_info(info, server_, client_.public_key(), random_))
                       .subspan(kFrameHeaderSize));
  }

  std::string text_in(ByteView nonce_and_box) {
    BoxKey key;
    EXPECT_TRUE(key.init(client_.bytes(), server_.public_key().bytes()));
    Bytes text(nonce_and_box.size() - kBoxNonceSize - kBoxOverhead);
    EXPECT_TRUE(
        key.open(text, nonce_and_box.first<kBoxNonceSize>(), nonce_and_box.subspan(kBoxNonceSize)));
    return std::string(as_text(text));
  }

  const NodePrivateKey client_ = key_from_hex<NodePrivateKey>(kPrivateA);
  const RelayPrivateKey server_ = key_from_hex<RelayPrivateKey>(kPrivateB);
  SeededRandom random_{1};
};

TEST_F(RelayLogin, SealsAndOpensTheClientInfoOfTheSpec) {
  FixedRandom nonce(from_hex(kSpecNonce));
  const Bytes frame = seal_client_info(stock_client(), client_, server_.public_key(), nonce);
  EXPECT_EQ(to_hex(frame), kSpecClientInfo);
  const auto opened = open_client_info(ByteView(frame).subspan(kFrameHeaderSize), server_);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->client, client_.public_key());
  EXPECT_EQ(opened->info, stock_client());
}

TEST(RelayLoginRecording, OpensAndSealsEveryLogin) {
  RelayPrivateKey server;
  std::optional<NodePrivateKey> client;
  NodePublicKey client_public;
  std::array<int, 3> seen{};
  for (const auto& row : read_vectors(WARREN_SOURCE_DIR "/src/proto/relay/testdata/recorded.txt")) {
    if (row[0] == "connection") {
      server = key_from_hex<RelayPrivateKey>(row[1]);
      client_public = NodePublicKey(array_from_hex<kKeySize>(row[2]));
      client.reset();
      if (row[3] != "-") client = key_from_hex<NodePrivateKey>(row[3]);
      continue;
    }
    SCOPED_TRACE(row[2]);
    const Bytes payload = from_hex(row[2]);
    if (row[1] == "2") {
      const auto opened = open_client_info(payload, server);
      ASSERT_TRUE(opened);
      EXPECT_EQ(opened->client, client_public);
      EXPECT_EQ(opened->info, stock_client());
      ++seen[0];
      if (!client) continue;
      FixedRandom nonce(ByteView(payload).subspan(kKeySize, kBoxNonceSize));
      const Bytes ours = seal_client_info(opened->info, *client, server.public_key(), nonce);
      EXPECT_EQ(to_hex(ours), "0200000068" + row[2]);
      ++seen[1];
    }
    if (row[1] == "3") {
      FixedRandom nonce(ByteView(payload).first(kBoxNonceSize));
      const Bytes ours = seal_server_info(kStockServer, server, client_public, nonce);
      EXPECT_EQ(to_hex(ours), "0300000035" + row[2]);
      ++seen[2];
      if (client) {
        EXPECT_EQ(open_server_info(payload, *client, server.public_key()), kStockServer);
      }
    }
  }
  EXPECT_EQ(seen, (std::array{10, 3, 10}));
}

TEST_F(RelayLogin, WritesWhatStockSoftwareWrites) {
  // Names, order and omissions of paths section 2.3.
  EXPECT_EQ(said(ClientInfo{}), R"({"CanAckPings":false})");
  EXPECT_EQ(said(ClientInfo{.mesh_key = std::string(kMeshKey),
                            .version = 2,
                            .can_ack_pings = true,
                            .is_prober = true}),
            R"({"meshKey":")" + std::string(kMeshKey) +
                R"(","version":2,"CanAckPings":true,"IsProber":true})");
  EXPECT_EQ(said(kStockServer), R"({"version":2})");
  EXPECT_EQ(
      said(ServerInfo{.version = 2, .rate_bytes_per_second = 1000, .rate_burst_bytes = 70000}),
      R"({"version":2,"TokenBucketBytesPerSecond":1000,"TokenBucketBytesBurst":70000})");
}

TEST_F(RelayLogin, OpensWhatItSealed) {
  const ClientInfo info{.mesh_key = std::string(kMeshKey), .version = 2, .is_prober = true};
  EXPECT_EQ(client_says(said(info)), info);
  const ServerInfo rated{.version = 2, .rate_bytes_per_second = UINT64_MAX, .rate_burst_bytes = 1};
  EXPECT_EQ(server_says(said(rated)), rated);
}

TEST_F(RelayLogin, IgnoresUnknownMembersAndTheCaseOfNames) {
  EXPECT_EQ(client_says(R"({"AppName":"x","VERSION":2,"canackpings":true,"later":[{"a":[1.5]}]})"),
            stock_client());
  EXPECT_EQ(client_says(R"( { "version" : 2 , "CanAckPings" : true, "meshKey": null } )"),
            stock_client());
  EXPECT_EQ(client_says("{}"), ClientInfo());
  EXPECT_EQ(server_says(R"({"Version":2,"tokenbucketbytespersecond":7,"TokenBucket":[]})"),
            (ServerInfo{.version = 2, .rate_bytes_per_second = 7}));
}

TEST_F(RelayLogin, TakesAMeshKeyOfSixtyFourDigitsOnly) {
  const std::string key(kMeshKey);
  EXPECT_EQ(client_says(R"({"meshKey":")" + key + R"("})").value().mesh_key, key);
  std::string upper = key;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  EXPECT_EQ(client_says(R"({"meshKey":")" + upper + R"("})").value().mesh_key, key);
  for (const std::string& bad : {std::string(), key.substr(1), key + "0", "g" + key.substr(1)}) {
    EXPECT_FALSE(client_says(R"({"meshKey":")" + bad + R"("})")) << bad;
  }
}

TEST_F(RelayLogin, RejectsOtherJson) {
  for (const std::string_view text :
       {"", "null", "[]", "2", "{", "{} {}", R"({"version":"2"})", R"({"version":2.0})",
        R"({"version":2147483648})", R"({"CanAckPings":1})", R"({"meshKey":1})",
        R"({"version":2,})", "{\"version\":2}\xff"}) {
    const auto info = client_says(text);
    ASSERT_FALSE(info) << text;
    EXPECT_EQ(info.error(), DecodeError::BadValue);
  }
  for (const std::string_view text :
       {R"({"TokenBucketBytesPerSecond":-1})", R"({"TokenBucketBytesPerSecond":1e3})",
        R"({"TokenBucketBytesBurst":18446744073709551616})"}) {
    EXPECT_FALSE(server_says(text)) << text;
  }
}

TEST_F(RelayLogin, BoundsDepthAndSize) {
  const auto nested = [](std::size_t depth) {
    return R"({"x":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(client_says(nested(7)));
  EXPECT_FALSE(client_says(nested(8)));
  EXPECT_FALSE(client_says(nested(7000)));

  const auto padded = [](std::size_t size) { return "{" + std::string(size - 2, ' ') + "}"; };
  const std::size_t server_room = kMaxLoginSize - kBoxNonceSize - kBoxOverhead;
  const std::size_t client_room = server_room - kKeySize;
  EXPECT_TRUE(client_says(padded(client_room)));
  EXPECT_EQ(client_says(padded(client_room + 1)), unexpected(DecodeError::BadLength));
  EXPECT_TRUE(server_says(padded(server_room)));
  EXPECT_EQ(server_says(padded(server_room + 1)), unexpected(DecodeError::BadLength));
}

TEST_F(RelayLogin, RejectsEveryTruncationAndEveryChangedByte) {
  Bytes client = client_payload(R"({"version":2,"CanAckPings":true})");
  Bytes server = box(R"({"version":2})");
  const auto open = [&](ByteView payload, bool of_client) {
    return of_client ? open_client_info(payload, server_).has_value()
                     : open_server_info(payload, client_, server_.public_key()).has_value();
  };
  for (const bool of_client : {true, false}) {
    Bytes& payload = of_client ? client : server;
    EXPECT_TRUE(open(payload, of_client));
    for (std::size_t n = 0; n < payload.size(); ++n) {
      EXPECT_FALSE(open(ByteView(payload).first(n), of_client)) << n;
    }
    for (std::size_t i = 0; i < payload.size(); ++i) {
      payload[i] ^= 0x01;
      EXPECT_FALSE(open(payload, of_client)) << i;
      payload[i] ^= 0x01;
    }
  }
}

TEST_F(RelayLogin, RefusesAnotherServersKey) {
  const auto other = key_from_hex<RelayPrivateKey>(kPrivateA);
  EXPECT_FALSE(open_client_info(client_payload("{}"), other));
  EXPECT_FALSE(open_server_info(box("{}"), client_, other.public_key()));
}

TEST_F(RelayLogin, RefusesALowOrderKey) {
  Bytes payload = client_payload("{}");
  std::fill_n(payload.begin(), kKeySize, std::uint8_t{0});
  const auto opened = open_client_info(payload, server_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error(), DecodeError::BadValue);
  EXPECT_TRUE(seal_client_info(stock_client(), client_, RelayPublicKey(), random_).empty());
  EXPECT_TRUE(seal_server_info(kStockServer, server_, NodePublicKey(), random_).empty());
}

}  // namespace
}  // namespace warren::relay
