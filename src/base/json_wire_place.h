#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include "base/result.h"
#include "base/time.h"

// What reading JSON of others may take, and where in it a reader is.
namespace warren::json::wire {

// How Go says "none" in a time that is always there.
inline constexpr WallTime kZeroTime{.seconds = -62'135'596'800};  // 0001-01-01T00:00:00Z

struct Limits {
  std::size_t bytes = 0;  // of the text
  std::size_t depth = 0;  // of nesting
  std::size_t list = 0;   // elements of one list, members of one map
};

// Of one document: the limits, and the first error.
struct Report {
  Limits limits;
  std::optional<Error> error;
};

// A chain from where the reader is up to the document; the path becomes text only in an error.
// Refers to the place it was made from, which must outlive it.
class Place {
 public:
  explicit Place(Report& report) : report_(report) {}

  Place at(std::string_view name) const { return {*this, name, 0}; }

  Place at(std::size_t index) const { return {*this, {}, index}; }

  bool is_failed() const { return report_.error.has_value(); }

  // False, and an error, when a list is longer than the limit.
  bool allows(std::size_t count) const;

  void expected(std::string_view what) const;
  void fail(std::string_view why) const;

 private:
  Place(const Place& parent, std::string_view name, std::size_t index)
      : report_(parent.report_), parent_(&parent), name_(name), index_(index) {}

  std::string path() const;

  Report& report_;
  const Place* parent_ = nullptr;
  std::string_view name_;  // empty: an element of a list
  std::size_t index_ = 0;
};

// Gives the value of a text within the limits to `then`; else sets the error.
void parse(std::string_view text,
           Report& report,
           const std::function<void(const boost::json::value&)>& then);

}  // namespace warren::json::wire
