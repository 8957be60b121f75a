#include "control/core/clean_hostinfo.h"

#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/control/hostinfo_fields.h"

namespace warren::control {

namespace {

bool is_control(unsigned char byte) {
  return byte < 0x20 || byte == 0x7f;
}

// Walks through a struct by its field table.
class Cleaner {
 public:
  template <class T>
  void operator()(std::string_view, T& member) {
    visit(member);
  }

  template <class T>
  void always(std::string_view, T& member) {
    visit(member);
  }

 private:
  void visit(std::string& text) { drop_controls(text); }

  void visit(std::map<std::string, double>& map) {
    std::map<std::string, double> out;
    for (const auto& [name, value] : map) {
      std::string key = name;
      drop_controls(key);
      out.emplace(std::move(key), value);
    }
    map = std::move(out);
  }

  template <class T>
  void visit(std::vector<T>& list) {
    for (T& item : list) visit(item);
  }

  template <class T>
  void visit(std::optional<T>& member) {
    if (member) visit(*member);
  }

  template <class T>
  void visit(T& member) {
    if constexpr (requires(Cleaner& self) { fields(self, member); }) fields(*this, member);
  }
};

}  // namespace

void drop_controls(std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    // U+0080 to U+009F in UTF-8.
    const bool is_c1 = byte == 0xc2 && next >= 0x80 && next <= 0x9f;
    if (is_c1) ++i;
    if (!is_c1 && !is_control(byte)) out += text[i];
  }
  text = std::move(out);
}

void clean(Hostinfo& hostinfo) {
  Cleaner cleaner;
  fields(cleaner, hostinfo);
}

}  // namespace warren::control
