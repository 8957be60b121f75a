#include "cli/dns.h"

#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "base/json_object.h"
#include "base/json_wire.h"
#include "cli/json_text.h"
#include "cli/local_api.h"
#include "cli/node_answers.h"
#include "cli/text_table.h"
#include "node/core/dns_answers.h"
#include "proto/control/codec.h"
#include "proto/control/dns_fields.h"
#include "proto/dns/record_text.h"

namespace warren::cli {

namespace {

// --- status

// All that is asked for it.
struct DnsFacts {
  node::Status node;
  control::DnsConfig network;
  node::DnsHostAnswer host;  // without us
  node::DnsStatusAnswer status;
};

Result<DnsFacts> fetch_facts(Context& context) {
  const LocalApi api = LocalApi::node(context);
  DnsFacts out;
  WARREN_TRY(const auto node_body, fetch_status(context, Peers::Without));
  WARREN_TRY(out.node, read_status(context, node_body));
  WARREN_TRY(const auto network, api.get("dns-config"));
  WARREN_TRY(out.network, control::decode<control::DnsConfig>(network));
  WARREN_TRY(const auto status, api.get("warren/dns"));
  WARREN_TRY(out.status, node::decode_dns_status(status));
  // Without a host there is nothing to say of one.
  if (const auto host = api.get("dns-osconfig")) {
    WARREN_TRY(out.host, node::decode_dns_host(*host));
  }
  return out;
}

// The names of a stock client's own (section 4.7), and ours in a member of their own.
std::string status_json(const DnsFacts& facts) {
  const control::DnsConfig& network = facts.network;
  json::ObjectText current;
  current.boolean("MagicDNSEnabled", network.proxied)
      .text("MagicDNSSuffix", facts.node.magic_dns_suffix)
      .text("SelfDNSName", facts.node.self ? facts.node.self->dns_name : std::string());
  json::ObjectText out;
  out.boolean("TailscaleDNS", facts.status.accept_dns)
      .json("CurrentTailnet", current.done())
      .json("Resolvers", json::wire::write_text(network.resolvers))
      .json("SplitDNSRoutes", json::wire::write_text(network.routes))
      .json("FallbackResolvers", json::wire::write_text(network.fallback_resolvers))
      .json("SearchDomains", json::wire::write_text(network.domains))
      .json("CertDomains", json::wire::write_text(network.cert_domains))
      .json("ExtraRecords", json::wire::write_text(network.extra_records))
      .json("ExitNodeFilteredSet", json::wire::write_text(network.exit_node_filtered_set))
      .json("SystemDNS", node::encode_dns_host(facts.host))
      .json("Warren", node::encode_dns_status(facts.status));
  return out.done();
}

std::string list_of(const std::vector<std::string>& texts) {
  return texts.empty() ? "none" : printable(fmt::format("{}", fmt::join(texts, ", ")));
}

std::string list_of(const std::vector<IpAddress>& addresses) {
  std::vector<std::string> out;
  out.reserve(addresses.size());
  for (const IpAddress& address : addresses) out.push_back(address.to_string());
  return list_of(out);
}

std::string list_of(const std::vector<control::Resolver>& resolvers) {
  std::vector<std::string> out;
  out.reserve(resolvers.size());
  for (const control::Resolver& resolver : resolvers) out.push_back(resolver.addr);
  return list_of(out);
}

std::string magic_text(const DnsFacts& facts) {
  if (!facts.network.proxied) return "off in this network";
  const std::string suffix = printable(facts.node.magic_dns_suffix);
  if (!facts.status.is_served) return fmt::format("on ({}), but nobody answers here", suffix);
  return fmt::format("on ({})", suffix);
}

std::string told_text(const node::DnsStatusAnswer& status) {
  if (status.told == node::DnsHostAnswer()) return "nothing";
  std::string out = "ask " + list_of(status.told.nameservers);
  if (!status.told.match_domains.empty()) out += " about " + list_of(status.told.match_domains);
  if (!status.told.search_domains.empty()) out += ", search " + list_of(status.told.search_domains);
  return out;
}

std::string status_text(const DnsFacts& facts, bool with_all) {
  TextTable table;
  const auto row = [&table](const char* name, std::string value) {
    table.add({name, std::move(value)});
  };
  const control::DnsConfig& network = facts.network;
  row("Used by this machine",
      facts.status.accept_dns ? "yes" : "no (`warren set --accept-dns` changes it)");
  row("Names of the network", magic_text(facts));
  row("Resolvers", list_of(network.resolvers));
  if (with_all || !network.fallback_resolvers.empty()) {
    row("Fallback resolvers", list_of(network.fallback_resolvers));
  }
  for (const auto& [suffix, resolvers] : network.routes) {
    if (resolvers.empty() && !with_all) continue;
    row("Split DNS", fmt::format("{}: {}", printable(suffix),
                                 resolvers.empty() ? "answered here" : list_of(resolvers)));
  }
  row("Search domains", list_of(network.domains));
  if (with_all) {
    row("Certificate domains", list_of(network.cert_domains));
    for (const control::DnsRecord& record : network.extra_records) {
      row("Extra record",
          printable(fmt::format("{} {} {}", record.name, record.type.empty() ? "A" : record.type,
                                record.value)));
    }
  }
  row("This machine's names", "managed by " + printable(facts.status.manager));
  row("  it was told", told_text(facts.status));
  row("  without Warren", fmt::format("ask {}, search {}", list_of(facts.host.nameservers),
                                      list_of(facts.host.search_domains)));
  row("Queries", fmt::format("{}, {} of them forwarded, {} failed", facts.status.queries,
                             facts.status.forwarded, facts.status.failed));
  std::string out = table.text();
  for (const std::string& problem : facts.status.problems) {
    out += fmt::format("Problem: {}\n", printable(problem));
  }
  return out;
}

struct StatusArgs {
  bool all = false;
  bool json = false;
};

int run_status(const StatusArgs& args, Context& context) {
  const auto facts = fetch_facts(context);
  if (!facts) return fail_with(context, "dns status", facts.error());
  context.out << (args.json ? indented(status_json(*facts)) : status_text(*facts, args.all));
  return 0;
}

// --- query

struct QueryArgs {
  std::string name;
  std::string type = "A";
  bool json = false;
};

struct AnswerRow {
  std::string name;
  std::uint32_t ttl = 0;
  std::string type;
  std::string body;
};

std::vector<AnswerRow> rows_of(ByteView message) {
  std::vector<AnswerRow> out;
  dns::RecordReader records(message);
  while (const auto record = records.next()) {
    if (records.section() != dns::Section::Answer) break;
    out.push_back({.name = record->name.to_string(),
                   .ttl = record->ttl,
                   .type = dns::to_string(record->type),
                   .body = dns::data_text(message, *record)});
  }
  return out;
}

std::string query_json(const QueryArgs& args,
                       const node::DnsQueryAnswer& answer,
                       const dns::ReplyHead& head) {
  std::string rows;
  for (const AnswerRow& row : rows_of(answer.bytes)) {
    json::ObjectText one;
    one.text("Name", row.name).number("TTL", row.ttl).text("Type", row.type).text("Body", row.body);
    rows += (rows.empty() ? "" : ",") + one.done();
  }
  json::ObjectText out;
  out.text("Name", args.name)
      .text("QueryType", args.type)
      .json("Resolvers", json::wire::write_text(answer.resolvers))
      .text("ResponseCode", dns::to_string(head.code))
      .boolean("Truncated", head.truncated)
      .json("Answers", "[" + rows + "]");
  return out.done();
}

std::string query_text(const node::DnsQueryAnswer& answer, const dns::ReplyHead& head) {
  std::string out =
      fmt::format("Asked of: {}\nResponse: {}{}\n",
                  answer.resolvers.empty() ? "nobody, it is known here" : list_of(answer.resolvers),
                  dns::to_string(head.code), head.truncated ? ", truncated" : "");
  const auto rows = rows_of(answer.bytes);
  if (rows.empty()) return out;
  TextTable table;
  table.add({"NAME", "TTL", "TYPE", "DATA"});
  for (const AnswerRow& row : rows) {
    table.add({printable(row.name), std::to_string(row.ttl), row.type, printable(row.body)});
  }
  return out + "\n" + table.text();
}

int run_query(const QueryArgs& args, Context& context) {
  if (!dns::parse_record_type(args.type)) {
    return fail_with(context, "dns query", kBadUsage,
                     fmt::format("{} is no type of records: try A, AAAA, TXT, PTR, …", args.type));
  }
  const auto body = LocalApi::node(context).get(fmt::format(
      "dns-query?name={}&type={}", encode_component(args.name), encode_component(args.type)));
  if (!body) return fail_with(context, "dns query", body.error());
  const auto answer = node::decode_dns_query(*body);
  if (!answer) return fail_with(context, "dns query", answer.error());
  const auto head = dns::decode_reply_head(answer->bytes);
  if (!head) return fail_with(context, "dns query", kFailed, "the answer cannot be read");
  context.out << (args.json ? indented(query_json(args, *answer, *head))
                            : query_text(*answer, *head));
  return 0;
}

}  // namespace

void add_dns(CLI::App& root, Context& context) {
  CLI::App* const group = root.add_subcommand("dns", "Names of the network on this machine");
  group->require_subcommand(1);
  group->footer(
      "Example:\n"
      "  warren dns status\n"
      "  warren dns query laptop");

  auto status = std::make_shared<StatusArgs>();
  CLI::App* const show = group->add_subcommand("status", "Show how names are resolved");
  show->footer(
      "Example:\n"
      "  warren dns status");
  show->add_flag("--all", status->all, "Also what is empty, and what is answered here");
  show->add_flag("--json", status->json, "Print JSON");
  show->callback([status, &context] { context.exit_code = run_status(*status, context); });

  auto query = std::make_shared<QueryArgs>();
  CLI::App* const ask = group->add_subcommand("query", "Ask for a name, as this machine does");
  ask->footer(
      "Example:\n"
      "  warren dns query laptop.home.internal\n"
      "  warren dns query example.org AAAA");
  ask->add_option("name", query->name, "The name")->required()->type_name("");
  ask->add_option("type", query->type, "The type of records (default: A)")->type_name("");
  ask->add_flag("--json", query->json, "Print JSON");
  ask->callback([query, &context] { context.exit_code = run_query(*query, context); });
}

}  // namespace warren::cli
