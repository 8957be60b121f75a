#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/core/testing.h"
#include "netmap/tags.h"

namespace warren::control {
namespace {

using netmap::testing::machine;
using testing::Bench;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class ControlTags : public ::testing::Test {
 protected:
  void SetUp() override {
    EXPECT_EQ(bench.admin("POST", "users", R"({"login":"ann"})").status, 200);
  }

  std::string key(const std::string& owner) {
    const auto answer = bench.admin("POST", "keys", R"({"reusable":true,)" + owner + "}");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return std::string(boost::json::parse(answer.body).at("key").as_string());
  }

  RegisterResponse join(const netmap::Machine& who,
                        const std::string& secret,
                        std::vector<std::string> tags) {
    RegisterRequest wish = Bench::wish(who, secret);
    wish.hostinfo->request_tags = std::move(tags);
    wish.old_node_key = who.old_key;
    return bench.response(bench.send(who.key, "/machine/register", encode(wish)));
  }

  std::string only_login() {
    const auto list = boost::json::parse(bench.admin("GET", "logins").body);
    return std::string(list.at("logins").at(0).at("id").as_string());
  }

  const netmap::Node& node(const netmap::Machine& who) const {
    return *bench.model.tables().find_node(who.node_key);
  }

  Bench bench;
};

TEST_F(ControlTags, OfAKeyAreTheNodesAndOthersSeeThemWithTheirUser) {
  const auto answer = join(machine(1, 1), key(R"("tags":["tag:web","tag:a"])"), {});
  EXPECT_EQ(answer.error, "");
  EXPECT_EQ(answer.user.id, netmap::kTaggedDevices);
  EXPECT_EQ(answer.login.login_name, "tagged-devices");
  const RequestId stream = bench.open_stream(machine(1, 1));
  bench.pass(1s);
  const auto self = bench.take(stream).at(0);
  EXPECT_THAT(self.node->tags, ElementsAre("tag:a", "tag:web"));
  EXPECT_EQ(self.node->user, netmap::kTaggedDevices);
  EXPECT_FALSE(self.node->key_expiry);
  ASSERT_THAT(self.user_profiles, SizeIs(1));
  EXPECT_EQ(self.user_profiles[0].login_name, "tagged-devices");
  EXPECT_THAT(bench.admin("GET", "nodes/nas").body,
              HasSubstr(R"("kind":"mesh","user":"","tags":["tag:a","tag:web"])"));
}

TEST_F(ControlTags, BeyondTheKeysAreRefusedWithASentence) {
  EXPECT_THAT(join(machine(1, 1), key(R"("tags":["tag:web"])"), {"tag:db"}).error,
              HasSubstr("does not allow tag:db"));
  EXPECT_THAT(join(machine(1, 1), key(R"("user":"ann")"), {"tag:db"}).error,
              HasSubstr("does not allow tag:db"));
  EXPECT_THAT(join(machine(1, 1), key(R"("user":"ann")"), {"db"}).error, HasSubstr("is no tag"));
  EXPECT_TRUE(bench.model.tables().nodes().empty());
}

TEST_F(ControlTags, AreGrantedByWhoeverApprovesTheLogin) {
  EXPECT_NE(join(machine(1, 1), "", {"tag:web"}).auth_url, "");
  const std::string id = only_login();
  EXPECT_THAT(bench.admin("GET", "logins").body, HasSubstr(R"("tags":["tag:web"])"));
  const auto with_user = bench.admin("POST", "logins/" + id + "/approve", R"({"user":"ann"})");
  EXPECT_EQ(with_user.status, 400);
  EXPECT_THAT(with_user.body, HasSubstr("without a user"));
  EXPECT_EQ(bench.admin("POST", "logins/" + id + "/approve", "{}").status, 200);
  EXPECT_THAT(node(machine(1, 1)).owner.tags, ElementsAre("tag:web"));
}

TEST_F(ControlTags, ThatWereNotThereWhenThePersonLookedGetALinkOfTheirOwn) {
  const std::string first = join(machine(1, 1), "", {}).auth_url;
  EXPECT_EQ(join(machine(1, 1), "", {}).auth_url, first);
  EXPECT_NE(join(machine(1, 1), "", {"tag:web"}).auth_url, first);
  EXPECT_EQ(bench.admin("POST", "logins/" + only_login() + "/approve", "{}").status, 200);
}

TEST_F(ControlTags, OfAnotherLoginKeepTheAddress) {
  join(machine(1, 1), key(R"("user":"ann")"), {});
  const IpAddress address = node(machine(1, 1)).v4;
  netmap::Machine again = machine(1, 2);
  again.old_key = machine(1, 1).node_key;
  EXPECT_NE(join(again, "", {"tag:web"}).auth_url, "");
  EXPECT_EQ(bench.admin("POST", "logins/" + only_login() + "/approve", "{}").status, 200);
  EXPECT_EQ(node(again).v4, address);
  EXPECT_TRUE(node(again).owner.is_tagged());
}

TEST_F(ControlTags, OfAnAdminAreToldAtOnce) {
  const std::string secret = key(R"("user":"ann")");
  join(machine(1, 1, "nas"), secret, {});
  const RequestId stream = bench.open_stream(machine(1, 1));
  bench.pass(1s);
  bench.take(stream);
  EXPECT_EQ(bench.admin("POST", "nodes/nas/tags", R"({"tags":["tag:web"]})").status, 200);
  bench.pass(1s);
  const auto news = bench.take(stream).at(0);
  EXPECT_THAT(news.node->tags, ElementsAre("tag:web"));
  EXPECT_THAT(news.user_profiles, SizeIs(1));
  EXPECT_EQ(join(machine(1, 1, "nas"), secret, {}).error, "") << "the key of its former owner";
  EXPECT_TRUE(node(machine(1, 1)).owner.is_tagged());
  EXPECT_EQ(bench.admin("POST", "nodes/nas/tags", R"({"user":"ann"})").status, 200);
  EXPECT_FALSE(node(machine(1, 1)).owner.is_tagged());
  EXPECT_TRUE(node(machine(1, 1)).key_expiry);
  EXPECT_EQ(bench.admin("POST", "nodes/nas/tags", "{}").status, 400);
}

}  // namespace
}  // namespace warren::control
