#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"
#include "crypto/testing.h"

// What this folder's tests share.
namespace warren::ts2021 {

// Gives the same bytes each time.
class PrescribedRandom final : public Random {
 public:
  explicit PrescribedRandom(std::string_view hex) : bytes_(from_hex(hex)) {}

  void fill(MutableByteView out) override {
    WARREN_CHECK(out.size() == bytes_.size());
    std::ranges::copy(bytes_, out.begin());
  }

 private:
  Bytes bytes_;
};

// testdata/recorded.txt; keys in hex.
struct RecordedConnection {
  std::uint16_t version = 0;
  std::string machine;
  std::string server;
  std::string server_ephemeral;
  Bytes initiation;
  Bytes response;
  std::string handshake_hash;
  std::vector<Bytes> from_client;  // records
  std::vector<Bytes> from_server;
};

inline RecordedConnection recorded_connection() {
  RecordedConnection out;
  const auto rows = read_vectors(WARREN_SOURCE_DIR "/src/proto/ts2021/testdata/recorded.txt");
  for (const auto& row : rows) {
    if (row[0] == "handshake") {
      out.version = static_cast<std::uint16_t>(std::stoi(row[1]));
      out.machine = row[2];
      out.server = row[3];
      out.server_ephemeral = row[4];
      out.initiation = from_hex(row[5]);
      out.response = from_hex(row[6]);
      out.handshake_hash = row[7];
    } else {
      (row[0] == "c2s" ? out.from_client : out.from_server).push_back(from_hex(row[1]));
    }
  }
  return out;
}

}  // namespace warren::ts2021
