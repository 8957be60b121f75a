#include "dns/core/reverse_name.h"

#include <gtest/gtest.h>

#include "dns/core/testing.h"

namespace warren::dns {
namespace {

using testing::ip;
using testing::name;

// RFC 3596 section 2.5.
constexpr auto kRfc3596 =
    "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa";

TEST(ReverseName, IsTheAddressBackwards) {
  EXPECT_EQ(address_of_reverse(name("3.2.0.192.in-addr.arpa")), ip("192.0.2.3"));
  EXPECT_EQ(address_of_reverse(name(kRfc3596)), ip("4321:0:1:2:3:4:567:89ab"));
}

TEST(ReverseName, IsOfAWholeAddressInItsOneForm) {
  for (const auto* text :
       {"2.0.192.in-addr.arpa", "1.3.2.0.192.in-addr.arpa", "03.2.0.192.in-addr.arpa",
        "256.2.0.192.in-addr.arpa", "x.2.0.192.in-addr.arpa", "3.2.0.192.in-addr.example",
        "1.2.3.4.ip6.arpa", "in-addr.arpa", "."}) {
    EXPECT_FALSE(address_of_reverse(name(text))) << text;
  }
  EXPECT_FALSE(address_of_reverse(name("g" + std::string(kRfc3596).substr(1))));
  EXPECT_FALSE(address_of_reverse(name("bb" + std::string(kRfc3596).substr(1))));
}

TEST(ReverseZone, HoldsTheNamesOfItsPrefix) {
  const auto zone = [](std::string_view text) {
    return reverse_zone(IpPrefix::parse(text).value()).to_string();
  };
  EXPECT_EQ(zone("100.64.0.0/16"), "64.100.in-addr.arpa");
  EXPECT_EQ(zone("fd7a:115c:a1e0::/48"), "0.e.1.a.c.5.1.1.a.7.d.f.ip6.arpa");
  EXPECT_EQ(zone("0.0.0.0/0"), "in-addr.arpa");
}

}  // namespace
}  // namespace warren::dns
