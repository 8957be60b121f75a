#include "cli/manual.h"

#include <algorithm>

#include <fmt/format.h>

namespace warren::cli {

namespace {

constexpr std::string_view kExample = "Example";

// Text that roff prints as it is, also where a line begins with a dot.
std::string escaped(std::string_view text) {
  std::string out;
  if (text.starts_with('.')) out = "\\&";
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '`') {
      out += "\\(ga";
    } else if (c == '\'') {
      out += "\\(aq";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  return out;
}

std::string dashed(std::string_view name) {
  std::string out(name);
  std::ranges::replace(out, ' ', '-');
  return out;
}

class Page {
 public:
  std::string text;

  void line(std::string_view raw) { text.append(raw).push_back('\n'); }

  void section(std::string_view name) { line(fmt::format(".SH {}", escaped(name))); }

  // Paragraphs flow; lines that are indented, and all of an example, stay lines.
  void prose(std::string_view more) {
    bool is_literal = false;
    const auto set_literal = [&](bool wanted) {
      if (wanted != is_literal) line(wanted ? ".nf" : ".fi");
      is_literal = wanted;
    };
    while (!more.empty()) {
      const std::size_t end = std::min(more.find('\n'), more.size());
      const std::string_view one = more.substr(0, end);
      more.remove_prefix(std::min(end + 1, more.size()));
      if (one.empty()) {
        set_literal(false);
        line(".PP");
        continue;
      }
      set_literal(one.starts_with(' '));
      line(escaped(one));
      if (one.starts_with(kExample)) line(".PP");
    }
    set_literal(false);
  }

  void synopsis(const CommandInfo& command) {
    std::string out = fmt::format("\\fB{}\\fR", escaped(command.name));
    const bool has_options = std::ranges::any_of(
        command.options, [](const OptionInfo& option) { return !option.is_argument; });
    if (has_options) out += " [\\fIoptions\\fR]";
    for (const OptionInfo& option : command.options) {
      if (!option.is_argument) continue;
      const std::string name = fmt::format("\\fI{}\\fR", escaped(option.names.front()));
      out += option.is_required ? " " + name : " [" + name + "]";
    }
    if (!command.commands.empty()) out += " \\fIcommand\\fR";
    line(out);
  }

  void options(const CommandInfo& command) {
    for (const OptionInfo& option : command.options) {
      std::string names;
      for (const std::string& name : option.names) {
        names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", escaped(name));
      }
      if (!option.placeholder.empty())
        names += fmt::format(" \\fI{}\\fR", escaped(option.placeholder));
      line(".TP");
      line(names);
      line(escaped(option.help) + (option.default_value.empty()
                                       ? std::string()
                                       : escaped(fmt::format(" [{}]", option.default_value))));
    }
  }

  void commands_below(const CommandInfo& command) {
    for (const CommandInfo& below : command.commands) {
      if (below.commands.empty()) {
        line(fmt::format(".SS \"{}\"", escaped(below.name)));
        line(escaped(below.help));
        line(".PP");
        synopsis(below);
        options(below);
        line(".PP");
        prose(below.more);
      } else {
        commands_below(below);
      }
    }
  }
};

}  // namespace

std::string manual_file_name(const CommandInfo& command) {
  return dashed(command.name) + ".1";
}

std::string manual_page(const CommandInfo& command, Depth depth, std::string_view version) {
  Page page;
  const std::string title = dashed(command.name);
  page.line(fmt::format(".TH {} 1 \"\" \"Warren {}\" \"User Commands\"", escaped(upper(title)),
                        escaped(version)));
  page.section("NAME");
  page.line(fmt::format("{} \\- {}", escaped(title), escaped(command.help)));
  page.section("SYNOPSIS");
  page.synopsis(command);
  if (!command.more.empty()) {
    page.section("DESCRIPTION");
    page.prose(command.more);
  }
  page.section("OPTIONS");
  page.options(command);
  if (!command.commands.empty()) page.section("COMMANDS");
  if (depth == Depth::All) {
    page.commands_below(command);
  } else {
    for (const CommandInfo& below : command.commands) {
      page.line(".TP");
      page.line(fmt::format("\\fB{}\\fR(1)", escaped(dashed(below.name))));
      page.line(escaped(below.help));
    }
  }
  page.section("EXIT STATUS");
  page.line(
      escaped("0 done, 1 failed, 2 wrong usage; `warren admin`: 3 the server gives no answer."));
  if (title.find('-') != std::string::npos) {
    page.section("SEE ALSO");
    page.line("\\fBwarren\\fR(1)");
  }
  return page.text;
}

}  // namespace warren::cli
