#include "cli/json_text.h"

#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/json_raw.h"

namespace warren::cli {

namespace {

class Indenter {
 public:
  Indenter(char filler, std::size_t per_level) : filler_(filler), per_level_(per_level) {}

  std::string text;

  void write(const boost::json::value& value, std::size_t level) {
    if (value.is_object() && !value.get_object().empty()) {
      char before = '{';
      for (const auto& member : value.get_object()) {
        text.push_back(std::exchange(before, ','));
        new_line(level + 1);
        text += json::Raw::string(member.key()).text();
        text += ": ";
        write(member.value(), level + 1);
      }
      new_line(level);
      text.push_back('}');
    } else if (value.is_array() && !value.get_array().empty()) {
      char before = '[';
      for (const auto& element : value.get_array()) {
        text.push_back(std::exchange(before, ','));
        new_line(level + 1);
        write(element, level + 1);
      }
      new_line(level);
      text.push_back(']');
    } else {
      text += json::Raw(value).text();
    }
  }

 private:
  void new_line(std::size_t level) { text.append("\n").append(per_level_ * level, filler_); }

  char filler_;
  std::size_t per_level_;
};

struct Problem {
  std::string detail;
  std::string error;
};

template <class Visitor, json::wire::Either<Problem> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("detail", x.detail);
  visit("error", x.error);
}

}  // namespace

std::string indented(std::string_view json, char filler, std::size_t per_level) {
  Indenter indenter(filler, per_level);
  json::wire::Report report{.limits = kAnswerLimits, .error = {}};
  json::wire::parse(json, report,
                    [&](const boost::json::value& value) { indenter.write(value, 0); });
  std::string out = std::move(indenter.text);
  if (report.error) out = json;
  if (!out.ends_with('\n')) out.push_back('\n');
  return out;
}

std::string problem_of(std::string_view body) {
  const auto problem = json::wire::read_text<Problem>(body, kAnswerLimits);
  if (problem && !problem->detail.empty()) return problem->detail;
  if (problem && !problem->error.empty()) return problem->error;
  while (body.ends_with('\n')) body.remove_suffix(1);
  return std::string(body);
}

}  // namespace warren::cli
