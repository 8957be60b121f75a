#include "proto/control/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/control/key_response.h"
#include "proto/control/map.h"
#include "proto/control/map_frame.h"
#include "proto/control/register.h"
#include "proto/control/small.h"

namespace warren::control {

namespace {

using testing::ElementsAre;
using testing::Pair;

template <class T>
T decoded(std::string_view json) {
  auto message = decode<T>(json);
  if (!message) {
    ADD_FAILURE() << message.error().detail;
    return {};
  }
  return std::move(*message);
}

template <class T>
std::string error_of(std::string_view json) {
  const auto message = decode<T>(json);
  return message ? "none" : message.error().detail;
}

NodePublicKey node_key(std::uint8_t first) {
  return NodePublicKey({first});
}

const std::string kZeros(64, '0');

TEST(ControlCodec, WritesTheKeepAliveThatStockClientsKnow) {
  MapResponse message;
  message.keep_alive = true;
  EXPECT_EQ(encode(message), kKeepAliveJson);
}

TEST(ControlCodec, WritesNothingForAMapThatChangesNothing) {
  EXPECT_EQ(encode(MapResponse{}), "{}");
}

TEST(ControlCodec, WritesTheRegistrationAsStockClientsDo) {
  RegisterRequest request;
  request.version = CapVersion{115};
  request.node_key = node_key(0xAA);
  request.auth = RegisterAuth{"key"};
  request.hostinfo.emplace().hostname = "alpha";
  EXPECT_EQ(encode(request),
            R"({"Version":115,"NodeKey":"nodekey:aa)" + kZeros.substr(2) +
                R"(","OldNodeKey":"nodekey:)" + kZeros + R"(","NLKey":"nlpub:)" + kZeros +
                R"(","Auth":{"AuthKey":"key"},"Expiry":"0001-01-01T00:00:00Z","Followup":"",)"
                R"("Hostinfo":{"Hostname":"alpha"},"NodeKeySignature":null})");
  EXPECT_EQ(request.auth_key(), "key");
}

TEST(ControlCodec, WritesAllOfARegisterResponse) {
  EXPECT_EQ(encode(RegisterResponse{}),
            R"({"User":{"ID":0,"DisplayName":""},"Login":{"ID":0,"Provider":"","LoginName":"",)"
            R"("DisplayName":""},"NodeKeyExpired":false,"MachineAuthorized":false,"AuthURL":"",)"
            R"("NodeKeySignature":null,"Error":""})");
}

TEST(ControlCodec, ReadsTheAuthObjectOfOldClientsAsNoKey) {
  const auto request = decoded<RegisterRequest>(
      R"({"Auth":{"Provider":"","LoginName":"","Oauth2Token":null,"AuthKey":""}})");
  EXPECT_EQ(request.auth_key(), "");
  EXPECT_EQ(decoded<RegisterRequest>("{}").auth_key(), "");
}

TEST(ControlCodec, ReadsALogoutWithATimeZone) {
  const auto request = decoded<RegisterRequest>(R"({"Expiry":"1970-01-01T01:02:03+01:00"})");
  EXPECT_EQ(request.expiry, WallTime{.seconds = 123});
}

TEST(ControlCodec, ReadsBothSpellingsOfALockKey) {
  const std::string digits = "ab" + kZeros.substr(2);
  const auto one = decoded<RegisterRequest>(R"({"NLKey":"nlpub:)" + digits + R"("})");
  const auto other = decoded<RegisterRequest>(R"({"NLKey":"tlpub:)" + digits + R"("})");
  EXPECT_FALSE(one.lock_key.is_zero());
  EXPECT_EQ(one.lock_key, other.lock_key);
}

TEST(ControlCodec, RefusesKeysOfOtherKindsAndTheEmptyText) {
  EXPECT_EQ(error_of<MapRequest>(R"({"NodeKey":""})"), "NodeKey: expected a public key");
  EXPECT_EQ(error_of<MapRequest>(R"({"DiscoKey":"nodekey:)" + kZeros + R"("})"),
            "DiscoKey: expected a public key");
  EXPECT_EQ(error_of<RegisterRequest>(R"({"NLKey":"mkey:)" + kZeros + R"("})"),
            "NLKey: expected a public key");
}

TEST(ControlCodec, SaysWhereInTheMessageAValueIsWrong) {
  EXPECT_EQ(error_of<MapResponse>(R"({"Peers":[{},{"Hostinfo":{"Services":[{"Port":-1}]}}]})"),
            "Peers[1].Hostinfo.Services[0].Port: expected a whole number from 0 to 65535");
  EXPECT_EQ(error_of<MapRequest>("[]"), "expected an object");
}

TEST(ControlCodec, TellsAbsentFromEmptyInAMap) {
  const auto absent = decoded<MapResponse>("{}");
  EXPECT_FALSE(absent.packet_filter);
  EXPECT_FALSE(absent.health);
  EXPECT_FALSE(absent.dns_config);
  const auto empty = decoded<MapResponse>(
      R"({"PacketFilter":[],"Health":[],"DNSConfig":{},"SSHPolicy":{"rules":null},
          "PacketFilters":{"*":null,"base":[]},"DisplayMessages":{"*":null},
          "DERPMap":{"HomeParams":{"RegionScore":{}},"Regions":null}})");
  ASSERT_TRUE(empty.packet_filter);
  EXPECT_TRUE(empty.packet_filter->empty());
  ASSERT_TRUE(empty.health);
  ASSERT_TRUE(empty.dns_config);
  ASSERT_TRUE(empty.ssh_policy);
  EXPECT_THAT(empty.packet_filters,
              ElementsAre(Pair("*", std::nullopt), Pair("base", FilterRules{})));
  EXPECT_THAT(empty.display_messages, ElementsAre(Pair("*", std::nullopt)));
  ASSERT_TRUE(empty.derp_map);
  EXPECT_FALSE(empty.derp_map->regions);
  EXPECT_TRUE(empty.derp_map->home_params->region_score);
  EXPECT_EQ(encode(empty),
            R"({"DERPMap":{"HomeParams":{"RegionScore":{}}},"DNSConfig":{},"PacketFilter":[],)"
            R"("PacketFilters":{"*":null,"base":[]},"Health":[],"DisplayMessages":{"*":null},)"
            R"("SSHPolicy":{"rules":[]}})");
}

TEST(ControlCodec, TellsAbsentFromEmptyInAPeerChange) {
  const auto absent = decoded<PeerChange>(R"({"NodeID":5})");
  EXPECT_EQ(encode(absent), R"({"NodeID":5})");
  constexpr std::string_view kClears = R"({"NodeID":5,"CapMap":{},"Endpoints":[],"Online":false,)"
                                       R"("KeyExpiry":"0001-01-01T00:00:00Z"})";
  const auto clears = decoded<PeerChange>(kClears);
  EXPECT_EQ(clears.cap_map, CapMap{});
  EXPECT_EQ(clears.endpoints, std::vector<Endpoint>{});
  EXPECT_EQ(clears.online, false);
  ASSERT_TRUE(clears.key_expiry);
  EXPECT_FALSE(*clears.key_expiry);
  EXPECT_EQ(encode(clears), kClears);
}

TEST(ControlCodec, KeepsAllowedAddressesApartFromAddresses) {
  const auto absent = decoded<Node>(R"({"Addresses":["100.64.0.1/32"],"AllowedIPs":null})");
  EXPECT_EQ(absent.effective_allowed_ips(), absent.addresses);
  const auto none = decoded<Node>(R"({"Addresses":["100.64.0.1/32"],"AllowedIPs":[]})");
  EXPECT_TRUE(none.effective_allowed_ips().empty());
}

TEST(ControlCodec, WritesTheHomeRegionForOldAndNewReceivers) {
  Node node;
  node.home_derp = relay::RegionId{901};
  EXPECT_THAT(encode(node), testing::HasSubstr(R"("HomeDERP":901,"DERP":"127.3.3.40:901")"));
  EXPECT_EQ(decoded<Node>(R"({"DERP":"127.3.3.40:7"})").home_derp.value, 7);
  EXPECT_EQ(decoded<Node>(R"({"DERP":"127.3.3.40:7","HomeDERP":8})").home_derp.value, 8);
  EXPECT_EQ(decoded<Node>(R"({"DERP":"127.3.3.40:7","HomeDERP":0})").home_derp.value, 7);
  EXPECT_EQ(error_of<Node>(R"({"DERP":"127.3.3.41:7"})"), "DERP: expected 127.3.3.40 and a region");
}

TEST(ControlCodec, WritesEndpointsAndRoutesAsEmptyListsNotNull) {
  EXPECT_THAT(encode(Node{}), testing::HasSubstr(R"("Endpoints":[])"));
  DnsConfig dns;
  dns.routes["corp.example"];
  EXPECT_EQ(encode(dns), R"({"Routes":{"corp.example":[]}})");
}

TEST(ControlCodec, ReadsCapabilitiesWithAndWithoutArguments) {
  const auto node = decoded<Node>(R"({"CapMap":{"a":null,"b":[],"c":[{"x":[1, 2]},false]}})");
  EXPECT_THAT(node.cap_map, ElementsAre(Pair("a", ElementsAre()), Pair("b", ElementsAre()),
                                        Pair("c", ElementsAre(*json::Raw::parse(R"({"x":[1,2]})"),
                                                              json::Raw::boolean(false)))));
  EXPECT_THAT(encode(node),
              testing::HasSubstr(R"("CapMap":{"a":[],"b":[],"c":[{"x":[1,2]},false]})"));
}

TEST(ControlCodec, LeavesNullRegionsAndPeersOut) {
  const auto map = decoded<MapResponse>(R"({"Peers":[null],"DERPMap":{"Regions":{"1":null}}})");
  EXPECT_TRUE(map.peers.empty());
  EXPECT_TRUE(map.derp_map->regions->empty());
}

TEST(ControlCodec, KeepsEndpointTypesInStepWithEndpoints) {
  const auto request = decoded<MapRequest>(
      R"({"Endpoints":["[fe80::1%eth0]:1","192.0.2.1:2"],"EndpointTypes":[1,77]})");
  EXPECT_THAT(request.endpoints, ElementsAre(Endpoint{}, *Endpoint::parse("192.0.2.1:2")));
  EXPECT_THAT(request.endpoint_types, ElementsAre(EndpointType::Local, EndpointType::Unknown));
}

TEST(ControlCodec, DropsMembersOfHostinfoThatItDoesNotKnow) {
  EXPECT_EQ(encode(decoded<Hostinfo>(R"({"OS":"linux","TPM":5,"x":{}})")), R"({"OS":"linux"})");
}

TEST(ControlCodec, RefusesListsAndTextsOverTheLimits) {
  std::string list = "[0";
  for (int i = 0; i < 8192; ++i) list += ",0";
  EXPECT_EQ(error_of<MapRequest>(R"({"EndpointTypes":)" + list + "]}"),
            "EndpointTypes: more than 8192 elements");
  EXPECT_EQ(error_of<MapRequest>(std::string(256 * 1024 + 1, ' ')), "longer than 262144 bytes");
  const std::string deep = R"({"Hostinfo":)" + std::string(40, '[') + std::string(40, ']') + "}";
  EXPECT_THAT(error_of<MapRequest>(deep), testing::StartsWith("no JSON: "));
}

TEST(ControlCodec, AppendsToWhatIsThere) {
  std::string out = R"({"PeersRemoved":)";
  append(out, UserProfile{.id = UserId{1},
                          .login_name = "a\"b",
                          .display_name = {},
                          .profile_pic_url = {},
                          .groups = {}});
  EXPECT_EQ(out, R"({"PeersRemoved":{"ID":1,"LoginName":"a\"b","DisplayName":""})");
}

TEST(ControlCodec, WritesTheServersKeyAlone) {
  KeyResponse answer;
  answer.public_key = MachinePublicKey({1});
  EXPECT_EQ(encode(answer), R"({"publicKey":"mkey:01)" + kZeros.substr(2) + R"("})");
}

TEST(DerpMap, BecomesTheRelayMapWithItsDefaults) {
  const auto map = decoded<DerpMap>(
      R"({"HomeParams":{"RegionScore":{"901":0.5,"902":0}},"Regions":{
        "902":{"RegionID":902,"RegionCode":"two","RegionName":"Two","NoMeasureNoHome":true,
          "Nodes":[{"Name":"b","RegionID":902,"HostName":"b.example","STUNPort":-1,"DERPPort":8443,
            "IPv4":"none","CertName":"sha256-raw:00","CanPort80":true}]},
        "901":{"RegionID":901,"RegionCode":"one","RegionName":"One","Nodes":[
          {"Name":"a","RegionID":901,"HostName":"a.example"}]}}})");
  const relay::Map relays = to_relay_map(map);
  ASSERT_EQ(relays.regions.size(), 2U);
  EXPECT_EQ(relays.regions[0].id.value, 901);
  EXPECT_EQ(relays.regions[0].score, 0.5);
  EXPECT_EQ(relays.regions[0].nodes.at(0).relay_port, 443);
  EXPECT_EQ(relays.regions[0].nodes.at(0).stun_port, 3478);
  EXPECT_EQ(relays.regions[1].score, 1);
  EXPECT_TRUE(relays.regions[1].no_measure_no_home);
  const relay::Node& node = relays.regions[1].nodes.at(0);
  EXPECT_EQ(node.relay_port, 8443);
  EXPECT_EQ(node.stun_port, 0);
  EXPECT_EQ(node.ipv4, "none");
  EXPECT_EQ(node.cert_name, "sha256-raw:00");
  EXPECT_TRUE(node.can_port_80);
}

}  // namespace

}  // namespace warren::control
