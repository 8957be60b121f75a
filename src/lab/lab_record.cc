#include "lab/lab_record.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/json_map.h"

namespace warren::lab {

namespace {

constexpr json::EnumText<LabPhase> kPhases[] = {
    {"starting", LabPhase::Starting},
    {"up", LabPhase::Up},
};

}  // namespace

// Where argument-dependent lookup finds them.
std::span<const json::EnumText<LabPhase>> texts_of(LabPhase) {
  return kPhases;
}

void fields(json::ObjectReader& visit, LabRecord& x) {
  visit.required("phase", x.phase);
  visit.required("networks", x.networks);
}

std::string format_record(const LabRecord& record) {
  boost::json::object out;
  for (const auto& [text, phase] : kPhases) {
    if (phase == record.phase) out["phase"] = text;
  }
  boost::json::array& networks = out["networks"].emplace_array();
  for (const std::string& network : record.networks) networks.emplace_back(network);
  return boost::json::serialize(out) + '\n';
}

Result<LabRecord> parse_record(std::string_view text) {
  return json::read_text<LabRecord>(text);
}

}  // namespace warren::lab
