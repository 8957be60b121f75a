#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/core/network_map.h"
#include "proto/control/codec.h"

// Messages of real servers, and the network map that a stock client had after them. With
// WARREN_GOLDEN_DIR set to a directory with the whole recordings (*-traffic.jsonl.gz and
// *-netmaps.jsonl.gz), all of them.
namespace warren::node {

namespace {

namespace json = boost::json;

constexpr WallTime kNow{.seconds = 1'795'251'600};  // 2026-11-21, 09:00

template <class T>
T decoded(const json::value& value) {
  auto out = control::decode<T>(json::serialize(value));
  EXPECT_TRUE(out) << (out ? "" : out.error().detail) << json::serialize(value);
  return out ? *std::move(out) : T{};
}

// The stock client wraps what older servers say, and has sentences of its own.
std::vector<std::string> server_health(const json::value& health) {
  constexpr std::string_view kWrapped =
      "Coordination server reports an issue: The coordination server is reporting a health issue: ";
  std::vector<std::string> out;
  for (const json::value& line : health.as_array()) {
    std::string_view text = line.as_string();
    if (text.starts_with("Some peers are advertising routes")) continue;
    if (text.starts_with(kWrapped)) text.remove_prefix(kWrapped.size());
    out.emplace_back(text);
  }
  return out;
}

// Raw members stand in the order of whoever wrote them.
template <class T>
void expect_same(const T& ours, const T& wanted) {
  EXPECT_EQ(json::parse(control::encode(ours)), json::parse(control::encode(wanted)));
}

// The client puts the deprecated list Capabilities, which we don't read, among the others.
control::Node without_marks(control::Node node) {
  std::erase_if(node.cap_map, [](const auto& entry) { return entry.second.empty(); });
  return node;
}

class Replay {
 public:
  void apply(std::string_view text, bool is_first) {
    auto message = control::decode<control::MapResponse>(text);
    ASSERT_TRUE(message) << message.error().detail;
    if (!message->peers.empty()) has_replaced_ = false;
    for (const control::Node& peer : message->peers_changed) {
      if (map_.peers().contains(peer.id)) has_replaced_ = true;
    }
    map_.apply({.map = *std::move(message), .is_first = is_first}, kNow);
  }

  void expect(const json::object& parts) const {
    for (const auto& part : parts) {
      SCOPED_TRACE(part.key());
      const json::value& value = part.value();
      if (part.key() == "Domain") EXPECT_EQ(map_.domain(), std::string_view(value.as_string()));
      if (part.key() == "DNS") EXPECT_EQ(map_.dns(), decoded<control::DnsConfig>(value));
      if (part.key() == "DERPMap") EXPECT_EQ(map_.relay_map(), decoded<control::DerpMap>(value));
      if (part.key() == "SelfNode") {
        expect_same(without_marks(*map_.self()), without_marks(decoded<control::Node>(value)));
      }
      if (part.key() == "Health") EXPECT_EQ(map_.health(), server_health(value));
      if (part.key() == "PacketFilterRules") expect_rules(value);
      if (part.key() == "Peers") expect_peers(value);
      if (part.key() == "UserProfiles") expect_users(value);
    }
  }

 private:
  void expect_rules(const json::value& rules) const {
    control::FilterRules wanted;
    if (!rules.is_null()) {
      for (const json::value& rule : rules.as_array()) {
        wanted.push_back(decoded<control::FilterRule>(rule));
      }
    }
    const control::FilterRules ours = map_.filter_rules();
    ASSERT_EQ(ours.size(), wanted.size());
    for (std::size_t i = 0; i < ours.size(); ++i) expect_same(ours[i], wanted[i]);
  }

  void expect_peers(const json::value& peers) const {
    std::map<control::NodeId, control::Node> wanted;
    if (!peers.is_null()) {
      for (const json::value& value : peers.as_array()) {
        const auto peer = decoded<control::Node>(value);
        wanted.insert_or_assign(peer.id, comparable(peer));
      }
    }
    std::map<control::NodeId, control::Node> ours;
    for (const auto& [id, peer] : map_.peers()) ours.emplace(id, comparable(peer));
    ASSERT_EQ(ours.size(), wanted.size());
    for (const auto& [id, peer] : wanted) {
      ASSERT_TRUE(ours.contains(id));
      expect_same(ours.at(id), peer);
    }
  }

  // All that the client has we have, and later ones do not take effect in it at once.
  void expect_users(const json::value& users) const {
    for (const auto& user : users.as_object()) {
      const control::UserId id{user.value().as_object().at("ID").as_int64()};
      ASSERT_TRUE(map_.users().contains(id));
      EXPECT_EQ(map_.users().at(id), decoded<control::UserProfile>(user.value()));
    }
  }

  // Times that the client takes from its own clock; and what it does not notice in an entry of
  // PeersChanged (spec: control section 5.6).
  control::Node comparable(control::Node peer) const {
    peer.last_seen.reset();
    if (!peer.allowed_ips) peer.allowed_ips = peer.addresses;
    // The client holds on to the disco key that it knew when one comes with an old LastSeen.
    if (has_replaced_ || peer.online == false) peer.disco_key = {};
    peer = without_marks(std::move(peer));
    if (!has_replaced_) return peer;
    peer.online.reset();
    peer.home_derp = {};
    peer.cap = {};
    peer.endpoints.clear();
    return peer;
  }

  NetworkMap map_;
  bool has_replaced_ = false;
};

std::string unpacked(const std::string& path) {
  const std::string command = "gzip -dc '" + path + "'";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(
      popen(command.c_str(), "r"), pclose);  // NOLINT(cert-env33-c): by hand only
  std::string out;
  std::array<char, 65536> buffer{};
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) {
    out.append(buffer.data(), size);
  }
  return out;
}

std::vector<json::object> lines_of(const std::string& path) {
  std::vector<json::object> out;
  const std::string all = unpacked(path);
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\n', at), all.size());
    out.push_back(json::parse(std::string_view(all).substr(at, end - at)).as_object());
    at = end + 1;
  }
  return out;
}

std::string text_of(const json::object& line, std::string_view key) {
  const auto* const value = line.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

// One node's map streams, with the maps that its client had in between.
void replay_node(const std::string& node,
                 const std::vector<json::object>& traffic,
                 const std::vector<json::object>& maps) {
  std::set<std::pair<std::int64_t, std::int64_t>> streams;
  std::set<std::pair<std::int64_t, std::int64_t>> begun;
  Replay replay;
  auto next = traffic.begin();
  for (const json::object& wanted : maps) {
    if (text_of(wanted, "node") != node || wanted.at("netmap").is_null()) continue;
    SCOPED_TRACE(node + " " + text_of(wanted, "after"));
    for (; next != traffic.end(); ++next) {
      const json::object& line = *next;
      if (line.at("t_ms").to_number<double>() >= wanted.at("t_ms").to_number<double>()) break;
      if (text_of(line, "node") != node || !line.contains("stream")) continue;
      const std::pair id(line.at("conn").to_number<std::int64_t>(),
                         line.at("stream").to_number<std::int64_t>());
      if (text_of(line, "path") == "/machine/map" && text_of(line, "kind") == "request") {
        if (text_of(line, "json").find("\"Stream\":true") != std::string::npos) streams.insert(id);
      }
      if (text_of(line, "kind") == "map_frame" && streams.contains(id)) {
        replay.apply(text_of(line, "json"), begun.insert(id).second);
      }
    }
    replay.expect(wanted.at("netmap").as_object());
  }
}

TEST(RecordedMap, IsWhatAStockClientMadeOfIt) {
  std::ifstream in(std::string(WARREN_SOURCE_DIR) + "/src/node/core/testdata/recorded_map.txt");
  Replay replay;
  std::size_t count = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) continue;
    const std::size_t space = line.find(' ');
    const std::string verb = line.substr(0, space);
    const std::string rest = line.substr(space + 1);
    if (verb == "expect") {
      const std::size_t tab = rest.find('\t');
      SCOPED_TRACE(rest.substr(0, tab));
      replay.expect(json::parse(rest.substr(tab + 1)).as_object());
      ++count;
    } else {
      replay.apply(rest, verb == "first");
    }
  }
  EXPECT_GT(count, 40U);
}

TEST(RecordedMap, WholeRecordingsAreWhatStockClientsMadeOfThem) {
  const char* const directory = std::getenv("WARREN_GOLDEN_DIR");
  if (directory == nullptr) GTEST_SKIP() << "WARREN_GOLDEN_DIR is not set";
  for (const std::string run : {"headscale", "testcontrol"}) {
    SCOPED_TRACE(run);
    const std::string stem = std::string(directory) + "/" + run;
    const auto traffic = lines_of(stem + "-traffic.jsonl.gz");
    const auto maps = lines_of(stem + "-netmaps.jsonl.gz");
    ASSERT_FALSE(traffic.empty());
    ASSERT_FALSE(maps.empty());
    for (const std::string node : {"a", "b", "c"}) replay_node(node, traffic, maps);
  }
}

}  // namespace

}  // namespace warren::node
