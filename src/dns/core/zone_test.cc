#include "dns/core/zone.h"

#include <gtest/gtest.h>

#include "dns/core/testing.h"

namespace warren::dns {
namespace {

using testing::name;

constexpr auto kA = RecordType::A;
constexpr auto kAaaa = RecordType::Aaaa;
constexpr auto kPtr = RecordType::Ptr;

struct Row {
  std::string_view name;
  RecordType type;
  std::string_view answer;  // "ask": nothing is known
};

// As the client reads it.
std::string ask(const ZoneConfig& config, std::string_view text, RecordType type) {
  HostTable hosts;
  testing::fill(hosts);
  const Zone zone(config);
  const Question question{.name = name(text), .type = type};
  auto answer = zone.answer(question, hosts);
  if (!answer) {
    const auto authority = zone.authority(question.name);
    if (!authority) return "ask";
    answer = zone.denial(question, *authority);
  }
  const auto message = encode_query(1, question, 0);
  return testing::text_of(encode_answer(decode_query(message).value(), *answer, kMaxUdpMessage));
}

TEST(Zone, AnswersInTheOrderOfTheSpecification) {
  const Row rows[] = {
      // Nobody is asked about these.
      {"hidden.onion", kA, "NXDOMAIN"},
      {"onion", kAaaa, "NXDOMAIN"},
      {"b._dns-sd._udp.lan", kPtr, "NXDOMAIN"},
      {"lb._dns-sd._udp.0.1.168.192.in-addr.arpa", kPtr, "NXDOMAIN"},
      {"_http._dns-sd._udp.lan", kPtr, "ask"},
      {"dns-sd.example", kA, "ask"},
      // Ourselves.
      {"magicdns.localhost-tailscale-daemon.", kA, "100.100.100.100"},
      {"magicdns.localhost-tailscale-daemon.", kAaaa, "fd7a:115c:a1e0::53"},
      // Records that the server gives, of both families.
      {"db.net.example", kA, "192.0.2.1"},
      {"db.net.example", kAaaa, "2001:db8::1"},
      {"DB.Net.Example", kA, "192.0.2.1"},
      {"printer.example", kA, "192.0.2.2"},
      {"tray.printer.example", kA, "NXDOMAIN"},
      // Hosts.
      {"web.net.example", kA, "100.64.0.1"},
      {"web.net.example", kAaaa, ""},
      {"web.net.example", RecordType::Txt, ""},
      {"web.net.example", RecordType::Any, "100.64.0.1"},
      {"six.net.example", kA, ""},
      {"six.net.example", kAaaa, "fd7a:115c:a1e0::2"},
      {"guest.other.example", kA, "100.64.0.4"},
      {"unknown.other.example", kA, "ask"},
      {"web", kA, "100.64.0.1"},
      {"db", kA, "192.0.2.1"},
      {"unknown", kA, "ask"},
      {"guest", kA, "ask"},
      {"wild.net.example", kA, "100.64.0.3"},
      {"any.thing.wild.net.example", kA, "100.64.0.3"},
      {"sub.web.net.example", kA, "NXDOMAIN"},
      // Ours, and not there.
      {"nobody.net.example", kA, "NXDOMAIN"},
      {"net.example", kA, ""},
      {"www.example", kA, "ask"},
      {".", RecordType::Ns, "ask"},
      // What we have no answer to.
      {"web.net.example", RecordType::Ns, "NOTIMP"},
      {"web.net.example", RecordType::Soa, "NOTIMP"},
      {"web.net.example", RecordType::Axfr, "NOTIMP"},
      {"web.net.example", RecordType::Hinfo, "NOTIMP"},
      {"net.example", RecordType::Soa, "NOTIMP"},
      // Backwards.
      {"1.0.64.100.in-addr.arpa", kPtr, "web.net.example"},
      {"9.0.64.100.in-addr.arpa", kPtr, "phone.net.example"},
      {"1.0.64.100.in-addr.arpa", kA, ""},
      {"1.0.64.100.in-addr.arpa", RecordType::Ns, "NOTIMP"},
      {"77.0.64.100.in-addr.arpa", kPtr, "NXDOMAIN"},
      {"8.8.8.8.in-addr.arpa", kPtr, "ask"},
      {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.e.1.a.c.5.1.1.a.7.d.f.ip6.arpa", kPtr,
       "web.net.example"},
      // fd7a:115c:a1e0:ab12:4843:cd96:6240:3 stands for 100.64.0.3.
      {"3.0.0.0.0.4.2.6.6.9.d.c.3.4.8.4.2.1.b.a.0.e.1.a.c.5.1.1.a.7.d.f.ip6.arpa", kPtr,
       "wild.net.example"},
      {"7.7.0.0.0.4.2.6.6.9.d.c.3.4.8.4.2.1.b.a.0.e.1.a.c.5.1.1.a.7.d.f.ip6.arpa", kPtr,
       "NXDOMAIN"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(ask(testing::zone_config(), row.name, row.type), row.answer)
        << row.name << " type " << static_cast<int>(row.type);
  }
}

TEST(Zone, GivesIpv6OfHostsWhenThatIsAllowed) {
  ZoneConfig config = testing::zone_config();
  config.gives_aaaa = true;
  EXPECT_EQ(ask(config, "web.net.example", kAaaa), "fd7a:115c:a1e0::1");
  EXPECT_EQ(ask(config, "web.net.example", kA), "100.64.0.1");
}

TEST(Zone, GivesOnlyIpv6OfHostsToOnesWithoutIpv4) {
  ZoneConfig config = testing::zone_config();
  config.has_ipv6_only = true;
  EXPECT_EQ(ask(config, "web.net.example", kAaaa), "fd7a:115c:a1e0::1");
  EXPECT_EQ(ask(config, "web.net.example", kA), "");
  EXPECT_EQ(ask(config, "db.net.example", kA), "192.0.2.1");
}

TEST(Zone, LeavesSingleLabelsToOthersWithoutMagicDns) {
  ZoneConfig config = testing::zone_config();
  config.suffixes.clear();
  EXPECT_EQ(ask(config, "web", kA), "ask");
  EXPECT_EQ(ask(config, "web.net.example", kA), "100.64.0.1");
}

TEST(Zone, SaysHowLongAnswersHold) {
  HostTable hosts;
  testing::fill(hosts);
  const Zone zone(testing::zone_config());
  const Question known{.name = name("web.net.example")};
  const auto answer = zone.answer(known, hosts);
  ASSERT_TRUE(answer && answer->answers.size() == 1);
  EXPECT_TRUE(answer->authoritative);
  EXPECT_EQ(answer->answers[0].ttl, 5U);

  const Question unknown{.name = name("nobody.net.example")};
  EXPECT_FALSE(zone.answer(unknown, hosts));
  const Answer denial = zone.denial(unknown, zone.authority(unknown.name).value());
  EXPECT_EQ(
      denial,
      (Answer{.code = ResponseCode::NxDomain,
              .authoritative = true,
              .authorities = {{.name = name("net.example"), .ttl = 10, .data = SoaData{10}}}}));
}

}  // namespace
}  // namespace warren::dns
