#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "base/time_text.h"
#include "proto/control/codec.h"
#include "proto/control/key_response.h"
#include "proto/control/map.h"
#include "proto/control/register.h"
#include "proto/control/small.h"
#include "proto/control/testing.h"

// Every message that stock software sent is read, written, and read again; nothing that we keep is
// lost on the way. With WARREN_GOLDEN_DIR set to a directory with the whole recordings
// (*-traffic.jsonl.gz), all of them.
namespace warren::control {

namespace {

namespace json = boost::json;

// What stock software sends and we leave out (spec: control section 7.1).
constexpr std::array<std::string_view, 2> kNotKept = {"capabilities", "nosuchfield"};

bool is_zero_text(std::string_view text) {
  if (text.empty() || text == "0001-01-01T00:00:00Z") return true;
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && text.size() == colon + 65 &&
         text.find_first_not_of('0', colon + 1) == std::string_view::npos;
}

bool is_zero(const json::value& value) {
  if (value.is_string()) return is_zero_text(value.get_string());
  if (value.is_array()) return value.get_array().empty();
  if (value.is_object()) return value.get_object().empty();
  if (value.is_number()) return value.to_number<double>() == 0;
  return value.is_null() || (value.is_bool() && !value.get_bool());
}

// The same text for documents that mean the same: absent, null and zero alike, keys without case
// and in order, times in UTC, numbers as they compare.
json::value meaning(const json::value& value) {
  if (value.is_array()) {
    json::array out;
    for (const auto& element : value.get_array()) out.push_back(meaning(element));
    return out;
  }
  if (value.is_object()) {
    std::map<std::string, json::value> sorted;
    for (const auto& member : value.get_object()) {
      std::string key(member.key());
      std::ranges::transform(key, key.begin(), [](char c) {
        return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      });
      if (std::ranges::find(kNotKept, key) != kNotKept.end()) continue;
      auto kept = meaning(member.value());
      if (!is_zero(kept)) sorted.emplace(key, std::move(kept));
    }
    if (sorted.contains("homederp")) sorted.erase("derp");  // the same region, for older receivers
    json::object out;
    for (auto& [key, kept] : sorted) out.emplace(key, std::move(kept));
    return out;
  }
  if (value.is_number()) return value.to_number<double>();
  if (value.is_string()) {
    const auto time = parse_rfc3339(value.get_string());
    if (time) return json::string(to_rfc3339(*time));
  }
  return value;
}

template <class T>
void check(const std::string& text) {
  const auto message = decode<T>(text);
  ASSERT_TRUE(message) << message.error().detail << "\n" << text;
  const std::string written = encode(*message);
  const auto again = decode<T>(written);
  ASSERT_TRUE(again) << again.error().detail << "\n" << written;
  EXPECT_EQ(*again, *message) << text;
  EXPECT_EQ(encode(*again), written);
  EXPECT_EQ(json::serialize(meaning(json::parse(written))),
            json::serialize(meaning(json::parse(text))));
}

const std::map<std::string, void (*)(const std::string&), std::less<>> kChecks = {
    {"KeyResponse", check<KeyResponse>},
    {"MapRequest", check<MapRequest>},
    {"MapResponse", check<MapResponse>},
    {"PingResponse", check<PingResponse>},
    {"QueryFeatureRequest", check<QueryFeatureRequest>},
    {"RegisterRequest", check<RegisterRequest>},
    {"RegisterResponse", check<RegisterResponse>},
    {"SetDeviceAttributesRequest", check<SetDeviceAttributesRequest>},
    {"SetDnsRequest", check<SetDnsRequest>},
    {"SshAction", check<SshAction>},
    {"TokenRequest", check<TokenRequest>},
};

// The type of what a line of a whole recording holds; empty: none of ours.
std::string type_of(std::string_view kind, std::string_view path) {
  const bool is_request = kind == "request";
  if (kind == "map_frame") return "MapResponse";
  if (!is_request && kind != "response") return {};
  if (path == "/machine/register") return is_request ? "RegisterRequest" : "RegisterResponse";
  if (path.starts_with("/machine/ssh/action")) return is_request ? "" : "SshAction";
  if (!is_request) return {};
  if (path == "/machine/map") return "MapRequest";
  if (path == "/machine/set-dns") return "SetDnsRequest";
  if (path == "/machine/id-token") return "TokenRequest";
  if (path == "/machine/feature/query") return "QueryFeatureRequest";
  if (path == "/machine/set-device-attr") return "SetDeviceAttributesRequest";
  if (path.starts_with("/c2n/ping")) return "PingResponse";
  return {};
}

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

TEST(Recorded, MessagesSurviveReadingAndWriting) {
  const auto lines = recorded("recorded.txt");
  ASSERT_GT(lines.size(), 50U);
  for (const auto& [type, text] : lines) {
    SCOPED_TRACE(type);
    ASSERT_TRUE(kChecks.contains(type));
    kChecks.find(type)->second(text);
  }
}

TEST(Recorded, WholeRecordingsSurviveReadingAndWriting) {
  const char* const directory = std::getenv("WARREN_GOLDEN_DIR");
  if (directory == nullptr) GTEST_SKIP() << "WARREN_GOLDEN_DIR is not set";
  for (const std::string name : {"client-requests", "headscale-traffic", "testcontrol-traffic"}) {
    const std::string all = unpacked(std::string(directory) + "/" + name + ".jsonl.gz");
    std::size_t count = 0;
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t end = std::min(all.find('\n', at), all.size());
      const json::value line = json::parse(std::string_view(all).substr(at, end - at));
      at = end + 1;
      const json::object& fields = line.get_object();
      const auto text_of = [&fields](std::string_view key) {
        const auto* const value = fields.if_contains(key);
        return std::string(value == nullptr ? "" : std::string_view(value->get_string()));
      };
      const std::string type =
          type_of(fields.contains("kind") ? text_of("kind") : "request", text_of("path"));
      if (type.empty() || !fields.contains("json")) continue;
      SCOPED_TRACE(name + " " + type + " " + text_of("event"));
      kChecks.find(type)->second(text_of("json"));
      ++count;
    }
    EXPECT_GT(count, 40U) << name;
    RecordProperty(name, static_cast<int>(count));
  }
}

}  // namespace

}  // namespace warren::control
