#include "node/core/prefs.h"

#include <algorithm>
#include <array>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "base/json_wire.h"

namespace warren::node {

namespace {

namespace wire = json::wire;

// A few kilobytes as a rule.
constexpr wire::Limits kPrefsLimits{.bytes = std::size_t{256} * 1024, .depth = 16, .list = 4096};
constexpr std::size_t kLongestText = 1024;  // of any value: far above what makes sense

// Of the contract: a name, and of those that are not here yet the value that is in force, as JSON,
// and what is missing.
struct Known {
  std::string_view name;
  std::string_view fixed = {};  // empty: a member of Prefs
  std::string_view missing = {};
};

constexpr auto kKnown = std::to_array<Known>({
    {"ControlURL"},
    {"RouteAll"},
    {"ExitNodeID", "\"\"", "exit nodes"},
    {"ExitNodeIP", "\"\"", "exit nodes"},
    {"AutoExitNode", "\"\"", "exit nodes"},
    {"InternalExitNodePrior", "\"\"", "exit nodes"},
    {"ExitNodeAllowLANAccess", "false", "exit nodes"},
    {"CorpDNS"},
    {"RunSSH", "false", "an SSH server of its own"},
    {"RunWebClient", "false", "a web client"},
    {"WantRunning"},
    {"LoggedOut"},
    {"ShieldsUp"},
    {"AdvertiseTags", "null", "requests for tags"},
    {"Hostname"},
    {"NotepadURLs", "false", "use for it"},
    {"ForceDaemon", "false", "version for Windows"},
    {"AdvertiseRoutes", "null", "subnet routers"},
    {"AdvertiseServices", "null", "services"},
    {"Sync", "null", "a way to work without the server's changes"},
    {"NoSNAT", "false", "subnet routers"},
    {"NoStatefulFiltering", "true", "filtering of forwarded packets"},
    {"NetfilterMode", "0", "firewall rules of its own"},
    {"OperatorUser"},
    {"ProfileName", "\"\"", "profiles"},
    {"AutoUpdate", R"({"Check":false,"Apply":null})", "updates of itself"},
    {"AppConnector", R"({"Advertise":false})", "app connectors"},
    {"PostureChecking", "false", "posture checks"},
    {"NetfilterKind", "\"\"", "firewall rules of its own"},
    {"RemoteConfig", "false", "remote control of its settings"},
    {"DriveShares", "null", "shared folders"},
    {"RelayServerPort", "null", "relaying for peers"},
    {"RelayServerStaticEndpoints", "null", "relaying for peers"},
    {"Config", "null", "import of keys"},
});

// Of both structs; the same type in one, optional in the other.
template <class Visit, class Any>
void for_each_field(Visit visit, Any& x) {
  visit("ControlURL", x.control_url);
  visit("RouteAll", x.route_all);
  visit("CorpDNS", x.corp_dns);
  visit("WantRunning", x.want_running);
  visit("LoggedOut", x.logged_out);
  visit("ShieldsUp", x.shields_up);
  visit("Hostname", x.hostname);
  visit("OperatorUser", x.operator_user);
}

const Known* find_known(std::string_view name) {
  const auto* const found = std::ranges::find(kKnown, name, &Known::name);
  return found == kKnown.end() ? nullptr : found;
}

// As Go sees it: null, false, zero and empty are one.
bool is_nothing(const boost::json::value& value) {
  if (value.is_string()) return value.get_string().empty();
  if (value.is_array()) return value.get_array().empty();
  if (value.is_object()) {
    return std::ranges::all_of(value.get_object(),
                               [](const auto& member) { return is_nothing(member.value()); });
  }
  if (value.is_bool()) return !value.get_bool();
  return value.is_null() || (value.is_number() && value.to_number<double>() == 0);
}

bool is_in_force(const Known& known, const boost::json::value& value) {
  const boost::json::value fixed = boost::json::parse(known.fixed);
  return value == fixed || (is_nothing(value) && is_nothing(fixed));
}

// Whether a mark is set. Those of groups are objects of marks.
bool is_marked(const boost::json::value& mark) {
  if (mark.is_bool()) return mark.get_bool();
  return mark.is_object() && std::ranges::any_of(mark.get_object(), [](const auto& member) {
           return is_marked(member.value());
         });
}

void set_field(MaskedPrefs& out,
               const Known& known,
               const boost::json::value& value,
               const wire::Place& place) {
  for_each_field(
      [&](std::string_view name, auto& field) {
        if (name != known.name) return;
        auto& to = field.emplace();
        if (!value.is_null()) wire::read(value, to, place.at(known.name));
      },
      out);
}

void read_masked(const boost::json::object& object,
                 MaskedPrefs& out,
                 std::optional<Error>& refusal,
                 const wire::Place& place) {
  constexpr std::string_view kMark = "Set";
  for (const auto& member : object) {
    std::string_view name = member.key();
    if (!name.ends_with(kMark) || !is_marked(member.value())) continue;
    name.remove_suffix(kMark.size());
    const Known* const known = find_known(name);
    if (known == nullptr) {
      refusal = Error{.code = Errc::InvalidArgument,
                      .detail = fmt::format("there is no preference called {}", name)};
      return;
    }
    const auto* const found = object.if_contains(name);
    const boost::json::value value = found == nullptr ? boost::json::value{} : *found;
    if (known->fixed.empty()) {
      set_field(out, *known, value, place);
    } else if (member.value().is_object() || !is_in_force(*known, value)) {
      refusal = Error{
          .code = Errc::Unsupported,
          .detail = fmt::format("{} cannot be set: Warren has no {} yet", name, known->missing)};
      return;
    }
  }
}

bool is_plain(std::string_view text) {
  return text.size() <= kLongestText && std::ranges::all_of(text, [](char c) {
           return static_cast<unsigned char>(c) > ' ' && c != '\x7f';
         });
}

Result<void> check(const Prefs& prefs) {
  const auto refuse = [](std::string_view name, std::string_view value, std::string_view why) {
    return fail(Errc::InvalidArgument, fmt::format("{}: \"{}\" {}", name, value, why));
  };
  const std::string& url = prefs.control_url;
  const bool is_url = url.starts_with("https://") || url.starts_with("http://");
  if (!url.empty() && (!is_url || !is_plain(url) || url.ends_with("://"))) {
    return refuse("ControlURL", url, "is no address of a server, such as https://net.example.org");
  }
  if (!is_plain(prefs.hostname)) {
    return refuse("Hostname", prefs.hostname, "is no name of a machine");
  }
  if (!is_plain(prefs.operator_user)) {
    return refuse("OperatorUser", prefs.operator_user, "is no name of a user");
  }
  return {};
}

}  // namespace

Prefs default_prefs() {
  return {};
}

std::string encode_prefs(const Prefs& prefs) {
  std::string out;
  json::Writer writer(out);
  writer.open_object();
  for (const Known& known : kKnown) {
    writer.plain_key(known.name);
    if (!known.fixed.empty()) {
      writer.raw(known.fixed);
      continue;
    }
    for_each_field(
        [&](std::string_view name, const auto& field) {
          if (name == known.name) json::write(writer, field);
        },
        prefs);
  }
  writer.close_object();
  return out;
}

Result<Prefs> decode_prefs(std::string_view text) {
  Prefs out = default_prefs();
  wire::Report report{.limits = kPrefsLimits, .error = {}};
  wire::parse(text, report, [&](const boost::json::value& value) {
    const wire::Place place(report);
    if (!value.is_object()) return place.expected("an object");
    wire::ObjectReader reader(value.get_object(), place);
    for_each_field([&](std::string_view name, auto& field) { reader(name, field); }, out);
  });
  if (report.error) return unexpected(std::move(*report.error));
  return out;
}

std::string encode_masked_prefs(const MaskedPrefs& changes) {
  std::string out;
  json::Writer writer(out);
  writer.open_object();
  for_each_field(
      [&](std::string_view name, const auto& field) {
        if (!field) return;
        writer.plain_key(name);
        json::write(writer, *field);
        writer.plain_key(std::string(name) + "Set");
        writer.boolean(true);
      },
      changes);
  writer.close_object();
  return out;
}

Result<MaskedPrefs> decode_masked_prefs(std::string_view text) {
  MaskedPrefs out;
  std::optional<Error> refusal;
  wire::Report report{.limits = kPrefsLimits, .error = {}};
  wire::parse(text, report, [&](const boost::json::value& value) {
    const wire::Place place(report);
    if (!value.is_object()) return place.expected("an object");
    read_masked(value.get_object(), out, refusal, place);
  });
  if (report.error) return unexpected(std::move(*report.error));
  if (refusal) return unexpected(std::move(*refusal));
  WARREN_TRY_VOID(apply_prefs({}, out));
  return out;
}

Result<Prefs> apply_prefs(Prefs prefs, const MaskedPrefs& changes) {
  for_each_field(
      [&](std::string_view wanted, const auto& change) {
        for_each_field(
            [&](std::string_view name, auto& field) {
              if constexpr (std::is_same_v<std::decay_t<decltype(field)>,
                                           typename std::decay_t<decltype(change)>::value_type>) {
                if (name == wanted && change) field = *change;
              }
            },
            prefs);
      },
      changes);
  WARREN_TRY_VOID(check(prefs));
  return prefs;
}

}  // namespace warren::node
