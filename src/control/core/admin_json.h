#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json_object.h"
#include "base/json_writer.h"
#include "base/result.h"

// What the answers of /api/warren/v1 have in common.
namespace warren::control {

inline std::string list_of(std::string_view name, const std::vector<std::string>& objects) {
  return fmt::format(R"({{"{}":[{}]}})", name, fmt::join(objects, ","));
}

inline std::string to_json(const std::vector<std::string>& texts) {
  std::string out;
  json::Writer writer(out);
  writer.open_array();
  for (const std::string& text : texts) {
    writer.element();
    writer.text(text);
  }
  writer.close_array();
  return out;
}

inline std::unexpected<Error> unknown(std::string_view what) {
  return fail(Errc::NotFound, fmt::format("there is no {}", what));
}

struct Rename {
  std::string name;
};

template <class Visitor>
void fields(Visitor& visit, Rename& x) {
  visit.required("name", x.name);
}

}  // namespace warren::control
