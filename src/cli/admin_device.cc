#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "base/hex.h"
#include "base/json_map.h"
#include "base/json_object.h"
#include "base/json_writer.h"
#include "base/secret.h"
#include "cli/admin.h"
#include "cli/admin_call.h"
#include "cli/qr_code.h"
#include "cli/wg_profile.h"
#include "crypto/keys.h"
#include "io/file.h"

namespace warren::cli {

namespace {

constexpr std::string_view kNever = "never";
constexpr mode_t kPrivate = 0600;

struct Device {
  std::int64_t id = 0;
  std::string name;
  std::string user;
  std::vector<std::string> tags;
  std::string ipv4;
  std::string ipv6;
  std::string public_key;
  std::optional<WallTime> created;
  std::optional<WallTime> expires;
  bool is_expired = false;
  bool is_disabled = false;
  std::optional<WgProfile> profile;
  std::string warning;
};

template <class Visitor, json::wire::Either<Device> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("id", x.id);
  visit("name", x.name);
  visit("user", x.user);
  visit("tags", x.tags);
  visit("ipv4", x.ipv4);
  visit("ipv6", x.ipv6);
  visit("public_key", x.public_key);
  visit("created", x.created);
  visit("expires", x.expires);
  visit("expired", x.is_expired);
  visit("disabled", x.is_disabled);
  visit("profile", x.profile);
  visit("warning", x.warning);
}

struct DeviceList {
  std::vector<Device> devices;
};

template <class Visitor, json::wire::Either<DeviceList> Fields>
void fields(Visitor& visit, Fields& x) {
  visit("devices", x.devices);
}

struct DeviceArgs {
  std::string name;
  std::string new_name;
  std::string user;
  std::vector<std::string> tags;
  std::string expiry = std::string(kNever);
  std::string public_key;
  std::string png;
  bool json = false;

  Form form() const { return json ? Form::Json : Form::Text; }
};

std::string target_of(const DeviceArgs& args, std::string_view verb = {}) {
  return fmt::format("devices/{}{}", encode_component(args.name), verb);
}

// A duration or "never", as the API has it.
void put_lifetime(json::Writer& out, const std::string& expiry) {
  out.key("lifetime");
  if (expiry == kNever) {
    out.null();
  } else {
    out.text(expiry);
  }
}

bool is_lifetime(const std::string& text) {
  return text == kNever || json::parse_duration(text).has_value();
}

constexpr const char* kBadExpiry = "--expiry: expected a duration such as 30d or 12h, or never";

std::string wish_json(const DeviceArgs& args, const std::string& public_key) {
  std::string text;
  json::Writer out(text);
  out.open_object();
  out.key("name");
  out.text(args.name);
  out.key("user");
  out.text(args.user);
  out.key("tags");
  out.open_array();
  for (const std::string& tag : args.tags) {
    out.element();
    out.text(tag);
  }
  out.close_array();
  out.key("public_key");
  out.text(public_key);
  put_lifetime(out, args.expiry);
  out.close_object();
  return text;
}

// Made here, printed, and forgotten: the server is only told the public half.
struct KeyPair {
  std::string private_key;  // empty: the device keeps it
  std::string public_key;

  KeyPair(const DeviceArgs& args, Random& random) : public_key(args.public_key) {
    if (!public_key.empty()) return;
    const auto key = NodePrivateKey::generate(random);
    private_key = to_base64(key.bytes());
    public_key = to_base64(key.public_key().bytes());
  }

  KeyPair(const KeyPair&) = delete;
  KeyPair& operator=(const KeyPair&) = delete;

  ~KeyPair() { wipe({reinterpret_cast<std::uint8_t*>(private_key.data()), private_key.size()}); }
};

// The server's answer, with what only this process knows.
void print_json(const std::string& answer,
                const KeyPair& keys,
                const std::string& text,
                Context& context) {
  std::string all = answer;
  if (all.ends_with('}')) {
    all.pop_back();
    all += "," + json::ObjectText()
                     .text("private_key", keys.private_key)
                     .text("wg_quick", text)
                     .done()
                     .substr(1);
  }
  context.out << indented(all);
}

void print_profile(const Device& device,
                   const KeyPair& keys,
                   const std::string& text,
                   Context& context) {
  if (!device.warning.empty()) {
    context.err << fmt::format("warning: {}\n", printable(device.warning));
  }
  context.err << fmt::format("{} has the address {} and, in the network, the name {}. {}\n\n",
                             printable(device.name), printable(device.ipv4), printable(device.name),
                             keys.private_key.empty()
                                 ? "Its profile, for the private key that it has:"
                                 : "Its profile, with a private key that is shown only now:");
  context.out << text;
  if (!context.is_terminal || keys.private_key.empty()) return;
  if (const auto code = QrCode::create(text)) {
    context.out << '\n' << code->terminal_text();
    context.err << "\nA WireGuard app scans it: \"Add a tunnel\", \"Create from QR code\".\n";
  }
}

Result<void> write_png(const std::string& path, const std::string& text) {
  WARREN_TRY(const QrCode code, QrCode::create(text));
  WARREN_TRY(const std::string png, code.png());
  return io::replace_file(path, png, kPrivate);
}

// Adds the device or changes its key, and prints what it needs from then on.
int make_profile(std::string_view command,
                 const std::string& target,
                 const std::string& body,
                 const DeviceArgs& args,
                 const KeyPair& keys,
                 Context& context) {
  const auto answer = LocalApi::admin(context).send("POST", target, body);
  if (!answer) return fail_with(context, command, answer.error());
  const auto device = read_answer<Device>(*answer);
  if (!device) return fail_with(context, command, device.error());
  if (!device->profile) return fail_with(context, command, kFailed, "the answer has no profile");
  const std::string text = wg_quick_text(*device->profile, keys.private_key);
  if (args.json) {
    print_json(*answer, keys, text, context);
  } else {
    print_profile(*device, keys, text, context);
  }
  if (args.png.empty()) return 0;
  if (const auto written = write_png(args.png, text); !written) {
    return fail_with(context, command, kFailed,
                     fmt::format("the device is there, but its QR code could not be written: {}",
                                 written.error().detail));
  }
  context.err << fmt::format("The QR code is in {}: it holds the private key.\n", args.png);
  return 0;
}

int refuse_png(std::string_view command, Context& context) {
  return fail_with(context, command, kBadUsage,
                   "--png: a QR code without the private key, which only the device has, is of no "
                   "use: leave out --png or --public-key");
}

int run_add(const DeviceArgs& args, Context& context) {
  constexpr std::string_view kCommand = "admin device add";
  if (!is_lifetime(args.expiry)) return fail_with(context, kCommand, kBadUsage, kBadExpiry);
  if (!args.png.empty() && !args.public_key.empty()) return refuse_png(kCommand, context);
  const KeyPair keys(args, *context.random);
  return make_profile(kCommand, "devices", wish_json(args, keys.public_key), args, keys, context);
}

int run_key(const DeviceArgs& args, Context& context) {
  constexpr std::string_view kCommand = "admin device key";
  if (!args.png.empty() && !args.public_key.empty()) return refuse_png(kCommand, context);
  const KeyPair keys(args, *context.random);
  return make_profile(kCommand, target_of(args, "/key"),
                      json::ObjectText().text("public_key", keys.public_key).done(), args, keys,
                      context);
}

std::string owner_of(const Device& device) {
  if (device.tags.empty()) return printable(device.user);
  std::string out;
  for (const std::string& tag : device.tags) out += (out.empty() ? "" : ",") + printable(tag);
  return out;
}

std::string state_of(const Device& device, const WallTime& now) {
  if (device.is_disabled) return "disabled";
  if (device.is_expired) return "expired";
  return device.expires ? "expires " + relative(*device.expires, now) : "enabled";
}

int run_list(const DeviceArgs& args, Context& context) {
  return call_admin<DeviceList>(
      context, {.command = "admin device list", .method = "GET", .target = "devices", .body = {}},
      args.form(), [&](const DeviceList& list) {
        if (list.devices.empty()) {
          context.out << "There are no devices: `warren admin device add NAME` makes one.\n";
          return;
        }
        TextTable table;
        table.add({"ID", "NAME", "OWNER", "ADDRESS", "STATE"});
        for (const Device& device : list.devices) {
          table.add({std::to_string(device.id), printable(device.name), owner_of(device),
                     printable(device.ipv4), state_of(device, context.wall_now())});
        }
        context.out << table.text();
      });
}

void print_details(const Device& device, Context& context) {
  TextTable table;
  const auto line = [&table](const char* name, const std::string& value) {
    if (!value.empty()) table.add({name, printable(value)});
  };
  line("Name", device.name);
  line("ID", std::to_string(device.id));
  line("Owner", owner_of(device));
  line("State", state_of(device, context.wall_now()));
  line("IPv4", device.ipv4);
  line("IPv6", device.ipv6);
  line("Public key", device.public_key);
  if (device.profile) line("Endpoint", device.profile->endpoint);
  line("Made", relative(device.created, context.wall_now(), ""));
  context.out << table.text();
  if (!device.warning.empty()) {
    context.err << fmt::format("warning: {}\n", printable(device.warning));
  }
}

int run_show(const DeviceArgs& args, Context& context) {
  return call_admin<Device>(
      context,
      {.command = "admin device show", .method = "GET", .target = target_of(args), .body = {}},
      args.form(), [&](const Device& device) { print_details(device, context); });
}

// POST, and a sentence about the device as it is then.
int change(const DeviceArgs& args,
           std::string_view verb,
           std::string body,
           Context& context,
           const std::function<std::string(const Device&)>& sentence) {
  const std::string command = fmt::format("admin device {}", verb);
  return call_admin<Device>(context,
                            {.command = command,
                             .method = "POST",
                             .target = target_of(args, fmt::format("/{}", verb)),
                             .body = std::move(body)},
                            args.form(),
                            [&](const Device& device) { context.out << sentence(device) << '\n'; });
}

int run_rename(const DeviceArgs& args, Context& context) {
  return change(args, "rename", json::ObjectText().text("name", args.new_name).done(), context,
                [&](const Device& device) {
                  return fmt::format("{} is {} now.", args.name, printable(device.name));
                });
}

int run_disable(const DeviceArgs& args, Context& context) {
  return change(args, "disable", {}, context, [&](const Device& device) {
    return fmt::format("{0} is cut off. Again with: `warren admin device enable {0}`",
                       printable(device.name));
  });
}

int run_enable(const DeviceArgs& args, Context& context) {
  return change(args, "enable", {}, context, [&](const Device& device) {
    return device.is_expired
               ? fmt::format(
                     "{0} is enabled, but has expired: `warren admin device expiry {0} 30d`",
                     printable(device.name))
               : fmt::format("{} may connect.", printable(device.name));
  });
}

int run_expiry(const DeviceArgs& args, Context& context) {
  if (!is_lifetime(args.expiry)) {
    return fail_with(context, "admin device expiry", kBadUsage, kBadExpiry);
  }
  std::string body;
  json::Writer out(body);
  out.open_object();
  put_lifetime(out, args.expiry);
  out.close_object();
  return change(args, "expiry", body, context, [&](const Device& device) {
    return device.expires ? fmt::format("{} expires {}.", printable(device.name),
                                        relative(*device.expires, context.wall_now()))
                          : fmt::format("{} never expires.", printable(device.name));
  });
}

int run_remove(const DeviceArgs& args, Context& context) {
  return call_admin<Nothing>(
      context,
      {.command = "admin device rm", .method = "DELETE", .target = target_of(args), .body = {}},
      args.form(), [&](const Nothing&) {
        context.out << fmt::format("{} is cut off and gone. Its profile is useless.\n", args.name);
      });
}

}  // namespace

void add_admin_devices(CLI::App& admin, Context& context) {
  CLI::App* const family =
      admin.add_subcommand("device", "Plain WireGuard devices, through the server's hub");
  family->require_subcommand(1);
  family->footer(
      "A device needs no program of ours: a WireGuard app, wg-quick, or a router will do.\n"
      "\n"
      "Example:\n"
      "  sudo warren admin device add phone             prints a profile and a QR code\n"
      "  sudo warren admin device add nas > nas.conf    for wg-quick");
  auto args = std::make_shared<DeviceArgs>();
  const auto add = [&](const char* name, const char* help, const char* example, auto run) {
    CLI::App* const command = family->add_subcommand(name, help);
    command->footer(fmt::format("Example:\n  sudo warren admin device {}", example));
    command->add_flag("--json", args->json, "Print JSON");
    command->callback([args, &context, run] { context.exit_code = run(*args, context); });
    return command;
  };
  const auto takes_device = [&](CLI::App* command) {
    command->add_option("device", args->name, "Its name, address or number")
        ->required()
        ->type_name("");
    return command;
  };
  const auto takes_key = [&](CLI::App* command) {
    command
        ->add_option("--public-key", args->public_key,
                     "The device made its key itself: the public half, as `wg pubkey` prints it")
        ->type_name("KEY");
    command->add_option("--png", args->png, "Write the QR code there, too")->type_name("FILE");
  };
  CLI::App* const made = add("add", "Add a device; prints its profile",
                             "add phone --user alice --expiry 30d", run_add);
  made->add_option("name", args->name, "Its name in the network")->required()->type_name("");
  made->add_option("-u,--user", args->user, "Whose it is; if there is one user only, theirs")
      ->type_name("LOGIN");
  made->add_option("--tag", args->tags, "Instead of a user: what it is for; may be repeated")
      ->allow_extra_args(false)
      ->type_name("TAG");
  made->add_option("--expiry", args->expiry, "How long it may connect, or never")
      ->type_name("DURATION")
      ->capture_default_str();
  takes_key(made);
  add("list", "All devices", "list", run_list);
  takes_device(add("show", "All about one device", "show phone", run_show));
  takes_device(add("rename", "Give a device another name", "rename phone handset", run_rename))
      ->add_option("new-name", args->new_name, "The new one")
      ->required()
      ->type_name("");
  takes_device(add("disable", "Cut a device off", "disable phone", run_disable));
  takes_device(add("enable", "Let a device connect again", "enable phone", run_enable));
  takes_device(add("expiry", "Set how long a device may connect", "expiry phone 30d", run_expiry))
      ->add_option("span", args->expiry, "From now on, or never")
      ->required()
      ->type_name("");
  takes_key(takes_device(
      add("key", "Give a device a new key; prints its new profile", "key phone", run_key)));
  takes_device(add("rm", "Remove a device from the network", "rm phone", run_remove));
}

}  // namespace warren::cli
