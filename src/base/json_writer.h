#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// JSON written straight into a string, without a tree in between.
namespace warren::json {

// Puts in the commas and escapes texts; that what is opened is closed, and that each member has a
// key, is the caller's. Writes no white space.
class Writer {
 public:
  // Appends to `out`, which outlives the writer.
  explicit Writer(std::string& out) : out_(&out) {}

  void open_object() { out_->push_back('{'); }

  void close_object() { out_->push_back('}'); }

  void open_array() { out_->push_back('['); }

  void close_array() { out_->push_back(']'); }

  // Before each member of an object. The plain one is for a name that needs no escape.
  void key(std::string_view name);
  void plain_key(std::string_view name);

  // Before each element of an array.
  void element() { separate(); }

  void null() { out_->append("null"); }

  void boolean(bool value) { out_->append(value ? "true" : "false"); }

  void integer(std::int64_t value);
  void unsigned_integer(std::uint64_t value);

  // The shortest text that reads back as the same number. What is not finite has no JSON: 0.
  void number(double value);

  // `value` is UTF-8.
  void text(std::string_view value);

  // A text of digits, letters and punctuation that needs no escape.
  void plain_text(std::string_view value);

  // JSON as it is.
  void raw(std::string_view json) { out_->append(json); }

 private:
  void separate() {
    const char last = out_->back();
    if (last != '{' && last != '[') out_->push_back(',');
  }

  std::string* out_;
};

}  // namespace warren::json
