#include "cli/generate.h"

#include <algorithm>

#include "cli/command_tree.h"
#include "cli/completion.h"
#include "cli/manual.h"
#include "cli/testing.h"

namespace warren::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class GenerateTest : public CommandTest {};

TEST_F(GenerateTest, EveryCommandHasHelpWithAnExample) {
  for_each(describe_commands(context), [&](const CommandInfo& command) {
    if (command.name == "warren" || command.name.starts_with("warren lab")) return;
    SCOPED_TRACE(command.name);
    EXPECT_FALSE(command.help.empty());
    EXPECT_THAT(command.more, HasSubstr("Example"));
    for (const OptionInfo& option : command.options)
      EXPECT_FALSE(option.help.empty()) << option.names.front();
  });
}

TEST_F(GenerateTest, EveryCommandThatAnswersTakesJson) {
  for_each(describe_commands(context), [&](const CommandInfo& command) {
    const bool is_silent = command.name == "warren set" || command.name == "warren wg" ||
                           command.name == "warren debug metrics" ||
                           command.name.starts_with("warren lab");
    if (is_silent || !command.commands.empty()) return;
    EXPECT_TRUE(std::ranges::any_of(command.options, [](const OptionInfo& option) {
      return option.names.back() == "--json";
    })) << command.name;
  });
}

TEST_F(GenerateTest, ManualPageIsRoff) {
  EXPECT_EQ(run({"man", "down"}), 0);
  EXPECT_EQ(
      out.str(),
      ".TH WARREN\\-DOWN 1 \"\" \"Warren 0.1.0\" \"User Commands\"\n"
      ".SH NAME\n"
      "warren\\-down \\- Leave the network until the next \\(gawarren up\\(ga; stays logged in\n"
      ".SH SYNOPSIS\n"
      "\\fBwarren down\\fR [\\fIoptions\\fR]\n"
      ".SH DESCRIPTION\n"
      "Example:\n"
      ".PP\n"
      ".nf\n"
      "  warren down\n"
      ".fi\n"
      ".SH OPTIONS\n"
      ".TP\n"
      "\\fB\\-h\\fR, \\fB\\-\\-help\\fR\n"
      "Print this help message and exit\n"
      ".TP\n"
      "\\fB\\-\\-json\\fR\n"
      "Print JSON\n"
      ".SH EXIT STATUS\n"
      "0 done, 1 failed, 2 wrong usage; \\(gawarren admin\\(ga: 3 the server gives no answer.\n"
      ".SH SEE ALSO\n"
      "\\fBwarren\\fR(1)\n");
  EXPECT_EQ(run({"man"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("\\fBwarren\\-admin\\fR(1)"));
  EXPECT_THAT(out.str(), Not(HasSubstr("completion")));
  EXPECT_EQ(run({"man", "admin"}), 0);
  EXPECT_THAT(out.str(), HasSubstr(".SS \"warren admin key create\"\n"));
  EXPECT_EQ(run({"man", "mars"}), kBadUsage);
}

TEST_F(GenerateTest, CompletionsKnowEveryCommand) {
  EXPECT_EQ(run({"completion", "bash"}), 0);
  EXPECT_THAT(out.str(),
              HasSubstr("    \" admin login\") words=\"list approve refuse --help\" ;;\n"));
  EXPECT_THAT(out.str(), HasSubstr("complete -o default -F _warren warren\n"));
  EXPECT_EQ(run({"completion", "zsh"}), 0);
  EXPECT_THAT(out.str(), StartsWith("#compdef warren\n"));
  EXPECT_THAT(out.str(), HasSubstr("'approve:Let a machine in'"));
  EXPECT_EQ(run({"completion", "fish"}), 0);
  EXPECT_THAT(out.str(),
              HasSubstr("complete -c warren -n '__warren_at \" up\"' -l hostname -r -d "));
  EXPECT_EQ(run({"completion", "tcsh"}), kBadUsage);
}

}  // namespace
}  // namespace warren::cli
