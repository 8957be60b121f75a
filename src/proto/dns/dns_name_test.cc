#include "proto/dns/dns_name.h"

#include <gtest/gtest.h>

namespace warren::dns {
namespace {

using namespace std::string_view_literals;

Name name(std::string_view text) {
  return Name::parse(text).value();
}

Result<Name, DecodeError> read(std::string_view message, std::size_t offset = 0) {
  return Name::read(as_bytes(message), offset);
}

TEST(DnsName, IsReadFromTextAndWrittenInLowerCase) {
  EXPECT_EQ(name("Web.Net.Example.").to_string(), "web.net.example");
  EXPECT_EQ(name("web.net.example"), name("WEB.net.EXAMPLE."));
  EXPECT_EQ(name("a.b").wire(), "\1a\1b\0"sv);
  EXPECT_EQ(name("").to_string(), ".");
  EXPECT_TRUE(name(".").is_root());
  EXPECT_EQ(Name().wire(), "\0"sv);
}

TEST(DnsName, KeepsBytesThatTextCannotHoldAsEscapes) {
  const Name odd = name(R"(a\.b\\.c\032\255d.example)");
  EXPECT_EQ(odd.first_label(), R"(a.b\)");
  EXPECT_EQ(odd.to_string(), R"(a\.b\\.c\032\255d.example)");
  EXPECT_EQ(name(odd.to_string()), odd);
  for (const auto text : {R"(a\)", R"(a\25)", R"(a\256)", R"(a\2x5)"}) {
    EXPECT_FALSE(Name::parse(text)) << text;
  }
}

TEST(DnsName, HasTheLimitsOfTheFormat) {
  EXPECT_FALSE(Name::parse("a..b"));
  EXPECT_FALSE(Name::parse(".a"));
  const std::string label(63, 'x');
  EXPECT_TRUE(Name::parse(label));
  EXPECT_FALSE(Name::parse(label + "x"));
  const std::string three = label + "." + label + "." + label + ".";
  EXPECT_EQ(name(three + std::string(61, 'y')).wire().size(), kMaxNameSize);
  EXPECT_FALSE(Name::parse(three + std::string(62, 'y')));
  EXPECT_FALSE(name(three + std::string(40, 'y')).followed_by(name("twenty-and-more-characters")));
}

TEST(DnsName, KnowsItsParents) {
  const Name web = name("web.net.example");
  EXPECT_EQ(web.labels(), 3U);
  EXPECT_EQ(web.first_label(), "web");
  EXPECT_EQ(web.parent(), name("net.example"));
  EXPECT_EQ(web.parent().parent().parent(), Name());
  EXPECT_EQ(Name().parent(), Name());
  EXPECT_EQ(Name().labels(), 0U);
  EXPECT_EQ(Name().first_label(), "");
  EXPECT_TRUE(web.is_within(web));
  EXPECT_TRUE(web.is_within(name("example")));
  EXPECT_TRUE(web.is_within(Name()));
  EXPECT_FALSE(web.is_within(name("t.example")));
  EXPECT_FALSE(name("example").is_within(web));
  EXPECT_EQ(name("web").followed_by(name("net.example")), web);
}

TEST(DnsName, IsReadFromAMessageThroughPointers) {
  const auto message = "\3net\0\1a\xC0\0\1b\xC0\5rest"sv;
  std::size_t offset = 9;
  EXPECT_EQ(Name::read(as_bytes(message), offset), name("b.a.net"));
  EXPECT_EQ(message.substr(offset), "rest");
  EXPECT_EQ(read("\3NeT\0"sv), name("net"));
}

TEST(DnsName, IsRefusedWhenPointersLeadAroundOrAhead) {
  EXPECT_EQ(read("\xC0\0"sv).error(), DecodeError::BadValue) << "to itself";
  EXPECT_EQ(read("\1a\xC0\0"sv).error(), DecodeError::BadValue) << "around";
  EXPECT_EQ(read("\1a\xC0\4\1b\0"sv).error(), DecodeError::BadValue) << "ahead";
  EXPECT_EQ(read("\1a\xC0\0\1b\xC0\0"sv, 4).error(), DecodeError::BadValue) << "behind a pointer";
  EXPECT_EQ(read("\x40\0"sv).error(), DecodeError::BadValue) << "a reserved kind of label";
  EXPECT_EQ(read(""sv).error(), DecodeError::Truncated);
  EXPECT_EQ(read("\1"sv).error(), DecodeError::Truncated);
  EXPECT_EQ(read("\1a"sv).error(), DecodeError::Truncated);
  EXPECT_EQ(read("\1a\xC0"sv).error(), DecodeError::Truncated);
}

TEST(DnsName, IsRefusedWhenPointersMakeItTooLong) {
  std::string message;
  for (int i = 0; i < 4; ++i) message += '\x3F' + std::string(63, 'x');
  message += '\0';
  EXPECT_EQ(read(message).error(), DecodeError::BadLength);
}

}  // namespace
}  // namespace warren::dns
